#include "control/object_ids.h"

#include <set>

#include "control/digest.h"

namespace weir {

namespace {

std::string_view scope_name(LimitScope scope) {
  static constexpr std::string_view kNames[] = {"tenant", "key", "provider", "model"};
  return kNames[static_cast<size_t>(scope)];
}

class Ids {
 public:
  void give(std::string* uuid, std::initializer_list<std::string_view> parts,
            std::string_view environment = kProduction) {
    if (!uuid->empty()) return;
    std::string name, sized;
    for (const std::string_view part : parts) {
      name.append(name.empty() ? "" : "/").append(part);
      sized.append(std::to_string(part.size())).append(":").append(part);
    }
    if (environment != kProduction) name.append("@").append(environment);
    // The sizes tell apart what the slashes do not.
    if (!given_.insert(name).second) name += "#" + sized;
    *uuid = uuid_from_name(name);
  }

 private:
  std::set<std::string> given_;
};

}  // namespace

std::string tenant_uuid(std::string_view name) {
  return uuid_from_name("tenant/" + std::string(name));
}

void object_ids_fill(Config* config) {
  Ids ids;
  for (ProviderConfig& provider : config->providers) {
    ids.give(&provider.uuid, {"provider", provider.tenant, provider.name});
  }
  for (ModelConfig& model : config->models) {
    ids.give(&model.uuid, {"model", model.tenant, model.provider, model.id, model.alias},
             model.environment);
  }
  for (BalancerConfig& balancer : config->balancers) {
    ids.give(&balancer.uuid, {"load_balancer", balancer.tenant, balancer.alias},
             balancer.environment);
  }
  for (RateLimitConfig& limit : config->rate_limits) {
    ids.give(&limit.uuid, {"rate_limit", limit.tenant, scope_name(limit.scope), limit.subject});
  }
  for (KeyConfig& key : config->keys) ids.give(&key.uuid, {"key", key.tenant, key.name});
  for (PolicyConfig& policy : config->policies) {
    ids.give(&policy.uuid, {"policy", policy.tenant, policy.action, policy.effect,
                            policy.resource, policy.subject});
  }
}

}  // namespace weir
