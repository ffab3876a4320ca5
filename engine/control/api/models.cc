// Models: what a provider is asked for, and under which names.
#include "control/api/api_body.h"
#include "control/api/api_json.h"
#include "control/api/resources.h"
#include "control/api/write_policy.h"
#include "control/config_read.h"
#include "control/routing_listing.h"

namespace weir {

namespace {

// In answers `id` is the name to call, so the alias where there is one, and the provider's own name
// stands beside it.
bool model_id_restore(ManagementCall& call, const ModelConfig& old, ConfigNode* body) {
  auto own = node_take(body, "provider_model_id");
  if (!own) return true;
  const ConfigNode* id = node_find(*body, "id");
  const ConfigNode* alias = node_find(*body, "alias");
  const bool as_shown = id == nullptr || id->text == own->text || id->text == model_name(old) ||
                        (alias != nullptr && id->text == alias->text);
  if (!as_shown) {
    api_refuse(call, "id: is another one than provider_model_id says; send one of them", "id");
    return false;
  }
  node_set(body, "id", std::move(*own));
  return true;
}

// Reads the body over `model`. `whole`: what the body does not name is gone (PUT); else it stays.
bool model_take(ApiCall& made, bool whole, ModelObject* model) {
  ManagementCall& call = *made.call;
  auto body = body_read(call);
  if (!body || !model_id_restore(call, model->config, &*body)) return false;
  shown_drop(&*body, {"uuid", "created", "owned_by", "provider_uuid", "managed_by", "status"});
  ModelConfig& config = model->config;
  const std::string provider = config.provider;
  const auto refuse_known = [&](std::string_view field) {
    api_refuse(call, std::string(field) + ": is in the path, not in the body", field);
    return false;
  };
  if (node_find(*body, "provider") != nullptr) return refuse_known("provider");
  if (whole) {
    ModelConfig fresh;
    fresh.tenant = config.tenant;
    config = std::move(fresh);
    model->metadata_json.clear();
  }
  if (const ConfigNode* metadata = node_find(*body, "metadata")) {
    config.metadata.clear();
    // Without fields of their own, weight and priority came from the metadata.
    if (node_find(*body, "weight") == nullptr) config.weight.reset();
    if (node_find(*body, "priority") == nullptr) config.priority.reset();
    model->metadata_json.clear();
    json_append_node(&model->metadata_json, *metadata);
  }
  if (node_find(*body, "id") == nullptr && !config.id.empty()) node_set(&*body, "id", config.id);
  node_set(&*body, "provider", provider);
  ConfigProblems problems;
  ConfigContext context{.problems = &problems, .folder = {}, .resolve_secrets = true};
  model_read(context, *body, "", &config);
  return !problems_fail(call, problems);
}

const ProviderObject* provider_of(const Catalog& catalog, ApiCall& made) {
  const auto* found = catalog.provider(made.call->tenant, made.parameters[0]);
  if (found == nullptr) missing_fail(*made.call, ObjectKind::kProvider);
  return found;
}

// The model of the path: {provider} and {model}, or {model} alone.
const ModelObject* model_named(const Catalog& catalog, ApiCall& made) {
  const bool with_provider = !made.parameters[1].empty();
  const std::string& name = made.parameters[with_provider ? 1 : 0];
  if (!with_provider) {
    const ModelObject* model = catalog.model(made.call->tenant, name);
    if (model == nullptr) missing_fail(*made.call, ObjectKind::kModel);
    return model;
  }
  const ProviderObject* provider = provider_of(catalog, made);
  if (provider == nullptr) return nullptr;
  const auto models = catalog.models_of(provider->uuid);
  for (const ModelObject* model : models) {
    if (model->uuid == name) return model;
  }
  for (const ModelObject* model : models) {
    if (model->config.alias == name || model->config.id == name) return model;
  }
  missing_fail(*made.call, ObjectKind::kModel);
  return nullptr;
}

// Whether the name stands for more models than this one.
bool is_shared(const Catalog& catalog, const ModelObject& model, std::string_view name) {
  for (const ModelObject* other : catalog.list<ModelObject>(model.tenant)) {
    const ModelConfig& config = other->config;
    if (other->uuid != model.uuid && (config.alias == name || config.id == name)) return true;
  }
  return false;
}

void model_write(Catalog& catalog, ApiCall& made, bool whole) {
  const ModelObject* before = model_named(catalog, made);
  if (before == nullptr || !write_allowed(catalog, *made.call, *before)) return;
  ModelObject model = *before;
  if (!model.from_file && !model_take(made, whole, &model)) return;
  const auto updated = catalog.update(std::move(model), made.unix_s);
  if (!updated) return catalog_fail(*made.call, updated.error());
  api_reply(*made.call, 200, model_json(catalog, **updated));
}

}  // namespace

std::string model_json(const Catalog& catalog, const ModelObject& model) {
  const auto* provider = catalog.by_uuid<ProviderObject>(model.provider_uuid);
  const std::string_view type = provider != nullptr ? provider->config.type : std::string_view();
  return model_members(model.config, type, model.provider_uuid) + ",\"managed_by\":\"" +
         std::string(managed_by(model)) + "\",\"status\":\"" +
         (catalog.orphaned(model) ? "orphaned" : "active") + "\"}";
}

void model_create(Catalog& catalog, ApiCall& made) {
  const ProviderObject* provider = provider_of(catalog, made);
  if (provider == nullptr) return;
  ModelObject model;
  model.tenant = made.call->tenant;
  model.provider_uuid = provider->uuid;
  model.config.provider = provider->config.name;
  if (!model_take(made, false, &model) || !write_allowed(catalog, *made.call, model)) return;
  const auto created = catalog.create(std::move(model), made.unix_s);
  if (!created) return catalog_fail(*made.call, created.error());
  api_reply(*made.call, 201, model_json(catalog, **created));
}

void model_list(Catalog& catalog, ApiCall& made) {
  const ProviderObject* provider = provider_of(catalog, made);
  if (provider == nullptr) return;
  const auto models = catalog.models_of(provider->uuid);
  JsonList list;
  for (auto model = models.rbegin(); model != models.rend(); ++model) {
    list.add(model_json(catalog, **model));
  }
  api_reply(*made.call, 200, list.take());
}

void model_get(Catalog& catalog, ApiCall& made) {
  const ModelObject* model = model_named(catalog, made);
  if (model != nullptr) api_reply(*made.call, 200, model_json(catalog, *model));
}

void model_replace(Catalog& catalog, ApiCall& made) { model_write(catalog, made, true); }

void model_change(Catalog& catalog, ApiCall& made) { model_write(catalog, made, false); }

void model_delete(Catalog& catalog, ApiCall& made) {
  const ModelObject* model = model_named(catalog, made);
  if (model == nullptr) return;
  const std::string& said = made.parameters[made.parameters[1].empty() ? 0 : 1];
  if (model->uuid != said && is_shared(catalog, *model, said)) {
    return api_fail(*made.call, 409, "conflict",
                    "Several models have that name; delete one by its uuid.");
  }
  if (!write_allowed(catalog, *made.call, *model)) return;
  const auto removed = catalog.remove<ModelObject>(made.call->tenant, model->uuid);
  if (!removed) return catalog_fail(*made.call, removed.error());
  made.call->status = 204;
}

}  // namespace weir
