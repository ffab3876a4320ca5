// Writes the messages of a Messages request from those of a chat request.
//
// Roles alternate there: neighbours of one role become one message, the results of tools come first
// in theirs, and system texts go to a place of their own. Blocks without text are left out, because
// they are refused. One pass over the client's text, written straight to the arena. Worker thread.
#pragma once

#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/arena_text.h"
#include "adapters/common/chat_request.h"

namespace weir {

struct ToolName {
  std::string_view name;
  const ToolName* next;
};

class MessagesWriter {
 public:
  // `out` must hold what it holds until finish(): places in it are kept.
  MessagesWriter(Call& call, ArenaText* out) : call_(call), out_(*out), system_(call.arena, 256) {}

  // Writes the array.
  [[nodiscard]] Result<void> write(std::string_view messages);
  // The blocks of `system`, without brackets; empty when there are none.
  [[nodiscard]] std::string_view system() const { return system_.view(); }
  void system_add(std::string_view escaped, std::string_view cache_control);
  // The names of all tools that the history calls, the last one first.
  [[nodiscard]] const ToolName* tools() const { return tools_; }
  // The turn that goes on called tools without the thinking that led to it.
  [[nodiscard]] bool unthought_calls() const { return unthought_calls_; }

 private:
  enum class Open : uint8_t { kNone, kUser, kAssistant };

  Result<void> message(const ChatMessage& message);
  Result<void> system_message(const ChatMessage& message);
  Result<void> user_message(const ChatMessage& message);
  Result<void> assistant_message(const ChatMessage& message);
  Result<void> result_message(const ChatMessage& message);
  Result<void> result_write(const ChatMessage& message);
  Result<void> calls_write(const ChatMessage& message);
  void thinking_write(const ChatMessage& message);
  // One part as one block, or nothing for empty text; true when it was written.
  Result<bool> part_write(const ChatMessage& message, const ChatPart& part, bool in_result);
  Result<void> image_write(const ChatMessage& message, const ChatPart& part);
  Result<void> file_write(const ChatMessage& message, const ChatPart& part);
  void source_write(std::string_view block, std::string_view mime, std::string_view data);
  void text_write(std::string_view escaped, std::string_view cache_control);
  // Begins a block of a message of that role.
  void block_begin(Open role);
  void message_close();
  void id_write(std::string_view id);
  void tool_note(std::string_view name);
  void prefill_trim();

  Call& call_;
  ArenaText& out_;
  ArenaText system_;
  Open open_ = Open::kNone;
  size_t results_end_ = 0;  // behind the tool results of the open message
  size_t text_begin_ = 0;   // of the last block, when it is an assistant's text; else 0
  bool any_block_ = false;  // in the open message
  bool any_message_ = false;
  bool unthought_calls_ = false;
  size_t legacy_call_ = 0;  // index of the message with the last function_call
  const ToolName* tools_ = nullptr;
};

// True when the text between the quotes of a JSON string is white space only.
[[nodiscard]] bool is_blank_text(std::string_view escaped);

}  // namespace weir
