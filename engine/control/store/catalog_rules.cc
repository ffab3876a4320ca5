// What must hold when an object is written, and what goes with one that is removed.
#include <algorithm>
#include <set>

#include "control/config_price.h"
#include "control/digest.h"
#include "control/store/catalog.h"
#include "control/store/merge.h"

namespace weir {

namespace {

std::unexpected<CatalogError> invalid(ObjectKind kind, std::string_view param,
                                      std::string message) {
  return std::unexpected(
      CatalogError{CatalogErrc::kInvalid, kind, std::move(message), std::string(param)});
}

std::unexpected<CatalogError> missing(ObjectKind kind, std::string_view param) {
  return std::unexpected(
      CatalogError{CatalogErrc::kNotFound, kind,
                   "There is no such " + std::string(object_kind_name(kind)) + ".",
                   std::string(param)});
}

// A name is printable, not empty unless it may be, and not too long.
Cataloged<void> name_check(ObjectKind kind, std::string_view param, std::string_view name,
                           bool may_be_empty = false) {
  if (name.empty() && !may_be_empty) return invalid(kind, param, "May not be empty.");
  if (name.size() > Catalog::kMaxName) {
    return invalid(kind, param, "May have at most " + std::to_string(Catalog::kMaxName) +
                                    " bytes.");
  }
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  if (!printable) return invalid(kind, param, "May not hold control characters.");
  return {};
}

bool bucket_valid(const std::optional<BucketConfig>& bucket) {
  return !bucket || (bucket->amount > 0 && bucket->capacity > 0 && bucket->duration_ns > 0);
}

}  // namespace

Cataloged<void> Catalog::settle(TenantObject* tenant) const {
  if (tenant->name.empty()) tenant->name = tenant->tenant;
  if (tenant->tenant.find('/') != std::string::npos) {
    return invalid(ObjectKind::kTenant, "name", "May not hold a slash.");
  }
  if (auto named = name_check(ObjectKind::kTenant, "name", tenant->tenant); !named) return named;
  return name_check(ObjectKind::kTenant, "name", tenant->name);
}

Cataloged<void> Catalog::settle(ProviderObject* provider) const {
  constexpr ObjectKind kKind = ObjectKind::kProvider;
  if (auto named = name_check(kKind, "name", provider->config.name); !named) return named;
  if (provider->config.name.find('/') != std::string::npos) {
    return invalid(kKind, "name", "May not hold a slash.");
  }
  ConfigProblems problems;
  const ProviderConfig settled = provider_judged(*provider, options_, deny_private_, &problems);
  for (const ConfigProblem& problem : problems.list) {
    if (problem.warning) continue;
    std::string_view param = problem.path;
    if (param.starts_with('.')) param.remove_prefix(1);
    return invalid(kKind, param, problem.text);
  }
  provider->config.type = settled.type;  // in its canonical spelling
  return {};
}

Cataloged<void> Catalog::settle(ModelObject* model) const {
  constexpr ObjectKind kKind = ObjectKind::kModel;
  ModelConfig& config = model->config;
  const auto* provider = find<ProviderObject>(model->tenant, model->provider_uuid);
  if (provider == nullptr) return missing(ObjectKind::kProvider, "provider_uuid");
  config.provider = provider->config.name;
  if (auto named = name_check(kKind, "id", config.id); !named) return named;
  if (auto named = name_check(kKind, "alias", config.alias, true); !named) return named;
  if (config.environment != kProduction && config.environment != kSandbox) {
    return invalid(kKind, "environment", "Needs to be production or sandbox.");
  }
  if (config.weight.value_or(1) == 0 || config.weight.value_or(1) > ModelConfig::kMaxWeight) {
    return invalid(kKind, "metadata.weight", "Needs to be from 1 to 1000000.");
  }
  if (const auto price = price_of(config.metadata); !price) {
    return invalid(kKind, "metadata." + std::string(price.error().param),
                   std::string(price.error().message));
  }
  const ModelObject* before = by_uuid<ModelObject>(model->uuid);
  const bool joins = before == nullptr || before->config.alias != config.alias;
  if (!config.alias.empty() && joins && 
      alias_size(model->tenant, config.environment, config.alias) >= Route::kMaxTargets) {
    return invalid(kKind, "alias", "This alias has " + std::to_string(Route::kMaxTargets) +
                                       " models already, as many as it may.");
  }
  if (before == nullptr && models_by_id(model->tenant, config.id).size() >= Route::kMaxTargets) {
    return invalid(kKind, "id", "There are " + std::to_string(Route::kMaxTargets) +
                                    " models with this id already, as many as there may be.");
  }
  return {};
}

Cataloged<void> Catalog::settle(BalancerObject* balancer) const {
  constexpr ObjectKind kKind = ObjectKind::kBalancer;
  BalancerConfig& config = balancer->config;
  if (auto named = name_check(kKind, "alias", config.alias); !named) return named;
  if (auto named = name_check(kKind, "name", config.name, true); !named) return named;
  if (balancer->backends.size() > Route::kMaxTargets) {
    return invalid(kKind, "backends", "May have at most " + std::to_string(Route::kMaxTargets) +
                                          " members.");
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i < balancer->backends.size(); ++i) {
    const BackendObject& backend = balancer->backends[i];
    const std::string param = "backends[" + std::to_string(i) + "]";
    const auto* model = find<ModelObject>(balancer->tenant, backend.model_uuid);
    if (model == nullptr) return missing(ObjectKind::kModel, param + ".model_uuid");
    if (model->config.environment != config.environment) {
      return invalid(kKind, param + ".model_uuid", "The model is of the other environment.");
    }
    if (!seen.insert(backend.model_uuid).second) {
      return invalid(kKind, param + ".model_uuid", "The same model stands here twice.");
    }
    const uint32_t weight = backend.weight.value_or(1);
    if (weight == 0 || weight > ModelConfig::kMaxWeight) {
      return invalid(kKind, param + ".weight", "Needs to be from 1 to 1000000.");
    }
  }
  // A load balancer for an alias that nobody has is a slip of the pen more often than a plan.
  if (balancer->backends.empty() &&
      alias_size(balancer->tenant, config.environment, config.alias) == 0) {
    return invalid(kKind, "alias", "No model has this alias; name the models in backends.");
  }
  return {};
}

Cataloged<void> Catalog::settle(LimitObject* limit) const {
  constexpr ObjectKind kKind = ObjectKind::kLimit;
  RateLimitConfig& config = limit->config;
  if (!config.request && !config.token) {
    return invalid(kKind, "request", "Needs a request or a token bucket.");
  }
  if (!bucket_valid(config.request)) {
    return invalid(kKind, "request", "amount, capacity and duration need to be above zero.");
  }
  if (!bucket_valid(config.token)) {
    return invalid(kKind, "token", "amount, capacity and duration need to be above zero.");
  }
  limit->target.clear();
  const std::string& subject = limit->subject_uuid;
  switch (config.scope) {
    case LimitScope::kTenant:
      config.subject.clear();
      limit->subject_uuid.clear();
      return {};
    case LimitScope::kKey:
      if (find<KeyObject>(limit->tenant, subject)) break;
      return missing(ObjectKind::kKey, "key_uuid");
    case LimitScope::kProvider:
      if (find<ProviderObject>(limit->tenant, subject)) break;
      return missing(ObjectKind::kProvider, "provider_uuid");
    case LimitScope::kModel:
      if (subject.empty()) {
        if (alias_known(limit->tenant, config.subject)) return {};
        return missing(ObjectKind::kModel, "model_uuid");
      }
      const auto* model = find<ModelObject>(limit->tenant, subject);
      if (model == nullptr) return missing(ObjectKind::kModel, "model_uuid");
      limit->target = model->provider_uuid + "/" + model->config.id;
      break;
  }
  config.subject.clear();  // it follows the uuid
  return {};
}

Cataloged<void> Catalog::settle(PolicyObject* policy) const {
  constexpr ObjectKind kKind = ObjectKind::kPolicy;
  const PolicyConfig& config = policy->config;
  if (config.action != "read" && config.action != "write") {
    return invalid(kKind, "action", "Needs to be read or write.");
  }
  if (config.effect != "allow" && config.effect != "deny") {
    return invalid(kKind, "effect", "Needs to be allow or deny.");
  }
  if (auto named = name_check(kKind, "resource", config.resource); !named) return named;
  return name_check(kKind, "subject", config.subject);
}

Cataloged<void> Catalog::settle(KeyObject* key) const {
  constexpr ObjectKind kKind = ObjectKind::kKey;
  const KeyConfig& config = key->config;
  if (auto named = name_check(kKind, "name", config.name); !named) return named;
  if (config.sha256.size() != 64) return invalid(kKind, "sha256", "Needs 64 hexadecimal digits.");
  if (config.environment != kProduction && config.environment != kSandbox) {
    return invalid(kKind, "environment", "Needs to be production or sandbox.");
  }
  for (const std::string& group : config.groups) {
    if (auto named = name_check(kKind, "groups", group); !named) return named;
  }
  for (const std::string& model : config.models) {
    if (auto named = name_check(kKind, "models", model); !named) return named;
  }
  return {};
}

Cataloged<void> Catalog::may_remove(const TenantObject& tenant) const {
  if (tenant.tenant == kDefaultTenant) {
    return std::unexpected(CatalogError{CatalogErrc::kConflict, ObjectKind::kTenant,
                                        "The tenant \"default\" is always there.", ""});
  }
  if (tenant.from_file) {
    return std::unexpected(
        CatalogError{CatalogErrc::kManagedByFile, ObjectKind::kTenant,
                     "The configuration file has objects of this tenant; take them out first.",
                     ""});
  }
  return {};
}

// Models first would work as well: what is gone already is passed over.
void Catalog::cascade(const TenantObject& tenant) {
  drop_all<PolicyObject>(tenant.tenant);
  drop_all<LimitObject>(tenant.tenant);
  drop_all<BalancerObject>(tenant.tenant);
  drop_all<ModelObject>(tenant.tenant);
  drop_all<ProviderObject>(tenant.tenant);
  drop_all<KeyObject>(tenant.tenant);
}

template <typename T>
void Catalog::drop_all(std::string_view tenant) {
  for (const T* object : list<T>(tenant)) {
    if (!object->from_file) drop<T>(object->uuid);
  }
}

void Catalog::cascade(const ProviderObject& provider) {
  for (const ModelObject* model : models_of(provider.uuid)) {
    const ModelObject object = *model;
    drop<ModelObject>(object.uuid);
    cascade(object);
  }
  drop_pointing_at(provider.tenant, "provider:", provider.uuid);
}

void Catalog::cascade(const ModelObject& model) {
  for (const BalancerObject* found : balancers_with(model.uuid)) {
    if (found->from_file) continue;
    BalancerObject balancer = *found;
    std::erase_if(balancer.backends, [&model](const BackendObject& backend) {
      return backend.model_uuid == model.uuid;
    });
    if (balancer.backends.empty()) {
      drop<BalancerObject>(balancer.uuid);
      drop_pointing_at(balancer.tenant, "load_balancer:", balancer.uuid);
    } else {
      put_again(std::move(balancer));
    }
  }
  drop_pointing_at(model.tenant, "model:", model.uuid);
}

void Catalog::cascade(const BalancerObject& balancer) {
  drop_pointing_at(balancer.tenant, "load_balancer:", balancer.uuid);
}

void Catalog::cascade(const KeyObject& key) { drop_pointing_at(key.tenant, "key:", key.uuid); }

// The models under a provider carry its name.
void Catalog::renamed(const ProviderObject& provider) {
  for (const ModelObject* found : models_of(provider.uuid)) {
    if (found->config.provider == provider.config.name) continue;
    ModelObject model = *found;
    model.config.provider = provider.config.name;
    put_again(std::move(model));
  }
}

}  // namespace weir
