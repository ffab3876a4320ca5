// Policies: who may see and use what. They never change: a new one takes the old one's place.
#include "control/api/api_body.h"
#include "control/api/api_json.h"
#include "control/api/resources.h"
#include "control/config_check.h"
#include "control/config_read.h"

namespace weir {

namespace {

bool policy_take(ApiCall& made, PolicyObject* policy) {
  ManagementCall& call = *made.call;
  auto body = body_read(call);
  if (!body) return false;
  shown_drop(&*body, {"uuid", "created", "managed_by"});
  ConfigProblems problems;
  ConfigContext context{.problems = &problems, .folder = {}, .resolve_secrets = true};
  policy_read(context, *body, "", &policy->config);
  if (!problems.has_errors()) policy_check(policy->config, &problems);
  return !problems_fail(call, problems);
}

std::string policy_json(const PolicyObject& policy) {
  const PolicyConfig& config = policy.config;
  return JsonObject()
      .text("uuid", policy.uuid)
      .text("action", config.action)
      .text("effect", config.effect)
      .text("resource", config.resource)
      .text("subject", config.subject)
      .number("created", policy.created_unix_s)
      .text("managed_by", managed_by(policy))
      .take();
}

void policy_remove(Catalog& catalog, ApiCall& made, const PolicyObject* policy) {
  if (policy == nullptr) return missing_fail(*made.call, ObjectKind::kPolicy);
  const auto removed = catalog.remove<PolicyObject>(made.call->tenant, policy->uuid);
  if (!removed) return catalog_fail(*made.call, removed.error());
  made.call->status = 204;
}

}  // namespace

// The same policy again changes nothing: the answer is the one that is there.
void policy_create(Catalog& catalog, ApiCall& made) {
  PolicyObject policy;
  policy.tenant = made.call->tenant;
  if (!policy_take(made, &policy)) return;
  if (const PolicyObject* same = catalog.policy(policy)) {
    return api_reply(*made.call, 201, policy_json(*same));
  }
  const auto created = catalog.create(std::move(policy), made.unix_s);
  if (!created) return catalog_fail(*made.call, created.error());
  api_reply(*made.call, 201, policy_json(**created));
}

void policy_list(Catalog& catalog, ApiCall& made) {
  JsonList list;
  for (const PolicyObject* policy : catalog.list<PolicyObject>(made.call->tenant)) {
    list.add(policy_json(*policy));
  }
  api_reply(*made.call, 200, list.take());
}

void policy_delete(Catalog& catalog, ApiCall& made) {
  policy_remove(catalog, made,
                catalog.find<PolicyObject>(made.call->tenant, made.parameters[0]));
}

void policy_delete_same(Catalog& catalog, ApiCall& made) {
  PolicyObject policy;
  policy.tenant = made.call->tenant;
  if (policy_take(made, &policy)) policy_remove(catalog, made, catalog.policy(policy));
}

}  // namespace weir
