#include "control/api/api_route.h"

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
void usage_tenant(ControlPlane& plane, ApiCall& call) { plane.call_usage(call, false); }
void usage_own(ControlPlane& plane, ApiCall& call) { plane.call_usage(call, true); }

constexpr ApiRoute kRoutes[] = {
    // Served by the workers.
    {"GET", "/healthz", ApiAccess::kPublic, ApiWork::kWorker, nullptr,
     "Whether the process lives", "", "Health", "200"},
    {"GET", "/readyz", ApiAccess::kPublic, ApiWork::kWorker, nullptr,
     "Whether it can serve", "", "Health", "200"},
    {"POST", "/v1/chat/completions", ApiAccess::kAnyKey, ApiWork::kWorker, nullptr,
     "Answer a conversation", "ChatRequest", "ChatCompletion", "200"},
    {"POST", "/v1/completions", ApiAccess::kAnyKey, ApiWork::kWorker, nullptr,
     "Continue a text", "CompletionRequest", "TextCompletion", "200"},
    {"POST", "/v1/embeddings", ApiAccess::kAnyKey, ApiWork::kWorker, nullptr,
     "Embed texts", "EmbeddingsRequest", "Embeddings", "200"},
    {"GET", "/v1/models", ApiAccess::kAnyKey, ApiWork::kWorker, nullptr,
     "List the models this key may use", "", "ModelList", "200"},
    {"GET", "/v1/models/{model*}", ApiAccess::kAnyKey, ApiWork::kWorker, nullptr,
     "Show one model", "", "Model", "200"},

    {"GET", "/metrics", ApiAccess::kMetrics, ApiWork::kLater, metrics,
     "Counters in the text form of Prometheus", "", "", "200"},
    {"GET", "/v1/metrics", ApiAccess::kMetrics, ApiWork::kLater, metrics,
     "The same as /metrics", "", "", "200"},
    {"GET", "/v1/targets", ApiAccess::kAdmin, ApiWork::kNow, targets,
     "List upstream targets and their health", "", "TargetList", "200"},
    {"DELETE", "/v1/targets/{target*}/suspension", ApiAccess::kAdmin, ApiWork::kNow, suspension,
     "Use a suspended target again at once", "", "", "204"},
    {"POST", "/v1/config/reload", ApiAccess::kOperator, ApiWork::kLater, reload,
     "Read the configuration file again", "", "Reload", "200"},
    {"GET", "/v1/usage", ApiAccess::kAdmin, ApiWork::kNow, usage_tenant,
     "What the tenant used", "", "UsagePage", "200"},
    {"GET", "/v1/usage/user", ApiAccess::kAnyKey, ApiWork::kNow, usage_own,
     "What this key used", "", "UsagePage", "200"},
    {"GET", "/ml/v1/usage", ApiAccess::kAdmin, ApiWork::kNow, usage_tenant,
     "The same as /v1/usage", "", "UsagePage", "200"},
    {"GET", "/ml/v1/usage/user", ApiAccess::kAnyKey, ApiWork::kNow, usage_own,
     "The same as /v1/usage/user", "", "UsagePage", "200"},
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
