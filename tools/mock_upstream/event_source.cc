#include "event_source.h"

#include <algorithm>

#include "echo.h"
#include "json_text.h"
#include "text_pool.h"

namespace weir::mock {
namespace {

std::string own_text_make(const Script& script, const Request& request, bool chat) {
  if (script.echo) return echo_text(request);
  if (script.tools && chat) {
    return "{\"text\":" + json_quote(make_words(script.words.value_or(6), script.utf8)) + "}";
  }
  return {};
}

std::string choice_json(std::uint64_t index, std::string_view delta, std::string_view reason) {
  return "{\"index\":" + std::to_string(index) + "," + std::string(delta) +
         ",\"finish_reason\":" + std::string(reason) + "}";
}

}  // namespace

std::string usage_json(const Script& script, std::uint64_t completion_tokens) {
  const std::uint64_t completion = script.completion_tokens.value_or(completion_tokens);
  return "{\"prompt_tokens\":" + std::to_string(script.prompt_tokens) +
         ",\"completion_tokens\":" + std::to_string(completion) +
         ",\"total_tokens\":" + std::to_string(script.prompt_tokens + completion) +
         ",\"prompt_tokens_details\":{\"cached_tokens\":" + std::to_string(script.cached_tokens) +
         "}}";
}

std::string tool_name(const Request& request) {
  const auto tools = json_find(request.body, "tools");
  std::string name = tools ? json_find_string(*tools, "name") : std::string();
  return name.empty() ? "lookup" : name;
}

EventSource::EventSource(const Script& script, const Request& request, bool chat,
                         const Identity& identity)
    : script_(script),
      chat_(chat),
      usage_asked_(json_find_true(request.body, "include_usage")),
      events_(script.words ? *script.words : script.events),
      own_text_(own_text_make(script, request, chat)),
      fingerprint_(",\"system_fingerprint\":" + json_quote(identity.name)),
      tool_(script.tools && chat ? tool_name(request) : std::string()) {
  prefix_ = chat ? "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\""
                 : "{\"id\":\"cmpl-mock\",\"object\":\"text_completion\"";
  prefix_ +=
      ",\"created\":1750000000,\"model\":" + json_quote(json_find_string(request.body, "model"));
  // The second event is an ordinary one: what it weighs without text tells how much text fits.
  at_ = 1;
  const std::size_t bare = wrap(event_json(delta_json(0, ""), "")).size();
  at_ = 0;
  event_id_ = 0;
  if (script_.event_bytes > bare) text_bytes_ = script_.event_bytes - bare;
  text_bytes_ = std::min(text_bytes_, kPoolBytes / 2);
  if (!own_text_.empty()) events_ = (own_text_.size() + text_bytes_ - 1) / text_bytes_;
}

bool EventSource::next(std::string* piece) {
  if (script_.error_at && stage_ == Stage::kContent && at_ >= *script_.error_at) {
    stage_ = Stage::kEnd;
    *piece = wrap(
        "{\"error\":{\"message\":\"The mock was told to break this stream.\",\"type\":"
        "\"server_error\",\"param\":null,\"code\":\"stream_failed\"}}");
    return true;
  }
  if (stage_ == Stage::kContent) {
    const bool more = own_text_.empty() ? at_ < events_ : text_at_ < own_text_.size();
    if (more) {
      *piece = content_event();
      return true;
    }
    stage_ = Stage::kFinish;
  }
  if (stage_ == Stage::kFinish) {
    const std::uint64_t wanted = script_.no_finish ? 0 : script_.one_finish ? 1 : script_.choices;
    if (finished_ < wanted) {
      *piece = finish_event();
      return true;
    }
    stage_ = Stage::kUsage;
  }
  if (stage_ == Stage::kUsage) {
    stage_ = Stage::kDone;
    if (script_.usage == UsageMode::kAlways || (script_.usage == UsageMode::kAsk && usage_asked_)) {
      *piece = wrap(event_json("", ",\"usage\":" + usage_json(script_, at_)));
      return true;
    }
  }
  if (stage_ == Stage::kEnd) return false;
  stage_ = Stage::kEnd;
  if (script_.no_done) return false;
  *piece = wrap("[DONE]");
  return true;
}

std::string EventSource::event_json(std::string_view choice, std::string_view usage) const {
  std::string out = prefix_;
  // Only some events carry the fingerprint, because an event of 200 bytes has little room.
  if (at_ == 0 || choice.empty()) out += fingerprint_;
  out += ",\"choices\":[";
  out += choice;
  out += "]";
  out += usage;
  return out + "}";
}

std::string EventSource::wrap(std::string_view json) {
  std::string out;
  if (script_.named) {
    out += "event: message" + script_.eol + "id: " + std::to_string(event_id_++) + script_.eol;
  }
  out += script_.no_space ? "data:" : "data: ";
  out += json;
  return out + script_.eol + script_.eol;
}

std::string_view EventSource::next_text() {
  std::string_view text;
  if (!own_text_.empty()) {
    text = slice_characters(own_text_, text_at_, text_bytes_);
    text_at_ += text.size();
    return text;
  }
  const std::string_view pool = pool_text(script_.utf8);
  if (script_.words) {
    // One word with its space per event.
    const std::size_t end = std::min(pool.find(' ', text_at_), pool.size() - 1);
    text = pool.substr(text_at_, end + 1 - text_at_);
  } else {
    if (text_at_ + text_bytes_ > pool.size()) text_at_ = 0;
    text = slice_characters(pool, text_at_, text_bytes_);
  }
  text_at_ += text.size();
  if (text_at_ >= pool.size()) text_at_ = 0;
  return text;
}

std::string EventSource::delta_json(std::uint64_t choice, std::string_view text) const {
  if (!chat_) return choice_json(choice, "\"text\":" + json_quote(text), "null");
  std::string delta = "\"delta\":{";
  if (at_ < script_.choices) delta += "\"role\":\"assistant\",";
  if (!tool_.empty()) {
    delta += "\"tool_calls\":[{\"index\":0,";
    if (at_ < script_.choices) delta += "\"id\":\"call_mock\",\"type\":\"function\",";
    delta += "\"function\":{";
    if (at_ < script_.choices) delta += "\"name\":" + json_quote(tool_) + ",";
    delta += "\"arguments\":" + json_quote(text) + "}}]}";
  } else {
    delta += "\"content\":" + json_quote(text) + "}";
  }
  return choice_json(choice, delta, "null");
}

std::string EventSource::content_event() {
  std::string usage;
  if (script_.usage == UsageMode::kEach) usage = ",\"usage\":" + usage_json(script_, at_ + 1);
  if (script_.usage == UsageMode::kAsk && usage_asked_) usage = ",\"usage\":null";
  std::string out = wrap(event_json(delta_json(at_ % script_.choices, next_text()), usage));
  ++at_;
  return out;
}

std::string EventSource::finish_event() {
  const std::string_view reason = tool_.empty() ? "\"stop\"" : "\"tool_calls\"";
  const std::string choice =
      choice_json(finished_++, chat_ ? "\"delta\":{}" : "\"text\":\"\"", reason);
  std::string usage;
  const bool carries = script_.usage == UsageMode::kInline || script_.usage == UsageMode::kEach;
  if (carries) usage = ",\"usage\":" + usage_json(script_, at_);
  if (script_.usage == UsageMode::kAsk && usage_asked_) usage = ",\"usage\":null";
  return wrap(event_json(choice, usage));
}

Answer event_answer_make(const Script& script, const Request& request, bool chat,
                         const Identity& identity) {
  Answer answer;
  answer.content_type =
      script.content_type.empty() ? "text/event-stream; charset=utf-8" : script.content_type;
  answer.stream = true;
  answer.source = std::make_unique<EventSource>(script, request, chat, identity);
  return answer;
}

}  // namespace weir::mock
