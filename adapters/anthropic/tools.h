// Tools and the choice among them, in Anthropic's form. Worker thread.
#pragma once

#include <weir/adapter.h>

#include "adapters/anthropic/messages.h"
#include "adapters/anthropic/models.h"
#include "adapters/common/arena_text.h"
#include "adapters/common/chat_request.h"

namespace weir {

struct ToolsInput {
  Call& call;
  const ChatFields& fields;
  const ModelTraits& traits;
  const ResponseFormat& format;
  const ToolName* history;  // tools that the messages call
  bool thinking;            // it forbids to force a tool
  bool json_tool;           // the response format is asked for as a tool's input
};

// Appends the members `tools` and `tool_choice`, each with a comma before it, where they are
// needed.
[[nodiscard]] Result<void> tools_write(const ToolsInput& input, ArenaText* out);

}  // namespace weir
