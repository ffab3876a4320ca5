#include "proxy/routes.h"

namespace weir {

namespace {

constexpr std::string_view kPrefixes[] = {"/v1/", "/ml/gateway/v1/"};

bool strip_prefix(std::string_view* path) {
  for (const std::string_view prefix : kPrefixes) {
    if (!path->starts_with(prefix)) continue;
    path->remove_prefix(prefix.size());
    return true;
  }
  return false;
}

bool is_get(Method method) { return method == Method::kGet || method == Method::kHead; }

RouteMatch get_only(Place place, Method method, std::string_view rest = {}) {
  RouteMatch match;
  match.place = place;
  match.rest = rest;
  if (!is_get(method)) match.allow = "GET, HEAD";
  return match;
}

RouteMatch inference(Endpoint endpoint, Method method) {
  RouteMatch match;
  match.place = Place::kInference;
  match.endpoint = endpoint;
  if (method != Method::kPost) match.allow = "POST";
  return match;
}

}  // namespace

RouteMatch route_match(Method method, std::string_view path) {
  if (path == "/healthz") return get_only(Place::kHealth, method);
  if (path == "/readyz") return get_only(Place::kReady, method);
  std::string_view rest = path;
  if (!strip_prefix(&rest)) return {};
  if (rest == "chat/completions") return inference(Endpoint::kChat, method);
  if (rest == "completions") return inference(Endpoint::kCompletions, method);
  if (rest == "embeddings") return inference(Endpoint::kEmbeddings, method);
  // POST models is the management API's; only reading the list belongs to the data plane.
  if (rest == "models" && is_get(method)) return get_only(Place::kModels, method);
  constexpr std::string_view kModelPrefix = "models/";
  if (rest.starts_with(kModelPrefix) && is_get(method) && rest.size() > kModelPrefix.size()) {
    return get_only(Place::kModel, method, rest.substr(kModelPrefix.size()));
  }
  return {};
}

}  // namespace weir
