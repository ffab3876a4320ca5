#include "adapters/common/openai_models.h"

#include "adapters/common/json_walk.h"
#include "json/json_write.h"

namespace weir {

Result<size_t> openai_list_models(std::string_view body, Arena& arena, std::span<ModelName> out,
                                  std::string_view* cursor) {
  *cursor = {};
  const std::string_view text = json_trim(body);
  const std::string_view list = json_is_array(text) ? text : json_member(text, "data");
  if (!json_is_array(list)) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "the model list has no array `data`", {}});
  }
  size_t count = 0;
  JsonElements models(list);
  while (count < out.size() && models.next()) {
    const std::string_view id = json_member(models.value(), "id");
    const std::string_view owner = json_member(models.value(), "owned_by");
    if (json_inner(id).empty()) continue;
    ModelName& name = out[count++];
    name.id = json_unquote(id, arena);
    name.owned_by = json_is_string(owner) ? json_unquote(owner, arena) : std::string_view{};
    name.created = json_integer(json_member(models.value(), "created"), 0);
  }
  if (models.failed()) {
    return std::unexpected(Error{Errc::kUpstreamUnavailable, "the model list is no JSON", {}});
  }
  return count;
}

}  // namespace weir
