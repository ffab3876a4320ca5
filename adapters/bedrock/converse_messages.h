// The messages of a Converse request, written from those of an OpenAI chat request.
//
// Converse wants user and assistant in turns, the user first; a text block must not be blank, and
// what system messages say stands apart. Ids of tool calls that Converse would not take are made
// anew, always in the same way. Made for one request. Worker thread.
#pragma once

#include <weir/adapter.h>

#include "adapters/bedrock/converse_params.h"
#include "adapters/common/arena_text.h"
#include "adapters/common/chat_request.h"

namespace weir {

class ConverseMessages {
 public:
  ConverseMessages(Call& call, const ConversePlan& plan, ArenaText* out);

  // Writes `"messages":[...],"system":[...]`.
  [[nodiscard]] Result<void> run();
  // A toolSpec for each name in old tool calls, joined by commas.
  [[nodiscard]] std::string_view history_tools() const { return tools_.view(); }

 private:
  struct ToolName {
    std::string_view name;
    const ToolName* next;
  };

  [[nodiscard]] Result<void> system_collect();
  [[nodiscard]] Result<void> message(const ChatMessage& message);
  [[nodiscard]] Result<void> parts(const ChatMessage& message);
  [[nodiscard]] Result<void> part(const ChatMessage& message, const ChatPart& part);
  [[nodiscard]] Result<void> image(const ChatMessage& message, const ChatPart& part);
  [[nodiscard]] Result<void> document(const ChatMessage& message, const ChatPart& part);
  [[nodiscard]] Result<void> tool_calls(const ChatMessage& message);
  [[nodiscard]] Result<void> tool_result(const ChatMessage& message);
  void thinking_blocks(const ChatMessage& message);
  void text(std::string_view escaped);
  void block_begin();
  void message_end();
  void tool_note(std::string_view name);
  [[nodiscard]] std::string_view tool_id(std::string_view escaped);
  [[nodiscard]] std::unexpected<Error> refuse(const ChatMessage& message, const ChatPart& part,
                                              std::string_view why);

  Call& call_;
  const ConversePlan& plan_;
  ArenaText& out_;
  ArenaText system_;
  ArenaText tools_;
  const ToolName* names_ = nullptr;
  size_t name_count_ = 0;
  size_t messages_ = 0;
  size_t documents_ = 0;
  size_t legacy_calls_ = 0;
  bool open_ = false;        // a message is being written
  bool in_result_ = false;   // within the content of a tool result
  bool first_block_ = true;  // of what is being written
  bool has_text_ = false;    // of the open message
  bool has_document_ = false;
  ChatRole role_ = ChatRole::kUser;     // of the open message
  ChatRole speaker_ = ChatRole::kUser;  // of the blocks to come
  size_t text_at_ = 0;                  // where the last block begins when it is a text, else 0
  std::string_view last_text_;
};

}  // namespace weir
