// The objects of the configuration file among those of the API.
#include <set>

#include "base/check.h"
#include "control/digest.h"
#include "control/object_ids.h"
#include "control/store/catalog.h"
#include "json/json_write.h"

namespace weir {

namespace {

// Metadata of the file is text; what reads as a number or a flag is shown as one.
std::string metadata_json(const TextPairs& metadata) {
  if (metadata.empty()) return {};
  std::string out = "{";
  for (const auto& [name, value] : metadata) {
    if (out.size() > 1) out += ',';
    json_append_string(&out, name);
    out += ':';
    const bool number = value.find_first_not_of("0123456789") == std::string::npos &&
                        !value.empty() && value.size() < 16 &&
                        (value == "0" || value.front() != '0');
    const size_t dot = value.find('.');
    const bool decimal = dot != std::string::npos && dot > 0 && dot + 1 < value.size() &&
                         value.size() < 16 && value.find('.', dot + 1) == std::string::npos &&
                         (value.front() != '0' || dot == 1) &&
                         value.find_first_not_of("0123456789.") == std::string::npos;
    if (number || decimal || value == "true" || value == "false") {
      out += value;
    } else {
      json_append_string(&out, value);
    }
  }
  return out + "}";
}

template <typename Config, typename Object>
void meta_fill(const Config& config, uint64_t order, Object* object) {
  object->uuid = config.uuid;
  object->tenant = config.tenant;
  object->order = order;
  object->from_file = true;
  object->config = config;
}

ProviderObject provider_of(const ProviderConfig& config, uint64_t order) {
  ProviderObject object;
  meta_fill(config, order, &object);
  if (!config.api_key.empty()) object.data.emplace_back("apikey", config.api_key);
  if (!config.base_url.empty()) object.data.emplace_back("base_url", Secret(config.base_url));
  object.data.insert(object.data.end(), config.data.begin(), config.data.end());
  return object;
}

// The members of an alias or of a whole scope are found by name, as the file names them.
const ModelObject* model_in(const Catalog& catalog, std::string_view tenant,
                            std::string_view environment, std::string_view provider_and_id) {
  const ModelObject* best = nullptr;
  for (const ModelObject* model : catalog.models_at(tenant, provider_and_id)) {
    if (!model->from_file || (!environment.empty() && model->config.environment != environment)) {
      continue;
    }
    if (best == nullptr) best = model;
  }
  return best;
}

BalancerObject balancer_from(const Catalog& catalog, const BalancerConfig& config, uint64_t order) {
  BalancerObject object;
  meta_fill(config, order, &object);
  object.config.backends.clear();
  for (const BackendConfig& backend : config.backends) {
    const auto* model = model_in(catalog, config.tenant, config.environment, backend.model);
    WEIR_CHECK(model != nullptr);  // config_check() saw it
    object.backends.push_back({model->uuid, backend.weight, backend.priority});
  }
  return object;
}

LimitObject limit_of(const Catalog& catalog, const RateLimitConfig& config, uint64_t order) {
  LimitObject object;
  meta_fill(config, order, &object);
  if (config.scope == LimitScope::kProvider) {
    if (const auto* provider = catalog.provider(config.tenant, config.subject)) {
      object.subject_uuid = provider->uuid;
    }
  } else if (config.scope == LimitScope::kKey) {
    if (const auto* key = catalog.key(config.tenant, config.subject)) {
      object.subject_uuid = key->uuid;
    }
  } else if (config.scope == LimitScope::kModel) {
    // An alias before "provider/id"; a bare id stays the name that it is.
    const bool alias = catalog.alias_known(config.tenant, config.subject);
    const auto* model = alias ? nullptr : model_in(catalog, config.tenant, "", config.subject);
    if (model != nullptr) {
      object.subject_uuid = model->uuid;
      object.target = model->provider_uuid + "/" + model->config.id;
    }
  }
  return object;
}

}  // namespace

template <typename T>
void Catalog::file_drop(Births* births) {
  std::vector<std::string> uuids;
  table<T>().for_each([&](const T& object) {
    if (!object.from_file) return;
    births->emplace(object.uuid, object.created_unix_s);
    uuids.push_back(object.uuid);
  });
  for (const std::string& uuid : uuids) drop<T>(uuid);
}

std::expected<void, std::string> Catalog::set_file(const Config& config, int64_t now_unix_s) {
  const size_t before = mark();
  Births births;
  file_drop<PolicyObject>(&births);
  file_drop<LimitObject>(&births);
  file_drop<BalancerObject>(&births);
  file_drop<ModelObject>(&births);
  file_drop<ProviderObject>(&births);
  file_drop<KeyObject>(&births);
  file_drop<TenantObject>(&births);
  auto done = file_put(config, births, now_unix_s);
  if (!done) undo_to(before);
  if (done) deny_private_ = config.deny_private_upstreams;
  return done;
}

std::expected<void, std::string> Catalog::file_put(const Config& config, const Births& births,
                                                   int64_t now) {
  std::expected<void, std::string> done;
  uint64_t order = 0;
  const auto put = [&](auto object, std::string_view path) {
    const auto born = births.find(object.uuid);
    object.created_unix_s = object.updated_unix_s = born != births.end() ? born->second : now;
    done = put_from_file(std::move(object));
    if (!done) done = std::unexpected(std::string(path) + ": " + done.error());
    return done.has_value();
  };
  const auto tenant_put = [&](const std::string& name) {
    if (tenant(name) != nullptr) return true;
    TenantObject object;
    object.uuid = tenant_uuid(name);
    object.tenant = object.name = name;
    object.from_file = name != kDefaultTenant;
    object.order = ++order;
    return put(std::move(object), "tenant");
  };
  tenant_put(kDefaultTenant);
  for (const ProviderConfig& provider : config.providers) {
    if (!tenant_put(provider.tenant)) return done;
    if (!put(provider_of(provider, ++order), provider.path)) return done;
  }
  for (const ModelConfig& model : config.models) {
    ModelObject object;
    meta_fill(model, ++order, &object);
    const auto* parent = provider(model.tenant, model.provider);
    WEIR_CHECK(parent != nullptr);  // config_check() saw it
    object.provider_uuid = parent->uuid;
    object.metadata_json = metadata_json(model.metadata);
    if (!put(std::move(object), model.path)) return done;
  }
  for (const KeyConfig& key : config.keys) {
    if (!tenant_put(key.tenant)) return done;
    KeyObject object;
    meta_fill(key, ++order, &object);
    if (object.config.sha256.empty()) {
      const KeyDigest digest = sha256_digest(key.key.reveal());
      object.config.sha256 = hex_of({reinterpret_cast<const char*>(digest.data()), digest.size()});
    }
    if (!put(std::move(object), key.path)) return done;
  }
  for (const BalancerConfig& balancer : config.balancers) {
    if (!put(balancer_from(*this, balancer, ++order), balancer.path)) return done;
  }
  for (const RateLimitConfig& limit : config.rate_limits) {
    if (!tenant_put(limit.tenant)) return done;
    if (!put(limit_of(*this, limit, ++order), limit.path)) return done;
  }
  for (const PolicyConfig& policy : config.policies) {
    if (!tenant_put(policy.tenant)) return done;
    PolicyObject object;
    meta_fill(policy, ++order, &object);
    if (!put(std::move(object), policy.path)) return done;
  }
  return done;
}

}  // namespace weir
