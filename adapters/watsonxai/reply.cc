#include "adapters/watsonxai/reply.h"

#include <array>

#include "adapters/common/chunk_writer.h"
#include "adapters/common/embeddings.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/openai_chunks.h"
#include "adapters/watsonxai/arguments.h"
#include "route/target.h"

namespace weir::watsonx {

namespace {

std::unexpected<Error> unusable(std::string_view message) {
  return std::unexpected(Error{Errc::kUpstreamUnavailable, message, {}});
}

Result<void> push(std::string_view text, SliceList* out) {
  if (out->push(Slice(text))) return {};
  return std::unexpected(Error{Errc::kInternal, "no room for the answer", {}});
}

// The replies of all parts, or the one there is.
std::span<const Reply> replies_of(const Call& call, const Reply& in) {
  return call.parts.empty() ? std::span<const Reply>(&in, 1) : call.parts;
}

// Writes a chat answer without the members that only this provider has.
class ChatAnswer {
 public:
  ChatAnswer(Call& call, std::string_view body)
      : call_(call), out_(call.scratch, body.size() + 512) {}

  Result<std::string_view> run(std::string_view body);

 private:
  void head(std::string_view body);
  void choice(std::string_view choice, int64_t position, bool blocked);
  void message(std::string_view message);
  void calls(std::string_view list);
  void member(std::string_view key, std::string_view value) {
    out_.add(",\"").add(key).add("\":").add(value);
  }

  Call& call_;
  ArenaText out_;
  bool failed_ = false;
};

void ChatAnswer::head(std::string_view body) {
  std::string_view model = json_member(body, "model");
  if (json_inner(model).empty()) model = json_member(body, "model_id");
  const int64_t created = json_integer(json_member(body, "created"), 0);
  out_.add("{\"id\":\"");
  answer_id_write(call_, json_inner(json_member(body, "id")), &out_);
  out_.add("\",\"object\":\"chat.completion\",\"created\":");
  out_.add_number(created > 0 ? created : call_.unix_ms / 1000);
  member("cached", "false");
  member("model", json_inner(model).empty() ? std::string_view(call_.target.model_json) : model);
}

Result<std::string_view> ChatAnswer::run(std::string_view body) {
  const std::string_view choices = json_member(body, "choices");
  if (!json_is_array(choices)) return unusable("the provider's answer has no choices");
  const bool blocked = is_blocked(json_member(body, "system"));
  head(body);
  out_.add(",\"choices\":[");
  int64_t position = 0;
  JsonElements each(choices);
  while (each.next()) {
    out_.add(position == 0 ? "" : ",");
    choice(each.value(), position++, blocked);
  }
  out_.add("]");
  if (failed_) return unusable("the provider failed while it generated");
  const std::string_view usage = json_member(body, "usage");
  if (json_is_object(usage)) member("usage", usage);
  return out_.add("}").view();
}

void ChatAnswer::choice(std::string_view choice, int64_t position, bool blocked) {
  const std::string_view sent = json_member(choice, "message");
  std::string_view reason = reason_word(json_inner(json_member(choice, "finish_reason")));
  if (reason == "error") failed_ = true;
  if (reason.empty()) reason = blocked ? "content_filter" : "stop";
  out_.add("{\"index\":").add_number(json_integer(json_member(choice, "index"), position));
  out_.add(",\"message\":");
  message(sent);
  const std::string_view logprobs = json_member(choice, "logprobs");
  member("logprobs", json_is_none(logprobs) ? "null" : logprobs);
  out_.add(",\"finish_reason\":\"").add(reason).add("\"}");
}

void ChatAnswer::message(std::string_view message) {
  const std::string_view content = json_member(message, "content");
  const std::string_view tools = json_member(message, "tool_calls");
  const bool has_calls = json_is_array(tools) && !json_is_empty_array(tools);
  out_.add("{\"role\":\"assistant\",\"content\":");
  if (json_is_none(content)) {
    out_.add(has_calls ? "null" : "\"\"");
  } else {
    out_.add(content);
  }
  JsonMembers members(message);
  while (members.next()) {
    const std::string_view key = members.key();
    if (key == "role" || key == "content" || key == "tool_calls") continue;
    if (members.value() != "null") member(key, members.value());
  }
  if (has_calls) calls(tools);
  out_.add("}");
}

void ChatAnswer::calls(std::string_view list) {
  out_.add(",\"tool_calls\":[");
  uint64_t position = 0;
  JsonElements each(list);
  while (each.next()) {
    const std::string_view id = json_inner(json_member(each.value(), "id"));
    const std::string_view function = json_member(each.value(), "function");
    const std::string_view sent = json_member(function, "arguments");
    std::string_view arguments = json_inner(sent);
    out_.add(position++ == 0 ? "{\"id\":\"" : ",{\"id\":\"");
    if (id.empty()) out_.add("call_").add(random_text(call_.random, position, 24, call_.scratch));
    out_.add(id).add(R"(","type":"function","function":{"name":")");
    out_.add(json_inner(json_member(function, "name"))).add("\",\"arguments\":");
    if (json_is_object(sent)) {
      out_.add_quoted(sent).add("}}");
      continue;
    }
    const ArgumentsForm form = arguments_form(arguments);
    if (form == ArgumentsForm::kBlank) arguments = "{}";
    if (form == ArgumentsForm::kQuoted) {
      const std::string_view inner = arguments_unwrap(call_, arguments);
      if (!inner.empty()) arguments = inner;
    }
    out_.add("\"").add(arguments).add("\"}}");
  }
  out_.add("]");
}

}  // namespace

std::string_view reason_word(std::string_view sent) {
  if (sent.empty() || sent == "not_finished") return {};
  if (sent == "length" || sent == "tool_calls" || sent == "content_filter" || sent == "error") {
    return sent;
  }
  if (sent == "time_limit" || sent == "max_tokens" || sent == "token_limit") return "length";
  // stop, eos_token, stop_sequence, cancelled, and what nobody has named yet.
  return "stop";
}

bool is_blocked(std::string_view system) {
  JsonElements warnings(json_member(system, "warnings"));
  while (warnings.next()) {
    if (json_inner(json_member(warnings.value(), "id")).starts_with("UNSUITABLE_")) return true;
  }
  return false;
}

Result<void> chat_reply(Call& call, const Reply& in, SliceList* out, StreamFacts* facts) {
  const auto text = ChatAnswer(call, in.body).run(in.body);
  if (!text) return std::unexpected(text.error());
  static_cast<void>(usage_read(json_member(in.body, "usage"), &facts->usage));
  return push(*text, out);
}

Result<void> generation_reply(Call& call, const Reply& in, SliceList* out, StreamFacts* facts) {
  std::string_view model;
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  ArenaText choices(call.scratch, in.body.size() + 256);
  int64_t index = 0;
  for (const Reply& reply : replies_of(call, in)) {
    const std::string_view results = json_member(reply.body, "results");
    JsonElements each(results);
    if (!each.next()) return unusable("the provider's answer has no results");
    const std::string_view result = each.value();
    const std::string_view text = json_member(result, "generated_text");
    const std::string_view reason = reason_word(json_inner(json_member(result, "stop_reason")));
    if (reason == "error") return unusable("the provider failed while it generated");
    model = json_member(reply.body, "model_id");
    prompt_tokens += json_integer(json_member(result, "input_token_count"), 0);
    completion_tokens += json_integer(json_member(result, "generated_token_count"), 0);
    choices.add(index == 0 ? "" : ",").add("{\"text\":");
    choices.add(json_is_string(text) ? text : "\"\"").add(",\"index\":").add_number(index++);
    choices.add(",\"logprobs\":null,\"finish_reason\":\"");
    choices.add(reason.empty() ? "stop" : reason).add("\"}");
  }
  facts->usage = usage_make(prompt_tokens, completion_tokens);
  ArenaText text(call.scratch, choices.size() + 512);
  text.add("{\"id\":\"cmpl-").add(random_text(call.random, 0, 24, call.scratch));
  text.add("\",\"object\":\"text_completion\",\"created\":").add_number(call.unix_ms / 1000);
  text.add(",\"model\":").add(json_is_string(model) ? model : call.target.model_json);
  text.add(",\"choices\":[").add(choices.view()).add("],\"usage\":");
  usage_write(facts->usage, {}, &text);
  return push(text.add("}").view(), out);
}

Result<void> embeddings_reply(Call& call, const Reply& in, SliceList* out, StreamFacts* facts) {
  size_t bytes = 0;
  for (const Reply& reply : replies_of(call, in)) bytes += reply.body.size();
  EmbeddingsWriter writer(call.scratch, embeddings_want_base64(call), bytes);
  std::string_view model;
  int64_t tokens = 0;
  for (const Reply& reply : replies_of(call, in)) {
    const std::string_view results = json_member(reply.body, "results");
    if (!json_is_array(results)) return unusable("the provider's answer has no results");
    JsonElements each(results);
    while (each.next()) {
      if (writer.add(json_member(each.value(), "embedding"))) continue;
      return unusable("the provider's answer holds an embedding that is no list of numbers");
    }
    model = json_member(reply.body, "model_id");
    tokens += json_integer(json_member(reply.body, "input_token_count"), 0);
  }
  facts->usage = usage_make(tokens, -1);
  return push(writer.finish(json_is_string(model) ? model : call.target.model_json, tokens), out);
}

}  // namespace weir::watsonx
