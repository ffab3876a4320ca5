// Providers: where requests go, and with which credentials.
#include <algorithm>

#include "control/api/api_body.h"
#include "control/api/api_json.h"
#include "control/api/resources.h"
#include "control/api/write_policy.h"
#include "control/config_check.h"
#include "control/config_read.h"
#include "control/config_reference.h"
#include "control/config_units.h"
#include "control/query.h"

namespace weir {

namespace {

constexpr size_t kMaxDataFields = 64;
constexpr size_t kMaxDataBytes = 64 * 1024;
constexpr std::string_view kMask = "****";

// Letters, digits, "-()[]", and single spaces between them: names that every client can spell.
bool name_allowed(std::string_view name) {
  if (name.empty() || name.size() > 128 || name.front() == ' ' || name.back() == ' ') return false;
  char before = 0;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("-()[]").find(c) != std::string_view::npos;
    if (!plain && (c != ' ' || before == ' ')) return false;
    before = c;
  }
  return true;
}

bool reads_here(std::string_view text) {
  return text.starts_with("env:") || text.starts_with("file:");
}

bool is_reference(std::string_view text) {
  const auto parsed = reference_parse(text);
  return parsed && parsed->kind != SecretReference::Kind::kValue;
}

// Variables and files of this machine are the operator's: another tenant could send what they hold
// to a server of its own.
const ConfigNode* local_reference(const ConfigNode& node) {
  if (node.kind == ConfigNode::Kind::kScalar) return reads_here(node.text) ? &node : nullptr;
  for (const ConfigNode& item : node.items) {
    if (const ConfigNode* found = local_reference(item)) return found;
  }
  for (const ConfigMember& member : node.members) {
    if (const ConfigNode* found = local_reference(member.value)) return found;
  }
  return nullptr;
}

bool references_refuse(ManagementCall& call, const ConfigNode& body) {
  if (call.tenant == kDefaultTenant) return false;
  const ConfigNode* tls = node_find(body, "tls");
  const bool file = tls != nullptr && node_find(*tls, "ca_file") != nullptr;
  if (!file && local_reference(body) == nullptr) return false;
  api_fail(call, 403, "access_denied",
           "env:, file: and files are for the tenant default; send the value itself, or vault:");
  return true;
}

// A reference is no secret.
std::string masked(const Secret& secret) {
  if (!secret.reference().empty()) return secret.reference();
  const std::string& value = secret.reveal();
  if (is_reference(value)) return value;
  constexpr size_t kShown = 4, kLongEnough = 12;
  std::string out(kMask);
  if (value.size() >= kLongEnough) out.append(value, value.size() - kShown);
  return out;
}

// What is in clear: the known fields that are no secrets.
bool shown(std::string_view field) {
  return !provider_data_field(field).empty() && !provider_data_is_secret(field);
}

// A value that was shown masked and comes back so means the old one.
const Secret* unmasked(const ProviderObject& old, std::string_view field, std::string_view text) {
  for (const auto& [name, value] : old.data) {
    if (name == field && masked(value) == text) return &value;
  }
  return nullptr;
}

bool data_member_take(ManagementCall& call, const ConfigMember& member, const ProviderObject& old,
                      SecretPairs* out) {
  const std::string param = "data." + member.key;
  const std::string_view known = provider_data_field(member.key);
  const std::string field(known.empty() ? member.key : known);
  const std::string& text = member.value.text;
  const auto refuse = [&](const char* why) {
    api_refuse(call, param + ": " + why, param);
    return false;
  };
  if (name_problem(field) != nullptr) return refuse("is no name of a field");
  // What is not known is kept where it is text, and means nothing.
  if (member.value.kind != ConfigNode::Kind::kScalar) return refuse("needs to be text");
  if (text.size() > kMaxDataBytes) return refuse("is longer than 64 KiB");
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control) return refuse("holds a control byte");
  for (const auto& [name, value] : *out) {
    if (name == field) return refuse("is the same as another field");
  }
  if (text.empty()) return true;
  if (const auto parsed = reference_parse(text); !parsed) return refuse(parsed.error());
  if (text.starts_with(kMask) && !shown(field)) {
    const Secret* kept = unmasked(old, field, text);
    if (kept == nullptr) return refuse("is a masked value; send the secret itself");
    out->emplace_back(field, *kept);
    return true;
  }
  out->emplace_back(field, Secret(text));
  return true;
}

bool data_take(ManagementCall& call, const ConfigNode& data, ProviderObject* provider) {
  if (data.kind != ConfigNode::Kind::kMap) {
    api_refuse(call, "data: needs to be an object", "data");
    return false;
  }
  if (data.members.size() > kMaxDataFields) {
    api_refuse(call, "data: has more than 64 fields", "data");
    return false;
  }
  SecretPairs pairs;
  for (const ConfigMember& member : data.members) {
    if (!data_member_take(call, member, *provider, &pairs)) return false;
  }
  provider->data = std::move(pairs);
  provider->reference.clear();
  provider->needs_resolving =
      std::any_of(provider->data.begin(), provider->data.end(),
                  [](const auto& pair) { return is_reference(pair.second.reveal()); });
  return true;
}

bool reference_take(ManagementCall& call, const ConfigNode& node, ProviderObject* provider) {
  constexpr std::string_view kParam = "data_reference.resource";
  const auto refuse = [&](std::string_view why) {
    api_refuse(call, std::string(kParam) + ": " + std::string(why), kParam);
    return false;
  };
  const ConfigNode* resource =
      node.kind == ConfigNode::Kind::kMap ? node_find(node, "resource") : nullptr;
  if (resource == nullptr || resource->kind != ConfigNode::Kind::kScalar) {
    return refuse("needs to be text");
  }
  constexpr size_t kMaxReference = 2048;
  const std::string& text = resource->text;
  if (text.size() > kMaxReference) return refuse("is longer than 2048 bytes");
  const auto parsed = reference_parse(text, true);
  if (!parsed) return refuse(parsed.error());
  if (parsed->kind == SecretReference::Kind::kValue) {
    return refuse("needs to be a CRN, vault:PATH, env:NAME or file:PATH");
  }
  provider->data.clear();
  provider->reference = text;
  provider->needs_resolving = true;
  return true;
}

bool credentials_take(ManagementCall& call, ConfigNode* body, ProviderObject* provider) {
  const auto data = node_take(body, "data");
  const auto reference = node_take(body, "data_reference");
  const bool local = provider_type_canonical(provider->config.type) == "loopback";
  if (data && reference) {
    api_refuse(call, "data_reference: takes the place of data; send one of them", "data_reference");
    return false;
  }
  if (reference) return reference_take(call, *reference, provider);
  if (data) return data_take(call, *data, provider);
  if (local) return true;
  api_refuse(call, "data: needs the credentials, or data_reference where they are", "data");
  return false;
}

// Reads the body into `provider`; settings that it does not name stay as they are.
bool provider_take(ApiCall& made, std::string_view type, ProviderObject* provider) {
  ManagementCall& call = *made.call;
  auto body = body_read(call);
  if (!body || references_refuse(call, *body)) return false;
  node_take(&*body, "description");  // some clients have it; nobody shows it
  const auto said = node_take(&*body, "type");
  if (said && provider_type_canonical(said->text) != provider_type_canonical(type)) {
    api_refuse(call, "type: is another one than the path says", "type");
    return false;
  }
  provider->config.type = type;
  if (!credentials_take(call, &*body, provider)) return false;
  if (node_find(*body, "headers") != nullptr) provider->config.headers.clear();
  if (node_find(*body, "options") != nullptr) provider->config.options.clear();
  if (node_find(*body, "proxy") != nullptr) provider->config.proxy = {};
  node_set(&*body, "type", type);
  ConfigProblems problems;
  ConfigContext context{.problems = &problems, .folder = {}, .resolve_secrets = true};
  provider_read(context, *body, "", &provider->config);
  if (problems_fail(call, problems)) return false;
  if (name_allowed(provider->config.name)) return true;
  api_refuse(call,
             "name: may hold letters, digits, hyphens, brackets and single spaces between them",
             "name");
  return false;
}

std::string credentials_json(const ProviderObject& provider) {
  JsonObject data;
  for (const auto& [name, value] : provider.data) {
    data.text(name, shown(name) && value.reference().empty() ? value.reveal() : masked(value));
  }
  return data.take();
}

void settings_add(const ProviderConfig& config, JsonObject* out) {
  const ProviderTimeouts& timeouts = config.timeouts;
  JsonObject times;
  times.text("connect", duration_format_ms(timeouts.connect_ms))
      .text("head", duration_format_ms(timeouts.head_ms))
      .text("idle", duration_format_ms(timeouts.idle_ms))
      .text("total", duration_format_ms(timeouts.total_ms));
  out->json("timeouts", times.take());
  if (!config.ca_file.empty() || !config.ca_pem.empty()) {
    JsonObject tls;
    if (!config.ca_file.empty()) {
      tls.text("ca_file", config.ca_file);
    } else {
      tls.text("ca_pem", config.ca_pem);
    }
    out->json("tls", tls.take());
  }
  out->number("max_connections", config.max_connections)
      .number("max_waiting", config.max_waiting)
      .text("auth_errors", config.mask_auth_errors ? "mask" : "passthrough")
      .flag("strict_params", config.strict_params);
  if (!config.headers.empty()) {
    JsonObject headers;
    for (const auto& [name, value] : config.headers) headers.text(name, masked(value));
    out->json("headers", headers.take());
  }
  if (!config.options.empty()) {
    JsonObject options;
    for (const auto& [name, value] : config.options) options.text(name, value);
    out->json("options", options.take());
  }
  if (!config.proxy.host.empty()) {
    const bool v6 = config.proxy.host.find(':') != std::string::npos;
    out->text("proxy", "http://" + (v6 ? "[" + config.proxy.host + "]" : config.proxy.host) + ":" +
                           std::to_string(config.proxy.port));
  }
}

std::string provider_json(const Catalog& catalog, const ProviderObject& provider) {
  JsonObject out;
  out.text("uuid", provider.uuid)
      .text("id", provider.uuid)
      .text("name", provider.config.name)
      .text("type", provider.config.type)
      .number("created", provider.created_unix_s)
      .text("managed_by", managed_by(provider));
  if (provider.reference.empty()) {
    out.json("data", credentials_json(provider));
  } else {
    out.json("data_reference", JsonObject().text("resource", provider.reference).take());
  }
  std::string models = "[";
  for (const ModelObject* model : catalog.models_of(provider.uuid)) {
    models += (models.size() > 1 ? "," : "") + model_json(catalog, *model);
  }
  out.json("models", models + "]");
  settings_add(provider.config, &out);
  return out.take();
}

std::string short_json(const ProviderObject& provider) {
  return JsonObject()
      .text("uuid", provider.uuid)
      .text("id", provider.uuid)
      .text("name", provider.config.name)
      .text("type", provider.config.type)
      .take();
}

const ProviderObject* provider_named(const Catalog& catalog, ApiCall& made) {
  const ProviderObject* found = catalog.provider(made.call->tenant, made.parameters[0]);
  if (found == nullptr) missing_fail(*made.call, ObjectKind::kProvider);
  return found;
}

}  // namespace

std::string_view managed_by(const ObjectMeta& object) { return object.from_file ? "file" : "api"; }

void provider_create(Catalog& catalog, ApiCall& made) {
  ProviderObject provider;
  provider.tenant = made.call->tenant;
  if (!provider_take(made, made.parameters[0], &provider)) return;
  if (!write_allowed(catalog, *made.call, provider)) return;
  const auto created = catalog.create(std::move(provider), made.unix_s);
  if (!created) return catalog_fail(*made.call, created.error());
  api_reply(*made.call, 201, short_json(**created));
}

void provider_list(Catalog& catalog, ApiCall& made) {
  const auto name = query_value(made.call->query, "name");
  JsonList list;
  for (const ProviderObject* provider : catalog.list<ProviderObject>(made.call->tenant)) {
    if (name && provider->config.name != *name) continue;
    list.add(provider_json(catalog, *provider));
  }
  api_reply(*made.call, 200, list.take());
}

void provider_get(Catalog& catalog, ApiCall& made) {
  const ProviderObject* provider = provider_named(catalog, made);
  if (provider != nullptr) api_reply(*made.call, 200, provider_json(catalog, *provider));
}

void provider_update(Catalog& catalog, ApiCall& made) {
  const ProviderObject* before = provider_named(catalog, made);
  if (before == nullptr || !write_allowed(catalog, *made.call, *before)) return;
  const std::string type = provider_type_canonical(made.parameters[1]);
  if (type != before->config.type) {
    return api_refuse(*made.call, "The provider's type is " + before->config.type +
                                      " and cannot change; make a new provider.");
  }
  ProviderObject provider = *before;
  if (!provider.from_file && !provider_take(made, type, &provider)) return;
  const auto updated = catalog.update(std::move(provider), made.unix_s);
  if (!updated) return catalog_fail(*made.call, updated.error());
  api_reply(*made.call, 200, short_json(**updated));
}

void provider_delete(Catalog& catalog, ApiCall& made) {
  const ProviderObject* provider = provider_named(catalog, made);
  if (provider == nullptr || !write_allowed(catalog, *made.call, *provider)) return;
  const auto removed = catalog.remove<ProviderObject>(made.call->tenant, provider->uuid);
  if (!removed) return catalog_fail(*made.call, removed.error());
  made.call->status = 204;
}

}  // namespace weir
