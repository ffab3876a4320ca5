// Tenants: the caller's own, and for the operator all of them.
#include <algorithm>

#include "control/api/api_body.h"
#include "control/api/api_json.h"
#include "control/api/new_key.h"
#include "control/api/resources.h"
#include "control/config_reader.h"
#include "control/object_ids.h"

namespace weir {

namespace {

struct TenantBody {
  std::string name;
  std::optional<std::string> secrets_manager;  // "": none any more
};

bool url_allowed(std::string_view url) {
  return url.empty() || (base_url_parse(url) && url.size() <= 2048);
}

std::optional<TenantBody> tenant_take(ManagementCall& call) {
  auto body = body_read(call, true);
  if (!body || !node_rename(call, &*body, "secrets_manager", {"secretsManager"})) {
    return std::nullopt;
  }
  shown_drop(&*body, {"id", "uuid", "created", "stable_name"});
  // It shows secrets_manager again, and is nothing by itself.
  const bool names_manager = node_find(*body, "secrets_manager") != nullptr;
  if (names_manager) node_take(&*body, "remote_credential_store");
  TenantBody out;
  ConfigProblems problems;
  ConfigContext context{.problems = &problems, .folder = {}, .resolve_secrets = true};
  ConfigReader reader(context, *body, "");
  reader.get_name("name", &out.name);
  if (names_manager) reader.get_text("secrets_manager", &out.secrets_manager.emplace());
  reader.finish();
  if (problems_fail(call, problems)) return std::nullopt;
  if (!out.secrets_manager || url_allowed(*out.secrets_manager)) return out;
  api_refuse(call, "secrets_manager: needs to be a URL", "secrets_manager");
  return std::nullopt;
}

JsonObject tenant_object(const TenantObject& tenant) {
  JsonObject out;
  out.text("object", "tenant")
      .text("id", tenant.uuid)
      .text("uuid", tenant.uuid)
      .text("name", tenant.name)
      .number("created", tenant.created_unix_s);
  if (tenant.name != tenant.tenant) out.text("stable_name", tenant.tenant);
  if (!tenant.secrets_manager.empty()) {
    out.text("secrets_manager", tenant.secrets_manager);
    const std::string place = JsonObject().text("base_url", tenant.secrets_manager).take();
    out.json("remote_credential_store",
             JsonObject().json("ibm_cloud_secret_manager", place).take());
  }
  return out;
}

const TenantObject* own_tenant(const Catalog& catalog, ApiCall& made) {
  const TenantObject* tenant = catalog.tenant(made.call->tenant);
  if (tenant == nullptr) missing_fail(*made.call, ObjectKind::kTenant);
  return tenant;
}

// Changes the caller's tenant by what the body names.
const TenantObject* own_change(Catalog& catalog, ApiCall& made) {
  const TenantObject* before = own_tenant(catalog, made);
  if (before == nullptr) return nullptr;
  const auto body = tenant_take(*made.call);
  if (!body) return nullptr;
  TenantObject tenant = *before;
  if (!body->name.empty()) tenant.name = body->name;
  if (body->secrets_manager) tenant.secrets_manager = *body->secrets_manager;
  tenant.changed = true;
  const auto updated = catalog.update(std::move(tenant), made.unix_s);
  if (updated) return *updated;
  catalog_fail(*made.call, updated.error());
  return nullptr;
}

}  // namespace

// The first such call is answered as if it had made the tenant, so that a walkthrough that begins
// with it reads the same each time.
void tenant_put(Catalog& catalog, ApiCall& made) {
  const TenantObject* before = own_tenant(catalog, made);
  if (before == nullptr) return;
  const bool first = !before->changed;
  const TenantObject* tenant = own_change(catalog, made);
  if (tenant != nullptr) api_reply(*made.call, first ? 201 : 200, tenant_object(*tenant).take());
}

void tenant_get(Catalog& catalog, ApiCall& made) {
  const TenantObject* tenant = own_tenant(catalog, made);
  if (tenant != nullptr) api_reply(*made.call, 200, tenant_object(*tenant).take());
}

void tenant_change(Catalog& catalog, ApiCall& made) {
  const TenantObject* tenant = own_change(catalog, made);
  if (tenant != nullptr) api_reply(*made.call, 200, tenant_object(*tenant).take());
}

void tenant_delete(Catalog& catalog, ApiCall& made) {
  const auto removed =
      catalog.remove<TenantObject>(made.call->tenant, tenant_uuid(made.call->tenant));
  if (!removed) return catalog_fail(*made.call, removed.error());
  made.call->status = 204;
}

void tenant_create(Catalog& catalog, ApiCall& made) {
  ManagementCall& call = *made.call;
  const auto body = tenant_take(call);
  if (!body) return;
  if (body->name.empty()) return api_refuse(call, "name: is missing", "name");
  TenantObject tenant;
  tenant.tenant = tenant.name = body->name;
  tenant.secrets_manager = body->secrets_manager.value_or("");
  const auto created = catalog.create(std::move(tenant), made.unix_s);
  if (!created) return catalog_fail(call, created.error());
  JsonObject out = tenant_object(**created);
  NewKey fresh = new_key();
  KeyObject admin;
  admin.tenant = body->name;
  admin.config.name = "admin";
  admin.config.role = Role::kAdmin;
  admin.config.sha256 = fresh.sha256;
  admin.prefix = fresh.prefix;
  const auto key = catalog.create(std::move(admin), made.unix_s);
  if (!key) return catalog_fail(call, key.error());
  out.json("admin_key", JsonObject()
                            .text("uuid", (*key)->uuid)
                            .text("name", (*key)->config.name)
                            .text("key", fresh.value.reveal())
                            .take());
  api_reply(call, 201, out.take());
}

void tenant_list(Catalog& catalog, ApiCall& made) {
  std::vector<const TenantObject*> tenants;
  catalog.table<TenantObject>().for_each([&](const TenantObject& t) { tenants.push_back(&t); });
  std::sort(tenants.begin(), tenants.end(), [](const auto* a, const auto* b) {
    return ObjectTable<TenantObject>::older(*b, *a);
  });
  JsonList list;
  for (const TenantObject* tenant : tenants) list.add(tenant_object(*tenant).take());
  api_reply(*made.call, 200, list.take());
}

}  // namespace weir
