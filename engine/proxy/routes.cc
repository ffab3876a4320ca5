#include "proxy/routes.h"

namespace weir {

namespace {

constexpr std::string_view kPrefix = "/v1/";
constexpr std::string_view kLongPrefix = "/ml/gateway/v1/";

// Lengths that are known make a comparison of one or two instructions.
bool strip_prefix(std::string_view* path) {
  size_t size = 0;
  if (path->substr(0, kPrefix.size()) == kPrefix) size = kPrefix.size();
  if (path->substr(0, kLongPrefix.size()) == kLongPrefix) size = kLongPrefix.size();
  path->remove_prefix(size);
  return size != 0;
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
