// The provider `openai`: api.openai.com, or any server that speaks exactly its form.
//
// Replies and streams pass byte for byte. Requests get the common edits, and those that OpenAI's
// own models ask for: reasoning models take `max_completion_tokens` only, an empty `tools` is
// refused, and `parallel_tool_calls` is legal only with tools.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir {

extern const Adapter kOpenaiAdapter;

// True for the families that reject `max_tokens`: o1, o3, o4 and gpt-5, their dated names and
// fine-tuned forms ("ft:o4-mini:...") included.
[[nodiscard]] bool openai_is_reasoning_model(std::string_view model);

}  // namespace weir
