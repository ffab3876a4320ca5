// Load balancers: how the models of an alias share its requests.
#include "control/api/api_body.h"
#include "control/api/api_json.h"
#include "control/api/resources.h"
#include "control/api/write_policy.h"
#include "control/config_read.h"
#include "control/config_units.h"

namespace weir {

namespace {

std::string_view algorithm_name(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kRoundRobin: return "round_robin";
    case Algorithm::kWeightedRoundRobin: return "weighted_round_robin";
    case Algorithm::kLeastInflight: return "least_connections";
    case Algorithm::kPriority: return "quota_priority";
  }
  return "";
}

// A backend may name its model in each of these ways; the file's word for it is `model`.
bool backends_rename(ManagementCall& call, ConfigNode* body) {
  for (ConfigMember& member : body->members) {
    if (member.key != "backends") continue;
    for (ConfigNode& item : member.value.items) {
      // Answers hold the name beside the uuid.
      if (node_find(item, "model_uuid") != nullptr) node_take(&item, "model");
      const bool good = node_rename(call, &item, "model",
                                    {"model_uuid", "modelUuid", "model_id", "modelId"});
      if (!good) return false;
    }
  }
  return true;
}

// The names that the body gave, as models.
bool backends_find(const Catalog& catalog, ManagementCall& call, BalancerObject* balancer) {
  balancer->backends.clear();
  for (size_t i = 0; i < balancer->config.backends.size(); ++i) {
    const BackendConfig& backend = balancer->config.backends[i];
    const ModelObject* model =
        catalog.model_in(call.tenant, balancer->config.environment, backend.model);
    if (model == nullptr) {
      missing_fail(call, ObjectKind::kModel, "backends[" + std::to_string(i) + "].model_uuid");
      return false;
    }
    balancer->backends.push_back({model->uuid, backend.weight, backend.priority});
  }
  balancer->config.backends.clear();
  return true;
}

bool balancer_take(const Catalog& catalog, ApiCall& made, BalancerObject* balancer) {
  ManagementCall& call = *made.call;
  auto body = body_read(call);
  if (!body || !backends_rename(call, &*body)) return false;
  shown_drop(&*body, {"uuid", "created", "updated_at", "managed_by", "status"});
  BalancerConfig config;
  ConfigProblems problems;
  ConfigContext context{.problems = &problems, .folder = {}, .resolve_secrets = true};
  balancer_read(context, *body, "", &config);
  if (problems_fail(call, problems)) return false;
  balancer->config = std::move(config);
  return backends_find(catalog, call, balancer);
}

const BalancerObject* balancer_named(const Catalog& catalog, ApiCall& made) {
  const auto* found = catalog.balancer(made.call->tenant, made.parameters[0]);
  if (found == nullptr) missing_fail(*made.call, ObjectKind::kBalancer);
  return found;
}

std::string balancer_json(const Catalog& catalog, const BalancerObject& balancer) {
  const BalancerConfig& config = balancer.config;
  std::string backends = "[";
  for (const BackendObject& backend : balancer.backends) {
    JsonObject item;
    item.text("model_uuid", backend.model_uuid);
    if (const auto* model = catalog.by_uuid<ModelObject>(backend.model_uuid)) {
      item.text("model", model->config.provider + "/" + model->config.id);
    }
    if (backend.weight) item.number("weight", *backend.weight);
    if (backend.priority) item.number("priority", *backend.priority);
    backends += (backends.size() > 1 ? "," : "") + item.take();
  }
  JsonObject out;
  out.text("object", "load_balancer")
      .text("uuid", balancer.uuid)
      .some_text("name", config.name)
      .text("alias", config.alias)
      .text("environment", config.environment)
      .text("algorithm", algorithm_name(config.algorithm))
      .text("suspend_duration", duration_format_ms(config.suspend_ms))
      .number("max_attempts", config.max_attempts)
      .json("backends", backends + "]")
      .number("created", balancer.created_unix_s)
      .number("updated_at", balancer.updated_unix_s)
      .text("managed_by", managed_by(balancer))
      .text("status", catalog.orphaned(balancer) ? "orphaned" : "active");
  return out.take();
}

}  // namespace

void balancer_create(Catalog& catalog, ApiCall& made) {
  BalancerObject balancer;
  balancer.tenant = made.call->tenant;
  if (!balancer_take(catalog, made, &balancer)) return;
  if (!write_allowed(catalog, *made.call, balancer)) return;
  const auto created = catalog.create(std::move(balancer), made.unix_s);
  if (!created) return catalog_fail(*made.call, created.error());
  api_reply(*made.call, 201, balancer_json(catalog, **created));
}

void balancer_list(Catalog& catalog, ApiCall& made) {
  JsonList list;
  for (const BalancerObject* balancer : catalog.list<BalancerObject>(made.call->tenant)) {
    list.add(balancer_json(catalog, *balancer));
  }
  api_reply(*made.call, 200, list.take());
}

void balancer_get(Catalog& catalog, ApiCall& made) {
  const BalancerObject* balancer = balancer_named(catalog, made);
  if (balancer != nullptr) api_reply(*made.call, 200, balancer_json(catalog, *balancer));
}

void balancer_update(Catalog& catalog, ApiCall& made) {
  const BalancerObject* before = balancer_named(catalog, made);
  if (before == nullptr || !write_allowed(catalog, *made.call, *before)) return;
  BalancerObject balancer = *before;
  if (!balancer.from_file && !balancer_take(catalog, made, &balancer)) return;
  const auto updated = catalog.update(std::move(balancer), made.unix_s);
  if (!updated) return catalog_fail(*made.call, updated.error());
  api_reply(*made.call, 200, balancer_json(catalog, **updated));
}

void balancer_delete(Catalog& catalog, ApiCall& made) {
  const BalancerObject* balancer = balancer_named(catalog, made);
  if (balancer == nullptr || !write_allowed(catalog, *made.call, *balancer)) return;
  const auto removed = catalog.remove<BalancerObject>(made.call->tenant, balancer->uuid);
  if (!removed) return catalog_fail(*made.call, removed.error());
  made.call->status = 204;
}

}  // namespace weir
