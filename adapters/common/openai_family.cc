#include "adapters/common/openai_family.h"

#include "adapters/common/json_walk.h"

namespace weir {

namespace {

template <typename Edits>
bool tools_edit(Call& call, Edits* edits) {
  // Without tools there is nothing to call in parallel.
  if (!call.request.present(Field::kTools)) return edits->remove(Field::kParallelToolCalls);
  const bool empty = json_is_empty_array(call.request.value(Field::kTools));
  if (empty && !edits->remove(Field::kTools)) return false;
  const bool useless = empty || json_is_none(call.request.value(Field::kTools));
  return !useless || edits->remove(Field::kParallelToolCalls);
}

}  // namespace

bool openai_is_reasoning_model(std::string_view model) {
  if (model.starts_with("ft:")) model.remove_prefix(3);
  for (const std::string_view family : {"o1", "o3", "o4", "gpt-5"}) {
    if (!model.starts_with(family)) continue;
    const char next = model.size() > family.size() ? model[family.size()] : '-';
    // "gpt-5.1" belongs to the family, "o10" would not.
    if (next == '-' || next == '.' || next == ':') return true;
  }
  return false;
}

bool openai_tools_edit(Call& call, EditList* edits) {
  return tools_edit(call, edits);
}

bool openai_tools_edit(Call& call, BodyEdits* edits) {
  return tools_edit(call, edits);
}

}  // namespace weir
