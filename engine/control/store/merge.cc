#include "control/store/merge.h"

#include <algorithm>
#include <unordered_set>

#include "control/config_reference.h"

namespace weir {

namespace {

template <typename T>
std::vector<const T*> of_api(const Catalog& catalog) {
  std::vector<const T*> out;
  catalog.table<T>().for_each([&out](const T& object) {
    if (!object.from_file) out.push_back(&object);
  });
  std::sort(out.begin(), out.end(), [](const T* a, const T* b) { return a->order < b->order; });
  return out;
}

std::optional<Secret> value_read(const std::string& sent, const std::string& path,
                                 ConfigProblems* problems) {
  auto read = secret_resolve(sent, "");
  if (read) return std::move(read->value);
  problems->error({}, path, read.error());
  return std::nullopt;
}

// The value as sent, or what stands for it.
std::optional<Secret> value_of(const ProviderObject& provider, const Secret& sent, bool read,
                               const std::string& path, ConfigProblems* problems) {
  if (!provider.needs_resolving) return sent;
  const auto reference = reference_parse(sent.reveal());
  if (reference && reference->kind == SecretReference::Kind::kValue) return sent;
  if (read || !reference) return value_read(sent.reveal(), path, problems);
  return Secret::referred(sent.reveal());
}

ProviderConfig provider_config(const ProviderObject& provider, const ConfigOptions& options,
                               bool deny_private, bool read, ConfigProblems* problems) {
  if (provider.from_file) return provider.config;
  ProviderConfig config = provider.config;
  config.by_reference = provider.needs_resolving;
  config.data_reference = provider.reference;
  for (const auto& [name, sent] : provider.data) {
    const auto value = value_of(provider, sent, read, ".data." + name, problems);
    if (!value) continue;
    if (name == "apikey") {
      config.api_key = *value;
    } else if (name == "base_url") {
      config.base_url = value->reveal();
      config.base_url_reference = value->reference();
    } else {
      config.data.emplace_back(name, *value);
    }
  }
  for (auto& [name, sent] : config.headers) {
    if (auto value = value_of(provider, sent, read, ".headers." + name, problems)) sent = *value;
  }
  Config alone;
  alone.deny_private_upstreams = deny_private;
  alone.providers.push_back(std::move(config));
  providers_check(options, &alone, problems);
  return std::move(alone.providers.front());
}

}  // namespace

ProviderConfig provider_effective(const ProviderObject& provider, const ConfigOptions& options,
                                  bool deny_private, ConfigProblems* problems) {
  return provider_config(provider, options, deny_private, false, problems);
}

ProviderConfig provider_judged(const ProviderObject& provider, const ConfigOptions& options,
                               bool deny_private, ConfigProblems* problems) {
  return provider_config(provider, options, deny_private, true, problems);
}

std::optional<RateLimitConfig> limit_effective(const Catalog& catalog, const LimitObject& limit) {
  if (limit.from_file) return limit.config;
  if (catalog.orphaned(limit)) return std::nullopt;
  RateLimitConfig config = limit.config;
  if (limit.subject_uuid.empty()) return config;
  switch (config.scope) {
    case LimitScope::kTenant:
      break;
    case LimitScope::kKey:
      config.subject = catalog.by_uuid<KeyObject>(limit.subject_uuid)->config.name;
      break;
    case LimitScope::kProvider:
      config.subject = catalog.by_uuid<ProviderObject>(limit.subject_uuid)->config.name;
      break;
    case LimitScope::kModel: {
      const ModelConfig& model = catalog.by_uuid<ModelObject>(limit.subject_uuid)->config;
      config.subject = model.provider + "/" + model.id;
      break;
    }
  }
  return config;
}

std::optional<BalancerConfig> balancer_effective(const Catalog& catalog,
                                                 const BalancerObject& balancer) {
  if (catalog.orphaned(balancer)) return std::nullopt;
  BalancerConfig config = balancer.config;
  config.backends.clear();
  for (const BackendObject& backend : balancer.backends) {
    const auto* model = catalog.by_uuid<ModelObject>(backend.model_uuid);
    if (model == nullptr || catalog.orphaned(*model)) continue;
    BackendConfig out;
    out.model = model->config.provider + "/" + model->config.id;
    out.model_uuid = backend.model_uuid;
    out.weight = backend.weight;
    out.priority = backend.priority;
    config.backends.push_back(std::move(out));
  }
  return config;
}

Merged::Merged(const Config& file, const Catalog& catalog, const ConfigOptions& options,
               std::vector<std::string>* left_out)
    : providers_(file.providers.begin(), file.providers.end()),
      objects_(RoutingObjects::of(file)) {
  std::unordered_set<std::string_view> unusable;  // uuids of providers
  for (const auto* provider : of_api<ProviderObject>(catalog)) {
    ConfigProblems problems;
    ProviderConfig config =
        provider_effective(*provider, options, file.deny_private_upstreams, &problems);
    if (!problems.has_errors()) {
      providers_.push_back(std::move(config));
      continue;
    }
    unusable.insert(provider->uuid);
    left_out->push_back("provider " + message_quote(config.name) + " is not used: " +
                        problems.list.front().text);
  }
  for (const auto* model : of_api<ModelObject>(catalog)) {
    if (catalog.orphaned(*model) || unusable.contains(model->provider_uuid)) continue;
    objects_.models.push_back(&model->config);
  }
  for (const auto* balancer : of_api<BalancerObject>(catalog)) {
    if (auto config = balancer_effective(catalog, *balancer)) {
      balancers_.push_back(std::move(*config));
    }
  }
  for (const auto* limit : of_api<LimitObject>(catalog)) {
    if (auto config = limit_effective(catalog, *limit)) limits_.push_back(std::move(*config));
  }
  objects_.providers.clear();  // with copies, whose secrets are filled in
  RoutingObjects::add(providers_, &objects_.providers);
  RoutingObjects::add(balancers_, &objects_.balancers);
  RoutingObjects::add(limits_, &objects_.rate_limits);
  for (const auto* key : of_api<KeyObject>(catalog)) objects_.keys.push_back(&key->config);
  for (const auto* policy : of_api<PolicyObject>(catalog)) {
    objects_.policies.push_back(&policy->config);
  }
}

void Merged::keys_add(std::vector<KeyConfig> keys) {
  for (KeyConfig& key : keys) objects_.keys.push_back(&keys_.emplace_back(std::move(key)));
}

}  // namespace weir
