// What OpenAI's own models ask of a request, wherever they are served. Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/body_edits.h"
#include "json/edits.h"

namespace weir {

// True for the families that reject `max_tokens`: o1, o3, o4 and gpt-5, their dated names and
// fine-tuned forms ("ft:o4-mini:...") included.
[[nodiscard]] bool openai_is_reasoning_model(std::string_view model);

// Leaves out an empty `tools`, and `parallel_tool_calls` where there are no tools. False when the
// list is full.
[[nodiscard]] bool openai_tools_edit(Call& call, EditList* edits);
[[nodiscard]] bool openai_tools_edit(Call& call, BodyEdits* edits);

}  // namespace weir
