#include "adapters/bedrock/converse_reply.h"

#include <algorithm>

#include "adapters/bedrock/state.h"
#include "adapters/common/answer_writer.h"
#include "adapters/common/json_walk.h"
#include "json/json_write.h"

namespace weir {

namespace {

// Thinking with its signature, in the form in which a client may send it back.
void thinking_keep(std::string_view reasoning, ArenaText* blocks) {
  const std::string_view text = json_member(reasoning, "reasoningText");
  const std::string_view signature = json_member(text, "signature");
  const std::string_view redacted = json_member(reasoning, "redactedContent");
  const bool signed_text = !json_inner(signature).empty();
  if (!signed_text && !json_is_string(redacted)) return;
  blocks->add(blocks->size() == 0 ? "\"thinking_blocks\":[" : ",");
  if (signed_text) {
    const std::string_view thinking = json_member(text, "text");
    blocks->add(R"({"type":"thinking","thinking":)");
    blocks->add(json_is_string(thinking) ? thinking : std::string_view("\"\""));
    blocks->add(",\"signature\":").add(signature).add("}");
  } else {
    blocks->add(R"({"type":"redacted_thinking","data":)").add(redacted).add("}");
  }
}

void tool_use_read(const BedrockState& state, std::string_view use, Arena& arena,
                   AnswerWriter* answer) {
  if (json_member(use, "type") == "\"server_tool_use\"") return;
  const std::string_view name = json_inner(json_member(use, "name"));
  const std::string_view input = json_member(use, "input");
  if (state.json_tool && name == kJsonTool) {
    return answer->content(json_inner(json_quote(input, arena)));
  }
  answer->tool_call(json_inner(json_member(use, "toolUseId")), name, input);
}

void block_read(const BedrockState& state, std::string_view block, Arena& arena,
                AnswerWriter* answer, ArenaText* thinking) {
  JsonMembers members(block);
  while (members.next()) {
    const std::string_view key = members.key();
    const std::string_view value = members.value();
    if (key == "text") answer->content(json_inner(value));
    if (key == "toolUse") tool_use_read(state, value, arena, answer);
    if (key == "reasoningContent") {
      const std::string_view text = json_member(json_member(value, "reasoningText"), "text");
      if (json_is_string(text)) answer->reasoning(json_inner(text));
      thinking_keep(value, thinking);
    }
    if (key == "citationsContent") {
      JsonElements parts(json_member(value, "content"));
      while (parts.next()) answer->content(json_inner(json_member(parts.value(), "text")));
    }
  }
}

}  // namespace

std::string_view converse_finish_reason(std::string_view stop_reason, const Call& call) {
  const auto& state = *call.state.as<BedrockState>();
  if (stop_reason == "tool_use") {
    if (state.json_tool) return "stop";
    return state.legacy ? "function_call" : "tool_calls";
  }
  if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") {
    return "length";
  }
  if (stop_reason == "content_filtered" || stop_reason == "guardrail_intervened") {
    return "content_filter";
  }
  return "stop";
}

Usage converse_usage_read(std::string_view usage) {
  int64_t input = -1;
  int64_t output = -1;
  int64_t cache_read = -1;
  int64_t cache_write = -1;
  JsonMembers members(usage);
  while (members.next()) {
    const std::string_view key = members.key();
    if (key == "inputTokens") input = json_integer(members.value(), -1);
    if (key == "outputTokens") output = json_integer(members.value(), -1);
    if (key == "cacheReadInputTokens") cache_read = json_integer(members.value(), -1);
    if (key == "cacheWriteInputTokens") cache_write = json_integer(members.value(), -1);
  }
  // What the cache gave or took is no part of Bedrock's input count, but is of OpenAI's.
  const int64_t cached = std::max<int64_t>(cache_read, 0);
  const bool any_cache = cache_read >= 0 || cache_write >= 0;
  if (any_cache) input = std::max<int64_t>(input, 0) + cached + std::max<int64_t>(cache_write, 0);
  return usage_make(input, output, any_cache ? cached : -1);
}

std::string_view converse_answer_id(std::string_view request_id, Arena& arena) {
  constexpr size_t kMaxId = 128;
  const bool plain = std::all_of(request_id.begin(), request_id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (request_id.empty() || request_id.size() > kMaxId || !plain) return {};
  ArenaText id(arena, 16 + request_id.size());
  return id.add("chatcmpl-").add(request_id).view();
}

Result<void> converse_reply_read(Call& call, const Reply& in, SliceList* out, StreamFacts* facts) {
  const auto& state = *call.state.as<BedrockState>();
  std::string_view output;
  std::string_view stop_reason;
  std::string_view usage;
  JsonMembers members(in.body);
  while (members.next()) {
    if (members.key() == "output") output = members.value();
    if (members.key() == "stopReason") stop_reason = json_inner(members.value());
    if (members.key() == "usage") usage = members.value();
  }
  const std::string_view content = json_member(json_member(output, "message"), "content");
  if (!json_is_array(content)) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "the provider's answer holds no message"});
  }
  AnswerWriter answer(call, state.legacy);
  ArenaText thinking(call.scratch, 64);
  JsonElements blocks(content);
  while (blocks.next()) block_read(state, blocks.value(), call.scratch, &answer, &thinking);
  if (thinking.size() != 0) answer.member(thinking.add("]").view());
  return answer.write(converse_answer_id(in.field("x-amzn-requestid"), call.scratch), {},
                      converse_finish_reason(stop_reason, call), converse_usage_read(usage), out,
                      facts);
}

}  // namespace weir
