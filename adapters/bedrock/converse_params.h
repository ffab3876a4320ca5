// The parts of a Converse request beside its messages: sampling, tools, thinking, output format and
// what else is not a message. Worker thread; pure.
#pragma once

#include <weir/adapter.h>

#include "adapters/bedrock/model_family.h"
#include "adapters/common/arena_text.h"
#include "adapters/common/chat_request.h"

namespace weir {

// What both halves of a request need to know of each other.
struct ConversePlan {
  ChatFields fields;
  ConverseTraits traits;
  ToolChoice choice;
  ResponseFormat format;
  bool tools_sent = false;         // the client's own
  bool json_tool = false;          // ours stands for the output format
  std::string_view system_extra;   // plain text to say in a system block
  std::string_view history_tools;  // toolSpecs of the tools that old messages name

  // The model must call a tool.
  [[nodiscard]] bool forces_tool() const;
};

// Applies the table of parameters and settles choice and format.
[[nodiscard]] Result<ConversePlan> converse_plan(Call& call);

// Writes everything that comes behind "messages" and "system", each member with a comma before it.
[[nodiscard]] Result<void> converse_params_write(Call& call, const ConversePlan& plan,
                                                 ArenaText* out);

// True when escaped text is nothing but white space, which Converse refuses.
[[nodiscard]] bool text_is_blank(std::string_view escaped);

}  // namespace weir
