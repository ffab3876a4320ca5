#include "control/store/merge.h"

#include <algorithm>

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

}  // namespace

ProviderConfig provider_effective(const ProviderObject& provider, const ConfigOptions& options,
                                  bool deny_private, ConfigProblems* problems) {
  if (provider.from_file) return provider.config;
  ProviderConfig config = provider.config;
  config.by_reference = provider.needs_resolving;
  config.data_reference = provider.reference;
  for (const auto& [name, sent] : provider.data) {
    Secret value = sent;
    if (provider.needs_resolving) {
      const auto read = secret_resolve(sent.reveal(), "");
      if (!read) {
        problems->error({}, ".data." + name, read.error());
        continue;
      }
      value = read->value;
    }
    if (name == "apikey") {
      config.api_key = value;
    } else if (name == "base_url") {
      config.base_url = value.reveal();
      config.base_url_reference = value.reference();
    } else {
      config.data.emplace_back(name, value);
    }
  }
  Config alone;
  alone.deny_private_upstreams = deny_private;
  alone.providers.push_back(std::move(config));
  providers_check(options, &alone, problems);
  return std::move(alone.providers.front());
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

Config merge_config(const Config& file, const Catalog& catalog, const ConfigOptions& options,
                    std::vector<std::string>* left_out) {
  Config out = file;
  std::vector<std::string> unusable;  // uuids of providers
  for (const auto* provider : of_api<ProviderObject>(catalog)) {
    ConfigProblems problems;
    ProviderConfig config =
        provider_effective(*provider, options, file.deny_private_upstreams, &problems);
    if (!problems.has_errors()) {
      out.providers.push_back(std::move(config));
      continue;
    }
    unusable.push_back(provider->uuid);
    left_out->push_back("provider " + message_quote(config.name) + " is not used: " +
                        problems.list.front().text);
  }
  for (const auto* model : of_api<ModelObject>(catalog)) {
    if (catalog.orphaned(*model)) continue;
    const auto bad = std::find(unusable.begin(), unusable.end(), model->provider_uuid);
    if (bad == unusable.end()) out.models.push_back(model->config);
  }
  for (const auto* balancer : of_api<BalancerObject>(catalog)) {
    if (auto config = balancer_effective(catalog, *balancer)) {
      out.balancers.push_back(std::move(*config));
    }
  }
  for (const auto* limit : of_api<LimitObject>(catalog)) {
    if (auto config = limit_effective(catalog, *limit)) out.rate_limits.push_back(*config);
  }
  for (const auto* key : of_api<KeyObject>(catalog)) out.keys.push_back(key->config);
  for (const auto* policy : of_api<PolicyObject>(catalog)) out.policies.push_back(policy->config);
  return out;
}

}  // namespace weir
