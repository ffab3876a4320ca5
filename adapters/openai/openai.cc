#include "adapters/openai/openai.h"

#include "adapters/common/json_walk.h"
#include "adapters/common/openai_request.h"
#include "route/target.h"

namespace weir {

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

namespace {

// `max_completion_tokens` wins where a client sends both.
bool cap_edit(Call& call, EditList* edits) {
  if (call.endpoint != Endpoint::kChat || !call.request.has(Field::kMaxTokens)) return true;
  if (!openai_is_reasoning_model(call.target.model)) return true;
  if (call.request.has(Field::kMaxCompletionTokens)) return edits->remove(Field::kMaxTokens);
  return edits->rename(Field::kMaxTokens, "\"max_completion_tokens\"");
}

bool tools_edit(Call& call, EditList* edits) {
  // Without tools there is nothing to call in parallel.
  if (!call.request.present(Field::kTools)) return edits->remove(Field::kParallelToolCalls);
  const bool empty = json_is_empty_array(call.request.value(Field::kTools));
  if (empty && !edits->remove(Field::kTools)) return false;
  const bool useless = empty || json_is_none(call.request.value(Field::kTools));
  return !useless || edits->remove(Field::kParallelToolCalls);
}

Result<void> next(Call& call, Step* step) {
  EditList edits(call.request);
  if (auto edited = openai_common_edits(call, &edits); !edited) return edited;
  if (!cap_edit(call, &edits) || !tools_edit(call, &edits)) return too_many_edits();
  return openai_send(call, edits, step);
}

}  // namespace

constexpr Adapter kOpenaiAdapter = {
    .size = sizeof(Adapter),
    .name = "openai",
    .endpoints = endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kCompletions) |
                 endpoint_bit(Endpoint::kEmbeddings),
    .local = false,
    .prepare = nullptr,
    .next = next,
    .inspect = nullptr,
    .transform_response = nullptr,
    .transform_stream = nullptr,
    .map_error = nullptr,
    .list_models = nullptr,
};

}  // namespace weir
