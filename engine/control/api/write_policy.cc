#include "control/api/write_policy.h"

#include <string>
#include <vector>

#include "control/api/api_answer.h"
#include "control/policy.h"

namespace weir {

namespace {

// The admin as policies see it. One that signed in elsewhere, or the first admin's key, is no
// object of the catalog: then only what names everyone names it.
PolicyCaller caller_of(const Catalog& catalog, const ManagementCall& call) {
  PolicyCaller caller;
  if (const KeyObject* key = catalog.key(call.tenant, call.key_id)) {
    caller = policy_caller_of(key->config);
  }
  caller.tenant = call.tenant;
  caller.key_uuid = call.key_id;
  caller.admin = true;
  return caller;
}

bool allowed(const Catalog& catalog, ManagementCall& call, const PolicyThing& thing) {
  std::vector<PolicyConfig> denials;
  for (const PolicyObject* policy : catalog.list<PolicyObject>(call.tenant)) {
    const PolicyConfig& config = policy->config;
    if (config.action != "write" || config.effect != "deny") continue;
    denials.push_back(config);
    denials.back().tenant = policy->tenant;
  }
  if (denials.empty()) return true;
  if (!policy_denies_write(denials, caller_of(catalog, call), thing)) return true;
  api_fail(call, 403, "access_denied",
           "A policy denies this key to change that; an admin may delete the policy.");
  return false;
}

}  // namespace

bool write_allowed(const Catalog& catalog, ManagementCall& call, const ProviderObject& provider) {
  return allowed(catalog, call,
                 {.kind = PolicyKind::kProvider,
                  .uuid = provider.uuid,
                  .name = provider.config.name});
}

bool write_allowed(const Catalog& catalog, ManagementCall& call, const ModelObject& model) {
  const std::string place = model.config.provider + "/" + model.config.id;
  return allowed(catalog, call,
                 {.kind = PolicyKind::kModel,
                  .uuid = model.uuid,
                  .alias = model.config.alias,
                  .place = place,
                  .provider_uuid = model.provider_uuid,
                  .provider_name = model.config.provider});
}

bool write_allowed(const Catalog& catalog, ManagementCall& call, const BalancerObject& balancer) {
  return allowed(catalog, call,
                 {.kind = PolicyKind::kBalancer,
                  .uuid = balancer.uuid,
                  .name = balancer.config.name,
                  .alias = balancer.config.alias,
                  .lists_backends = !balancer.backends.empty()});
}

}  // namespace weir
