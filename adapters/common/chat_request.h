// Reads an OpenAI chat request for adapters that write another one: its fields, messages, content
// parts, tool calls, tools and the forms of tool_choice, each as a view of the client's JSON text.
//
// No tree is built. The body was checked by the request scanner, so it is JSON; what is left to
// check here is the shape, and every error names the place, such as "messages[2].content[0]", in
// the arena it is given. Members named `..._json` are JSON text, empty when absent or null; all
// others are what stands between the quotes of a string, still escaped. Worker thread.
#pragma once

#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/json_walk.h"
#include "base/arena.h"

namespace weir {

// Members of a request's top level, found in one walk. JSON text, empty when absent or null.
struct ChatFields {
  std::string_view messages, tools, tool_choice, functions, function_call, parallel_tool_calls;
  std::string_view stop, response_format, reasoning_effort, thinking, modalities, audio;
  std::string_view temperature, top_p, top_k, seed, presence_penalty, frequency_penalty;
  std::string_view n, logprobs, top_logprobs, user, service_tier, metadata;
};
[[nodiscard]] ChatFields chat_fields(std::string_view body);

enum class ChatRole : uint8_t { kSystem, kUser, kAssistant, kTool };

struct ChatMessage {
  size_t index = 0;
  ChatRole role = ChatRole::kUser;  // developer is system, function is tool
  bool legacy = false;              // a `function` message: `name` says whose result it is
  std::string_view json;            // the whole message
  std::string_view content_json;    // string or array
  std::string_view tool_calls_json;
  std::string_view function_call_json;
  std::string_view tool_call_id;
  std::string_view name;
  std::string_view refusal;
  std::string_view reasoning;  // reasoning_content
};

class ChatMessages {
 public:
  explicit ChatMessages(std::string_view messages, Arena& arena)
      : elements_(messages), arena_(arena) {}
  // Goes to the next message; false at the end. kInvalidField for a role nobody knows, or a message
  // that is no object.
  [[nodiscard]] Result<bool> next();
  [[nodiscard]] const ChatMessage& message() const { return message_; }

 private:
  JsonElements elements_;
  Arena& arena_;
  ChatMessage message_;
  size_t count_ = 0;
};

enum class PartKind : uint8_t { kText, kRefusal, kImage, kAudio, kFile };

struct ChatPart {
  size_t index = 0;
  PartKind kind = PartKind::kText;
  std::string_view json;      // the whole part; empty when the content is a string
  std::string_view text;      // kText, kRefusal
  std::string_view url;       // kImage: http(s) or data URI
  std::string_view detail;    // kImage
  std::string_view data;      // kAudio: base64; kFile: data URI or base64
  std::string_view format;    // kAudio
  std::string_view file_id;   // kFile
  std::string_view filename;  // kFile
};

// The parts of a message's content; a string is one text part, null and absent are none.
class ChatParts {
 public:
  ChatParts(const ChatMessage& message, Arena& arena);
  // kInvalidField for an unknown type of part or content that is neither string nor array.
  [[nodiscard]] Result<bool> next();
  [[nodiscard]] const ChatPart& part() const { return part_; }

 private:
  const ChatMessage& message_;
  Arena& arena_;
  JsonElements elements_;
  ChatPart part_;
  size_t count_ = 0;
};

struct ChatToolCall {
  size_t index = 0;
  std::string_view id;
  std::string_view name;
  std::string_view arguments;  // the JSON text itself, in the arena; "{}" when there is none
};

// The tool calls of an assistant's message, or its legacy function_call (whose id is empty).
class ChatToolCalls {
 public:
  ChatToolCalls(const ChatMessage& message, Call& call);
  // kInvalidField for a call without a name, of another type than function, or with arguments that
  // are no JSON object.
  [[nodiscard]] Result<bool> next();
  [[nodiscard]] const ChatToolCall& call() const { return call_; }

 private:
  const ChatMessage& message_;
  Call& owner_;
  JsonElements elements_;
  bool legacy_;
  ChatToolCall call_;
  size_t count_ = 0;
};

struct ChatTool {
  size_t index = 0;
  std::string_view json;  // the element of `tools` or `functions`
  std::string_view name;
  std::string_view description_json;
  std::string_view parameters_json;
  bool strict = false;
};

// The tools of a request, or its legacy functions.
class ChatTools {
 public:
  ChatTools(const ChatFields& fields, Arena& arena);
  // kInvalidField without a name, kUnsupportedParameter for tools that are no functions.
  [[nodiscard]] Result<bool> next();
  [[nodiscard]] const ChatTool& tool() const { return tool_; }

 private:
  JsonElements elements_;
  Arena& arena_;
  bool legacy_;
  ChatTool tool_;
  size_t count_ = 0;
};

struct ToolChoice {
  enum class Mode : uint8_t { kAbsent, kAuto, kNone, kRequired, kNamed };
  Mode mode = Mode::kAbsent;
  std::string_view name;          // kNamed
  std::string_view allowed_json;  // the tools that `allowed_tools` leaves; mode is its mode
  // True when the list is absent or holds the tool of that name.
  [[nodiscard]] bool allows(std::string_view tool) const;
};
// All forms of tool_choice and of the legacy function_call.
[[nodiscard]] Result<ToolChoice> tool_choice_read(const ChatFields& fields);

// A choice by which a tool must be called needs one; without it the model would just talk.
[[nodiscard]] Result<void> tool_choice_check(const ToolChoice& choice, bool any_tool);

// The words of `reasoning_effort`, as JSON text; another one is an error and no guess.
[[nodiscard]] Result<void> effort_check(std::string_view json);

// True when the client used `functions`, so that it expects `function_call` in the answer.
[[nodiscard]] bool is_legacy_tools(const ChatFields& fields);

// `stop` as a list: a string is one entry; null and empty strings are skipped. kInvalidField for
// anything else.
class ChatStops {
 public:
  explicit ChatStops(std::string_view stop)
      : elements_(stop),
        single_(json_is_string(stop) ? stop : std::string_view{}),
        broken_(!stop.empty() && !json_is_string(stop) && !json_is_array(stop)) {}
  [[nodiscard]] Result<bool> next();
  [[nodiscard]] std::string_view json() const { return value_; }  // a string token

 private:
  JsonElements elements_;
  std::string_view single_;
  bool broken_;
  std::string_view value_;
};

struct ResponseFormat {
  enum class Kind : uint8_t { kText, kJsonObject, kJsonSchema };
  Kind kind = Kind::kText;
  std::string_view name;
  std::string_view description_json;
  std::string_view schema_json;
  bool strict = false;
};
[[nodiscard]] Result<ResponseFormat> response_format_read(const ChatFields& fields);

// "messages[3].content[1]" and the like, in the arena; a negative second index leaves it out.
[[nodiscard]] std::string_view chat_place(std::string_view list, size_t index,
                                          std::string_view member, int64_t inner, Arena& arena);

}  // namespace weir
