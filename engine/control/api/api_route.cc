#include "control/api/api_route.h"

#include <ctime>

#include "control/api/api_answer.h"
#include "control/api/openapi.h"
#include "control/api/resources.h"
#include "control/config.h"
#include "control/control_plane.h"
#include "control/percent.h"

namespace weir {

namespace {

constexpr std::string_view kLongPrefix = "/ml/gateway/v1/";
constexpr std::string_view kShortPrefix = "/v1/";

void metrics(ControlPlane& plane, ApiCall& call) { plane.call_metrics(call); }
void targets(ControlPlane& plane, ApiCall& call) { plane.call_targets(call); }
void suspension(ControlPlane& plane, ApiCall& call) { plane.call_suspension(call); }
void reload(ControlPlane& plane, ApiCall& call) { plane.call_reload(call); }
void available(ControlPlane& plane, ApiCall& call) { plane.call_available(call); }
void usage_tenant(ControlPlane& plane, ApiCall& call) { plane.call_usage(call, false); }
template <SignInForm form>
void sign_in(ControlPlane& plane, ApiCall& call) {
  plane.call_sign_in(call, form);
}
void usage_own(ControlPlane& plane, ApiCall& call) { plane.call_usage(call, true); }

void openapi(ControlPlane&, ApiCall& call) { api_reply(*call.call, 200, openapi_document()); }

constexpr ApiRoute worker_row(std::string_view method, std::string_view path, ApiAccess access,
                              std::string_view summary, std::string_view body,
                              std::string_view answer) {
  return {method, path, access, ApiWork::kWorker, nullptr, nullptr, summary, body, answer, "200"};
}

using Handler = void (*)(ControlPlane&, ApiCall&);
constexpr ApiRoute plane_row(std::string_view method, std::string_view path, ApiAccess access,
                             ApiWork work, Handler handler, std::string_view summary,
                             std::string_view answer, std::string_view statuses = "200") {
  return {method, path, access, work, handler, nullptr, summary, "", answer, statuses};
}

// Without a key, of whoever wants to have a token.
template <SignInForm form>
constexpr ApiRoute sign_in_row(std::string_view method, std::string_view path,
                               std::string_view summary, std::string_view body,
                               std::string_view answer) {
  return {method, path, ApiAccess::kPublic, ApiWork::kNow, sign_in<form>, nullptr, summary, body,
          answer, "200"};
}

// A resource's handler with the catalog in hand. What a call that fails has changed is taken back.
using Resource = void (*)(Catalog&, ApiCall&);
template <Resource resource>
void on_catalog(ControlPlane& plane, ApiCall& made) {
  Catalog& catalog = plane.catalog();
  const size_t before = catalog.mark();
  made.unix_s = static_cast<int64_t>(std::time(nullptr));
  made.secrets = &plane.secrets_config();
  resource(catalog, made);
  if (made.call->has_error) catalog.undo_to(before);
}

// Resources are an admin's.
template <Resource resource>
constexpr ApiRoute read_row(std::string_view path, std::string_view summary,
                            std::string_view answer, ApiAccess access = ApiAccess::kAdmin) {
  return {"GET",    path, access, ApiWork::kNow, on_catalog<resource>, resource, summary, "",
          answer, "200"};
}
template <Resource resource>
constexpr ApiRoute write_row(std::string_view method, std::string_view path,
                             std::string_view summary, std::string_view body,
                             std::string_view answer, std::string_view statuses,
                             ApiAccess access = ApiAccess::kAdmin) {
  return {method,  path, access, ApiWork::kWrite, on_catalog<resource>, resource, summary, body,
          answer, statuses};
}
template <Resource resource>
constexpr ApiRoute delete_row(std::string_view path, std::string_view summary,
                              std::string_view body = "") {
  return write_row<resource>("DELETE", path, summary, body, "", "204");
}

constexpr ApiRoute kRoutes[] = {
    worker_row("GET", "/healthz", ApiAccess::kPublic, "Whether the process lives", "", "Health"),
    worker_row("GET", "/readyz", ApiAccess::kPublic, "Whether it can serve", "", "Health"),
    worker_row("POST", "/v1/chat/completions", ApiAccess::kAnyKey, "Answer a conversation",
               "ChatRequest", "ChatCompletion"),
    worker_row("POST", "/v1/completions", ApiAccess::kAnyKey, "Continue a text",
               "CompletionRequest", "TextCompletion"),
    worker_row("POST", "/v1/embeddings", ApiAccess::kAnyKey, "Embed texts", "EmbeddingsRequest",
               "Embeddings"),
    worker_row("GET", "/v1/models", ApiAccess::kAnyKey, "List the models this key may use", "",
               "ModelList"),
    worker_row("GET", "/v1/models/{model*}", ApiAccess::kAnyKey, "Show one model", "", "Model"),
    delete_row<model_delete>("/v1/models/{model*}", "Delete a model"),

    sign_in_row<SignInForm::kIam>("POST", "/identity/token",
                                  "Exchange an API key for a token, as IBM Cloud's IAM does",
                                  "IamTokenForm", "IamToken"),
    sign_in_row<SignInForm::kCpd>("POST", "/icp4d-api/v1/authorize",
                                  "Exchange an API key for a token, as Cloud Pak for Data does",
                                  "CpdAuthorize", "CpdToken"),
    sign_in_row<SignInForm::kCpd>("POST", "/v1/authorize",
                                  "The same, for clients that are given the host alone",
                                  "CpdAuthorize", "CpdToken"),
    sign_in_row<SignInForm::kApiKeys>("POST", "/api/2.0/apikeys/token",
                                      "Exchange an API key for a token, as the SaaS console does",
                                      "ApiKeysTokenRequest", "ApiKeysToken"),
    sign_in_row<SignInForm::kVersion>("GET", "/ml/wml_services/v2/version",
                                      "The version that client libraries ask for", "",
                                      "ServiceVersion"),

    plane_row("GET", "/metrics", ApiAccess::kMetrics, ApiWork::kLater, metrics,
              "Counters in the text form of Prometheus", ""),
    plane_row("GET", "/v1/metrics", ApiAccess::kMetrics, ApiWork::kLater, metrics,
              "The same as /metrics", ""),
    plane_row("GET", "/openapi.json", ApiAccess::kAnyKey, ApiWork::kNow, openapi,
              "This description", ""),
    plane_row("GET", "/v1/openapi.json", ApiAccess::kAnyKey, ApiWork::kNow, openapi,
              "The same as /openapi.json", ""),
    plane_row("GET", "/v1/targets", ApiAccess::kAdmin, ApiWork::kNow, targets,
              "List upstream targets and their health", "TargetList"),
    plane_row("DELETE", "/v1/targets/{target*}/suspension", ApiAccess::kAdmin, ApiWork::kNow,
              suspension, "Use a suspended target again at once", "", "204"),
    plane_row("POST", "/v1/config/reload", ApiAccess::kOperator, ApiWork::kLater, reload,
              "Read the configuration file again", "Reload"),
    plane_row("GET", "/v1/usage", ApiAccess::kAdmin, ApiWork::kNow, usage_tenant,
              "What the tenant used", "UsagePage"),
    plane_row("GET", "/v1/usage/user", ApiAccess::kAnyKey, ApiWork::kNow, usage_own,
              "What this key used", "UsagePage"),
    plane_row("GET", "/ml/v1/usage", ApiAccess::kAdmin, ApiWork::kNow, usage_tenant,
              "The same as /v1/usage", "UsagePage"),
    plane_row("GET", "/ml/v1/usage/user", ApiAccess::kAnyKey, ApiWork::kNow, usage_own,
              "The same as /v1/usage/user", "UsagePage"),

    read_row<tenant_get>("/v1/tenant", "Show the caller's tenant", "Tenant"),
    write_row<tenant_put>("POST", "/v1/tenant", "Set the caller's tenant up", "TenantBody",
              "Tenant", "200 201"),
    write_row<tenant_change>("PUT", "/v1/tenant", "Change the caller's tenant", "TenantBody",
              "Tenant", "200"),
    write_row<tenant_change>("PATCH", "/v1/tenant", "Change the caller's tenant", "TenantBody",
              "Tenant", "200"),
    delete_row<tenant_delete>("/v1/tenant", "Delete the caller's tenant and all that is in it"),
    read_row<tenant_list>("/v1/tenants", "List all tenants", "TenantList", ApiAccess::kOperator),
    write_row<tenant_create>("POST", "/v1/tenants", "Make a tenant and its first admin's key",
              "TenantBody", "NewTenant", "201", ApiAccess::kOperator),

    read_row<provider_list>("/v1/providers", "List providers", "ProviderList"),
    write_row<provider_create>("POST", "/v1/providers/{provider}",
               "Make a provider; the path names its type", "ProviderBody", "ProviderShort", "201"),
    read_row<provider_get>("/v1/providers/{provider}", "Show a provider", "Provider"),
    delete_row<provider_delete>("/v1/providers/{provider}", "Delete a provider and its models"),
    read_row<model_list>("/v1/providers/{provider}/models", "List a provider's models",
             "ModelList"),
    write_row<model_create>("POST", "/v1/providers/{provider}/models", "Make a model", "ModelBody",
              "Model", "201"),
    plane_row("GET", "/v1/providers/{provider}/models/available", ApiAccess::kAdmin,
              ApiWork::kLater, available, "Ask a provider which models it has",
              "AvailableModelList"),
    write_row<provider_update>("PUT", "/v1/providers/{provider}/{type}", "Change a provider",
              "ProviderBody", "ProviderShort", "200"),
    read_row<model_get>("/v1/providers/{provider}/models/{model*}", "Show a provider's model",
             "Model"),
    write_row<model_replace>("PUT", "/v1/providers/{provider}/models/{model*}", "Replace a model",
              "ModelBody", "Model", "200"),
    write_row<model_change>("PATCH", "/v1/providers/{provider}/models/{model*}",
               "Change parts of a model", "ModelBody", "Model", "200"),
    delete_row<model_delete>("/v1/providers/{provider}/models/{model*}", "Delete a model"),

    read_row<balancer_list>("/v1/load-balancers", "List load balancers", "LoadBalancerList"),
    write_row<balancer_create>("POST", "/v1/load-balancers", "Make a load balancer",
              "LoadBalancerBody", "LoadBalancer", "201"),
    read_row<balancer_get>("/v1/load-balancers/{load_balancer*}", "Show a load balancer",
             "LoadBalancer"),
    write_row<balancer_update>("PUT", "/v1/load-balancers/{load_balancer*}",
               "Replace a load balancer", "LoadBalancerBody", "LoadBalancer", "200"),
    delete_row<balancer_delete>("/v1/load-balancers/{load_balancer*}", "Delete a load balancer"),

    read_row<limit_list>("/v1/rate-limits", "List rate limits", "RateLimitList"),
    write_row<limit_create>("POST", "/v1/rate-limits", "Make a rate limit", "RateLimitBody",
              "RateLimit", "201"),
    read_row<limit_get>("/v1/rate-limits/{rate_limit}", "Show a rate limit", "RateLimit"),
    write_row<limit_update>("PUT", "/v1/rate-limits/{rate_limit}", "Replace a rate limit",
              "RateLimitBody", "RateLimit", "200"),
    delete_row<limit_delete>("/v1/rate-limits/{rate_limit}", "Delete a rate limit"),

    read_row<policy_list>("/v1/policies", "List policies", "PolicyList"),
    write_row<policy_create>("POST", "/v1/policies", "Make a policy", "PolicyBody", "Policy",
              "201"),
    delete_row<policy_delete_same>("/v1/policies", "Delete the policy that the body describes",
               "PolicyBody"),
    delete_row<policy_delete>("/v1/policies/{policy}", "Delete a policy"),

    read_row<key_list>("/v1/keys", "List keys", "KeyList"),
    write_row<key_create>("POST", "/v1/keys", "Make a key; it is shown this once", "KeyBody",
              "NewKey", "201"),
    read_row<key_get>("/v1/keys/{key}", "Show a key", "Key"),
    delete_row<key_delete>("/v1/keys/{key}", "Revoke a key"),
    write_row<key_rotate>("POST", "/v1/keys/{key}/rotate",
               "Give a key a new value; the old one works for a while", "RotateBody", "NewKey",
              "200"),
};

// What a parameter of the pattern takes from the front of `path`: one segment, or with a star as
// much as leaves room for the pattern's rest. npos: nothing.
size_t parameter_length(std::string_view path, bool star, std::string_view rest) {
  if (!star) {
    const size_t slash = path.find('/');
    const size_t length = slash == std::string_view::npos ? path.size() : slash;
    return length == 0 ? std::string_view::npos : length;
  }
  if (path.size() <= rest.size() || !path.ends_with(rest)) return std::string_view::npos;
  return path.size() - rest.size();
}

bool pattern_match(std::string_view pattern, std::string_view path,
                   std::array<std::string_view, 2>* parameters) {
  for (size_t count = 0;;) {
    const size_t open = pattern.find('{');
    if (open == std::string_view::npos) return pattern == path;
    if (pattern.substr(0, open) != path.substr(0, open)) return false;
    const size_t close = pattern.find('}', open);
    const std::string_view rest = pattern.substr(close + 1);
    path.remove_prefix(open);
    const size_t length = parameter_length(path, pattern[close - 1] == '*', rest);
    if (length == std::string_view::npos || count == parameters->size()) return false;
    (*parameters)[count++] = path.substr(0, length);
    path.remove_prefix(length);
    pattern = rest;
  }
}

std::string_view short_path(std::string_view path) {
  if (!path.starts_with(kLongPrefix)) return path;
  return path.substr(kLongPrefix.size() - kShortPrefix.size());
}

}  // namespace

std::span<const ApiRoute> api_routes() { return kRoutes; }

ApiMatch api_match(std::string_view method, std::string_view path) {
  path = short_path(path);
  if (method == "HEAD") method = "GET";
  ApiMatch match;
  std::string_view pattern;
  std::array<std::string_view, 2> taken;
  for (const ApiRoute& route : kRoutes) {
    if (pattern.empty()) {
      if (!pattern_match(route.path, path, &taken)) continue;
      pattern = route.path;
      match.access = route.access;
    }
    if (route.path != pattern) continue;
    match.allow.append(match.allow.empty() ? "" : ", ").append(route.method);
    if (route.method == "GET") match.allow += ", HEAD";
    if (route.method == method) match.route = &route;
  }
  if (match.route != nullptr) match.access = match.route->access;
  for (size_t i = 0; i < taken.size(); ++i) match.parameters[i] = percent_decode(taken[i]);
  return match;
}

bool api_is_public(std::string_view path) {
  path = short_path(path);
  std::array<std::string_view, 2> taken;
  for (const ApiRoute& route : kRoutes) {
    if (pattern_match(route.path, path, &taken)) return route.access == ApiAccess::kPublic;
  }
  return false;
}

bool api_may(const ManagementCall& call, ApiAccess access) {
  switch (access) {
    case ApiAccess::kPublic: return true;
    case ApiAccess::kMetrics: return call.admin || call.metrics_only;
    case ApiAccess::kAnyKey: return !call.key_id.empty() && !call.metrics_only;
    case ApiAccess::kAdmin: return call.admin;
    case ApiAccess::kOperator: return call.admin && call.tenant == kDefaultTenant;
  }
  return false;
}

}  // namespace weir
