#include "adapters/anthropic/reply.h"

#include "adapters/anthropic/attempt_state.h"
#include "adapters/anthropic/usage.h"
#include "adapters/common/answer_writer.h"
#include "adapters/common/json_walk.h"
#include "json/json_write.h"

namespace weir {

namespace {

struct Message {
  std::string_view id;
  std::string_view model;
  std::string_view content;
  std::string_view stop_reason;
  MessageUsage usage{};
};

// False when the text is broken.
bool message_read(std::string_view body, Message* message) {
  JsonMembers members(body);
  while (members.next()) {
    const std::string_view key = members.key();
    const std::string_view value = members.value();
    if (key == "id") message->id = json_inner(value);
    if (key == "model") message->model = json_inner(value);
    if (key == "content") message->content = value;
    if (key == "stop_reason") message->stop_reason = json_inner(value);
    if (key == "usage") message_usage_read(value, &message->usage);
  }
  return !members.failed();
}

class AnswerReader {
 public:
  AnswerReader(Call& call, const AttemptState& state)
      : call_(call),
        state_(state),
        thoughts_(call.scratch, 64),
        answer_(call, state.legacy_calls) {}

  void block(std::string_view json) {
    const std::string_view type = json_inner(json_member(json, "type"));
    if (type == "text") return answer_.content(json_inner(json_member(json, "text")));
    if (type == "tool_use") return tool_use(json);
    if (type == "thinking") answer_.reasoning(json_inner(json_member(json, "thinking")));
    // The client must give these back as they are when the turn goes on.
    const bool is_signed = !json_inner(json_member(json, "signature")).empty();
    if (type == "redacted_thinking" || (type == "thinking" && is_signed)) {
      thoughts_.add(thoughts_.size() == 0 ? "\"thinking_blocks\":[" : ",").add(json);
    }
  }

  Result<void> write(const Message& message, SliceList* out, StreamFacts* facts) {
    if (thoughts_.size() != 0) answer_.member(thoughts_.add("]").view());
    const std::string_view reason =
        finish_reason_final(finish_reason_of(message.stop_reason), answer_.tool_calls(),
                            state_.json_tool, state_.legacy_calls);
    return answer_.write(message.id, message.model, reason, message_usage_total(message.usage), out,
                         facts, message_usage_extra(message.usage, call_.scratch));
  }

 private:
  void tool_use(std::string_view json) {
    const std::string_view name = json_inner(json_member(json, "name"));
    const std::string_view input = json_member(json, "input");
    if (state_.json_tool && name == kJsonToolName) {
      return answer_.content(json_inner(json_quote(input, call_.scratch)));
    }
    answer_.tool_call(json_inner(json_member(json, "id")), name, input);
  }

  Call& call_;
  const AttemptState& state_;
  ArenaText thoughts_;
  AnswerWriter answer_;
};

}  // namespace

std::string_view finish_reason_of(std::string_view stop_reason) {
  if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") {
    return "length";
  }
  if (stop_reason == "tool_use") return "tool_calls";
  return stop_reason == "refusal" ? "content_filter" : "stop";
}

std::string_view finish_reason_final(std::string_view reason, size_t calls, bool json_tool,
                                     bool legacy_calls) {
  if (reason.empty()) return "stop";
  if (reason != "tool_calls") return reason;
  if (calls == 0 && json_tool) return "stop";
  return legacy_calls ? "function_call" : reason;
}

Result<void> anthropic_response(Call& call, const Reply& in, SliceList* out, StreamFacts* facts) {
  const AttemptState& state = attempt_state(call);
  Message message;
  if (!message_read(in.body, &message) || !json_is_array(message.content)) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "the provider's answer is no message with content"});
  }
  AnswerReader reader(call, state);
  JsonElements blocks(message.content);
  while (blocks.next()) reader.block(blocks.value());
  return reader.write(message, out, facts);
}

}  // namespace weir
