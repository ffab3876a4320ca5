// Providers: where requests go, and with which credentials.
#include "control/api/api_body.h"
#include "control/api/api_json.h"
#include "control/api/provider_body.h"
#include "control/api/resources.h"
#include "control/api/write_policy.h"
#include "control/config_check.h"
#include "control/config_units.h"
#include "control/query.h"

namespace weir {

namespace {

std::string credentials_json(const ProviderObject& provider) {
  JsonObject data;
  for (const auto& [name, value] : provider.data) {
    data.text(name, data_shown(name, value));
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
    for (const auto& [name, value] : config.headers) headers.text(name, secret_shown(value));
    out->json("headers", headers.take());
  }
  if (!config.options.empty()) {
    JsonObject options;
    for (const auto& [name, value] : config.options) options.text(name, value);
    out->json("options", options.take());
  }
  out->some_text("proxy", proxy_shown(config.proxy));
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
