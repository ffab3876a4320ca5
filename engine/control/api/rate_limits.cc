// Rate limits: one for each tenant, provider, key, alias or model; a request and a token bucket.
#include <array>

#include "control/api/api_body.h"
#include "control/api/api_json.h"
#include "control/api/resources.h"
#include "control/config_read.h"
#include "control/config_units.h"

namespace weir {

namespace {

constexpr std::string_view kScopes[] = {"tenant", "key", "provider", "model"};
// What some clients put in the place of an id when they update.
constexpr std::string_view kPlaceholder = "{rate_limit_id}";

std::string_view scope_name(LimitScope scope) { return kScopes[static_cast<size_t>(scope)]; }

// The file's words for what clients call by several names.
bool subjects_rename(ManagementCall& call, ConfigNode* body) {
  return node_rename(call, body, "provider", {"provider_uuid", "providerId", "provider_id"}) &&
         node_rename(call, body, "model", {"model_uuid", "modelId", "model_id"}) &&
         node_rename(call, body, "key", {"key_uuid", "keyId", "key_id"});
}

// Finds what config.subject names. An alias stays a name; anything else becomes the object's uuid.
bool subject_find(const Catalog& catalog, ManagementCall& call, LimitObject* limit) {
  RateLimitConfig& config = limit->config;
  const std::string name = std::move(config.subject);
  config.subject.clear();
  limit->subject_uuid.clear();
  switch (config.scope) {
    case LimitScope::kTenant: return true;
    case LimitScope::kKey:
      if (const KeyObject* key = catalog.key(call.tenant, name)) limit->subject_uuid = key->uuid;
      break;
    case LimitScope::kProvider:
      if (const auto* found = catalog.provider(call.tenant, name)) {
        limit->subject_uuid = found->uuid;
      }
      break;
    case LimitScope::kModel:
      if (catalog.find<ModelObject>(call.tenant, name) == nullptr &&
          catalog.alias_known(call.tenant, name)) {
        config.subject = name;
        return true;
      }
      if (const ModelObject* model = catalog.model(call.tenant, name)) {
        limit->subject_uuid = model->uuid;
        limit->target = model->provider_uuid + "/" + model->config.id;
      }
      break;
  }
  if (!limit->subject_uuid.empty()) return true;
  constexpr std::array kKinds = {ObjectKind::kTenant, ObjectKind::kKey, ObjectKind::kProvider,
                                 ObjectKind::kModel};
  missing_fail(call, kKinds[static_cast<size_t>(config.scope)],
               std::string(scope_name(config.scope)) + "_uuid");
  return false;
}

bool limit_take(const Catalog& catalog, ApiCall& made, LimitObject* limit) {
  ManagementCall& call = *made.call;
  auto body = body_read(call);
  if (!body || !subjects_rename(call, &*body)) return false;
  // An alias is shown as the model too.
  if (node_find(*body, "model") != nullptr) node_take(&*body, "alias");
  shown_drop(&*body, {"uuid", "created_at", "updated_at", "managed_by", "status"});
  RateLimitConfig config;
  ConfigProblems problems;
  ConfigContext context{.problems = &problems, .folder = {}, .resolve_secrets = true};
  rate_limit_read(context, *body, "", &config);
  if (problems_fail(call, problems)) return false;
  limit->config = std::move(config);
  return subject_find(catalog, call, limit);
}

std::string bucket_json(const BucketConfig& bucket) {
  return JsonObject()
      .number("amount", static_cast<int64_t>(bucket.amount))
      .number("capacity", static_cast<int64_t>(bucket.capacity))
      .text("duration", duration_format_ns(bucket.duration_ns))
      .take();
}

std::string limit_json(const Catalog& catalog, const LimitObject& limit) {
  const RateLimitConfig& config = limit.config;
  JsonObject out;
  out.text("uuid", limit.uuid).text("type", scope_name(config.scope));
  // What is absent is left out and never null: clients look for the key alone.
  if (config.request) out.json("request", bucket_json(*config.request));
  if (config.token) out.json("token", bucket_json(*config.token));
  if (config.scope != LimitScope::kTenant) {
    const std::string& subject = limit.subject_uuid.empty() ? config.subject : limit.subject_uuid;
    out.text(std::string(scope_name(config.scope)) + "_uuid", subject);
    if (limit.subject_uuid.empty()) out.text("alias", config.subject);
  }
  out.number("created_at", limit.created_unix_s)
      .number("updated_at", limit.updated_unix_s)
      .text("managed_by", managed_by(limit))
      .text("status", catalog.orphaned(limit) ? "orphaned" : "active");
  return out.take();
}

const LimitObject* limit_named(const Catalog& catalog, ApiCall& made) {
  const auto* found = catalog.find<LimitObject>(made.call->tenant, made.parameters[0]);
  if (found == nullptr) missing_fail(*made.call, ObjectKind::kLimit);
  return found;
}

}  // namespace

void limit_create(Catalog& catalog, ApiCall& made) {
  LimitObject limit;
  limit.tenant = made.call->tenant;
  if (!limit_take(catalog, made, &limit)) return;
  const auto created = catalog.create(std::move(limit), made.unix_s);
  if (!created) return catalog_fail(*made.call, created.error());
  api_reply(*made.call, 201, limit_json(catalog, **created));
}

void limit_list(Catalog& catalog, ApiCall& made) {
  JsonList list;
  for (const LimitObject* limit : catalog.list<LimitObject>(made.call->tenant)) {
    list.add(limit_json(catalog, *limit));
  }
  api_reply(*made.call, 200, list.take());
}

void limit_get(Catalog& catalog, ApiCall& made) {
  const LimitObject* limit = limit_named(catalog, made);
  if (limit != nullptr) api_reply(*made.call, 200, limit_json(catalog, *limit));
}

// The body is the whole limit; the scope it names must be the one it has.
void limit_update(Catalog& catalog, ApiCall& made) {
  LimitObject limit;
  limit.tenant = made.call->tenant;
  const bool by_subject = made.parameters[0] == kPlaceholder;
  const LimitObject* before = by_subject ? nullptr : limit_named(catalog, made);
  if (!by_subject && before == nullptr) return;
  const bool read_only = before != nullptr && before->from_file;
  if (!read_only && !limit_take(catalog, made, &limit)) return;
  if (by_subject) before = catalog.limit(limit);
  if (before == nullptr) return missing_fail(*made.call, ObjectKind::kLimit);
  if (read_only) limit = *before;
  if (limit.config.scope != before->config.scope) {
    return api_refuse(*made.call, "type: a limit keeps what it limits; make a new one", "type");
  }
  limit.uuid = before->uuid;
  const auto updated = catalog.update(std::move(limit), made.unix_s);
  if (!updated) return catalog_fail(*made.call, updated.error());
  api_reply(*made.call, 200, limit_json(catalog, **updated));
}

void limit_delete(Catalog& catalog, ApiCall& made) {
  const LimitObject* limit = limit_named(catalog, made);
  if (limit == nullptr) return;
  const auto removed = catalog.remove<LimitObject>(made.call->tenant, limit->uuid);
  if (!removed) return catalog_fail(*made.call, removed.error());
  made.call->status = 204;
}

std::string limit_buckets_json(const RateLimitConfig& config) {
  JsonObject out;
  if (config.request) out.json("request", bucket_json(*config.request));
  if (config.token) out.json("token", bucket_json(*config.token));
  return out.take();
}

}  // namespace weir
