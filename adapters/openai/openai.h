// The provider `openai`: api.openai.com, or any server that speaks exactly its form.
//
// Replies and streams pass byte for byte. Requests get the common edits, and those that OpenAI's
// own models ask for: reasoning models take `max_completion_tokens` only, an empty `tools` is
// refused, and `parallel_tool_calls` is legal only with tools.
#pragma once

#include <weir/adapter.h>

namespace weir {

extern const Adapter kOpenaiAdapter;

}  // namespace weir
