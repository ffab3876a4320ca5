#include "adapters/common/openai_family.h"

#include <cstring>

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

// Inlined, so that the size of `start` is known and nothing is called.
[[gnu::always_inline]] inline bool begins(std::string_view text, std::string_view start) {
  return text.size() >= start.size() && std::memcmp(text.data(), start.data(), start.size()) == 0;
}

// "gpt-5.1" belongs to the family, "o10" would not.
[[gnu::always_inline]] inline bool in_family(std::string_view model, std::string_view family) {
  if (!begins(model, family)) return false;
  const char next = model.size() > family.size() ? model[family.size()] : '-';
  return next == '-' || next == '.' || next == ':';
}

}  // namespace

bool openai_is_reasoning_model(std::string_view model) {
  constexpr std::string_view kTuned = "ft:";
  if (begins(model, kTuned)) model.remove_prefix(kTuned.size());
  return in_family(model, "o1") || in_family(model, "o3") || in_family(model, "o4") ||
         in_family(model, "gpt-5");
}

bool openai_tools_edit(Call& call, EditList* edits) {
  return tools_edit(call, edits);
}

bool openai_tools_edit(Call& call, BodyEdits* edits) {
  return tools_edit(call, edits);
}

}  // namespace weir
