#include "adapters/watsonxai/models.h"

#include <algorithm>

#include "adapters/common/json_walk.h"
#include "adapters/watsonxai/settings.h"
#include "base/arena.h"
#include "json/json_write.h"
#include "route/target.h"

namespace weir::watsonx {

namespace {

// Of the next page's address only this parameter is taken: no answer may choose where a key goes.
constexpr std::string_view kStart = "start=";

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == '~' || c == '%' || c == '=';
  });
}

std::string_view start_of(std::string_view href) {
  size_t at = href.find('?');
  while (at != std::string_view::npos) {
    const std::string_view rest = href.substr(at + 1);
    if (rest.starts_with(kStart)) {
      const std::string_view start = rest.substr(kStart.size(), rest.find('&') - kStart.size());
      return is_plain(start) ? start : std::string_view{};
    }
    at = href.find('&', at + 1);
  }
  return {};
}

bool is_served(std::string_view model) {
  const std::string_view functions = json_member(model, "functions");
  if (!json_is_array(functions) || json_is_empty_array(functions)) return true;
  JsonElements each(functions);
  while (each.next()) {
    const std::string_view id = json_inner(json_member(each.value(), "id"));
    if (id.starts_with("text_chat") || id == "text_generation" || id == "embedding") return true;
  }
  return false;
}

}  // namespace

Result<void> list_request(const ListInput& input, ListRequest* out) {
  const Provider& provider = input.provider;
  std::string head;
  // For the fields and their checks; its first line is for a POST.
  const Settings settings = settings_read(provider);
  const PrepareInput any{provider, "deployment/any", Endpoint::kChat};
  if (auto made = head_prepare(any, &head); !made) return made;
  out->head.assign("GET ").append(root_path(provider));
  out->head.append("/ml/v1/foundation_model_specs?version=").append(settings.version);
  out->head.append("&limit=200");
  if (!input.cursor.empty()) out->head.append("&start=").append(input.cursor);
  out->head.append(" HTTP/1.1").append(head, head.find("\r\n"));
  constexpr std::string_view kType = "Content-Type: application/json\r\n";
  if (const size_t at = out->head.find(kType); at != std::string::npos) {
    out->head.replace(at, kType.size(), "Accept: application/json\r\n");
  }
  if (settings.needs_token() && !input.token.empty()) {
    out->head.append("Authorization: Bearer ").append(input.token).append("\r\n");
  }
  return {};
}

Result<size_t> list_models(std::string_view body, Arena& arena, std::span<ModelName> out,
                           std::string_view* cursor) {
  *cursor = {};
  const std::string_view list = json_member(body, "resources");
  if (!json_is_array(list)) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "the model list has no array `resources`", {}});
  }
  size_t count = 0;
  JsonElements models(list);
  while (count < out.size() && models.next()) {
    const std::string_view id = json_member(models.value(), "model_id");
    const std::string_view owner = json_member(models.value(), "provider");
    if (json_inner(id).empty() || !is_served(models.value())) continue;
    ModelName& name = out[count++];
    name.id = json_unquote(id, arena);
    name.owned_by = json_is_string(owner) ? json_unquote(owner, arena) : std::string_view{};
  }
  if (models.failed()) {
    return std::unexpected(Error{Errc::kUpstreamUnavailable, "the model list is no JSON", {}});
  }
  const std::string_view href = json_member(json_member(body, "next"), "href");
  if (json_is_string(href)) *cursor = start_of(json_unquote(href, arena));
  return count;
}

}  // namespace weir::watsonx
