#include "proxy/routes.h"

#include <cstring>

namespace weir {

namespace {

constexpr std::string_view kPrefix = "/v1/";
constexpr std::string_view kLongPrefix = "/ml/gateway/v1/";

// Both are inlined, so that the size of the literal is known and nothing is called.
[[gnu::always_inline]] inline bool begins(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && std::memcmp(text.data(), start.data(), start.size()) == 0;
}
[[gnu::always_inline]] inline bool is(std::string_view text, std::string_view literal) {
  return text.size() == literal.size() && begins(text, literal);
}

bool strip_prefix(std::string_view* path) {
  const size_t size = begins(*path, kPrefix)       ? kPrefix.size()
                      : begins(*path, kLongPrefix) ? kLongPrefix.size()
                                                   : 0;
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
  std::string_view rest = path;
  if (!strip_prefix(&rest)) {
    if (is(path, "/healthz")) return get_only(Place::kHealth, method);
    if (is(path, "/readyz")) return get_only(Place::kReady, method);
    return {};
  }
  if (is(rest, "chat/completions")) return inference(Endpoint::kChat, method);
  if (is(rest, "completions")) return inference(Endpoint::kCompletions, method);
  if (is(rest, "embeddings")) return inference(Endpoint::kEmbeddings, method);
  // POST models is the management API's; only reading the list belongs to the data plane.
  if (is(rest, "models") && is_get(method)) return get_only(Place::kModels, method);
  constexpr std::string_view kModelPrefix = "models/";
  if (begins(rest, kModelPrefix) && is_get(method) && rest.size() > kModelPrefix.size()) {
    return get_only(Place::kModel, method, rest.substr(kModelPrefix.size()));
  }
  return {};
}

}  // namespace weir
