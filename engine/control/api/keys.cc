// Keys of clients: made here, shown once, kept as digests.
#include "control/api/api_body.h"
#include "control/api/api_json.h"
#include "control/api/new_key.h"
#include "control/api/resources.h"
#include "control/config_read.h"
#include "control/config_units.h"

namespace weir {

namespace {

constexpr int64_t kDefaultOverlapS = 24 * 3600;
constexpr int64_t kMostOverlapS = 90 * 24 * 3600;

// Takes `limits: {request, token}` out of the body.
std::optional<LimitObject> limits_take(ManagementCall& call, ConfigNode* body) {
  LimitObject limit;
  limit.tenant = call.tenant;
  auto node = node_take(body, "limits");
  if (!node) return limit;
  if (node->kind != ConfigNode::Kind::kMap) {
    api_refuse(call, "limits: needs to be an object", "limits");
    return std::nullopt;
  }
  for (const char* field : {"type", "key", "provider", "model", "tenant"}) {
    if (!node_take(&*node, field)) continue;
    api_refuse(call, "limits: holds request and token alone", "limits");
    return std::nullopt;
  }
  node_set(&*node, "type", "key");
  node_set(&*node, "key", "new");  // known when the key is made
  ConfigProblems problems;
  ConfigContext context{.problems = &problems, .folder = {}, .resolve_secrets = true};
  rate_limit_read(context, *node, "limits", &limit.config);
  if (problems_fail(call, problems)) return std::nullopt;
  limit.config.subject.clear();
  return limit;
}

bool key_take(ApiCall& made, ConfigNode* body, const NewKey& fresh, KeyObject* key) {
  ManagementCall& call = *made.call;
  for (const char* field : {"key", "sha256"}) {
    if (node_find(*body, field) == nullptr) continue;
    api_refuse(call, std::string(field) + ": a key's value is made here; send the rest", field);
    return false;
  }
  node_set(body, "sha256", fresh.sha256);
  ConfigProblems problems;
  ConfigContext context{.problems = &problems, .folder = {}, .resolve_secrets = true};
  key_read(context, *body, "", &key->config);
  if (problems_fail(call, problems)) return false;
  key->prefix = fresh.prefix;
  const int64_t expires = key->config.expires_unix_s;
  if (expires == 0 || expires > made.unix_s) return true;
  api_refuse(call, "expires_at: is in the past", "expires_at");
  return false;
}

JsonObject key_object(const Catalog& catalog, const KeyObject& key) {
  const KeyConfig& config = key.config;
  JsonObject out;
  out.text("object", "key")
      .text("uuid", key.uuid)
      .text("name", config.name)
      .some_text("prefix", key.prefix)
      .text("role", config.role == Role::kAdmin ? "admin" : "user")
      .text("environment", config.environment)
      .texts("groups", config.groups)
      .texts("models", config.models.empty() ? std::vector<std::string>{"*"} : config.models)
      .number("created", key.created_unix_s)
      .number("updated_at", key.updated_unix_s);
  if (config.expires_unix_s != 0) out.number("expires_at", config.expires_unix_s);
  if (!config.previous_sha256.empty()) {
    out.number("previous_key_expires_at", config.previous_until_unix_s);
  }
  LimitObject own;
  own.tenant = key.tenant;
  own.config.scope = LimitScope::kKey;
  own.subject_uuid = key.uuid;
  if (const LimitObject* limit = catalog.limit(own)) {
    out.json("limits", limit_buckets_json(limit->config));
  }
  out.text("managed_by", managed_by(key));
  return out;
}

const KeyObject* key_named(const Catalog& catalog, ApiCall& made) {
  const KeyObject* key = catalog.key(made.call->tenant, made.parameters[0]);
  if (key == nullptr) missing_fail(*made.call, ObjectKind::kKey);
  return key;
}

// How long the old value still works, in seconds.
std::optional<int64_t> overlap_take(ManagementCall& call) {
  auto body = body_read(call, true);
  if (!body) return std::nullopt;
  const auto node = node_take(&*body, "overlap");
  if (!body->members.empty()) {
    api_refuse(call, "unknown field " + message_quote(body->members.front().key) +
                         "; known here: overlap",
               body->members.front().key);
    return std::nullopt;
  }
  if (!node) return kDefaultOverlapS;
  const auto ns = duration_parse_ns(node->text);
  constexpr int64_t kSecondNs = 1'000'000'000;
  if (node->kind == ConfigNode::Kind::kScalar && ns && *ns <= kMostOverlapS * kSecondNs) {
    return (*ns + kSecondNs - 1) / kSecondNs;
  }
  api_refuse(call, "overlap: needs to be a duration of at most 90 days, such as 24h", "overlap");
  return std::nullopt;
}

}  // namespace

void key_create(Catalog& catalog, ApiCall& made) {
  ManagementCall& call = *made.call;
  auto body = body_read(call);
  if (!body) return;
  auto limit = limits_take(call, &*body);
  if (!limit) return;
  const NewKey fresh = new_key();
  KeyObject key;
  key.tenant = call.tenant;
  if (!key_take(made, &*body, fresh, &key)) return;
  const auto created = catalog.create(std::move(key), made.unix_s);
  if (!created) return catalog_fail(call, created.error());
  const std::string uuid = (*created)->uuid;
  if (limit->config.request || limit->config.token) {
    limit->subject_uuid = uuid;
    const auto limited = catalog.create(std::move(*limit), made.unix_s);
    if (!limited) return catalog_fail(call, limited.error());
  }
  JsonObject out = key_object(catalog, *catalog.by_uuid<KeyObject>(uuid));
  api_reply(call, 201, out.text("key", fresh.value.reveal()).take());
}

void key_list(Catalog& catalog, ApiCall& made) {
  JsonList list;
  for (const KeyObject* key : catalog.list<KeyObject>(made.call->tenant)) {
    list.add(key_object(catalog, *key).take());
  }
  api_reply(*made.call, 200, list.take());
}

void key_get(Catalog& catalog, ApiCall& made) {
  const KeyObject* key = key_named(catalog, made);
  if (key != nullptr) api_reply(*made.call, 200, key_object(catalog, *key).take());
}

void key_delete(Catalog& catalog, ApiCall& made) {
  const KeyObject* key = key_named(catalog, made);
  if (key == nullptr) return;
  const auto removed = catalog.remove<KeyObject>(made.call->tenant, key->uuid);
  if (!removed) return catalog_fail(*made.call, removed.error());
  made.call->status = 204;
}

// The key keeps its uuid, its limits and its usage; only what a client sends is new.
void key_rotate(Catalog& catalog, ApiCall& made) {
  ManagementCall& call = *made.call;
  const KeyObject* before = key_named(catalog, made);
  if (before == nullptr) return;
  const auto overlap_s = overlap_take(call);
  if (!overlap_s) return;
  const NewKey fresh = new_key();
  KeyObject key = *before;
  key.config.previous_sha256 = *overlap_s > 0 ? key.config.sha256 : "";
  key.config.previous_until_unix_s = *overlap_s > 0 ? made.unix_s + *overlap_s : 0;
  key.config.sha256 = fresh.sha256;
  key.prefix = fresh.prefix;
  const auto updated = catalog.update(std::move(key), made.unix_s);
  if (!updated) return catalog_fail(call, updated.error());
  api_reply(call, 200, key_object(catalog, **updated).text("key", fresh.value.reveal()).take());
}

}  // namespace weir
