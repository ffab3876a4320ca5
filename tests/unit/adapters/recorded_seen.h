// What a client makes of answers and streams, and how a recording says what it should: for
// recorded_test.cc. JSON values are compared in one canonical spelling.
//
// For tests only; allocates freely. One thread.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "adapters/common/json_walk.h"
#include "base/arena.h"
#include "http/sse.h"
#include "json/json_write.h"

namespace weir::test {

inline std::string plain(std::string_view token) {
  Arena arena;
  return json_is_string(token) ? std::string(json_unquote(token, arena)) : std::string();
}

// Members sorted, strings with the same escapes, numbers as doubles. Broken text as it is.
inline std::string canonical(std::string_view json) {
  json = json_trim(json);
  Arena arena;
  std::string text;
  if (json_is_object(json)) {
    std::map<std::string, std::string> sorted;
    JsonMembers members(json);
    while (members.next()) {
      sorted[plain("\"" + std::string(members.key()) + "\"")] = canonical(members.value());
    }
    if (members.failed()) return std::string(json);
    for (const auto& [key, value] : sorted) {
      text += (text.empty() ? "" : ",") + std::string(json_quote(key, arena)) + ":" + value;
    }
    return "{" + text + "}";
  }
  if (json_is_array(json)) {
    JsonElements each(json);
    while (each.next()) text += (text.empty() ? "" : ",") + canonical(each.value());
    return each.failed() ? std::string(json) : "[" + text + "]";
  }
  if (json_is_string(json)) return std::string(json_quote(plain(json), arena));
  if (!json.empty() && (json[0] == '-' || (json[0] >= '0' && json[0] <= '9'))) {
    return std::to_string(std::strtod(std::string(json).c_str(), nullptr));
  }
  return std::string(json);
}

struct SeenCall {
  std::string id;
  std::string name;
  std::string arguments;
};

struct SeenChoice {
  std::string content;  // and the text of a legacy completion
  std::string reasoning;
  std::string refusal;
  std::string reason;
  std::map<int64_t, SeenCall> calls;
};

struct Seen {
  std::string id;
  std::string model;
  std::map<int64_t, SeenChoice> choices;
  std::string usage;  // JSON
  std::string error;  // message of an error event
  bool done = false;
  std::string broken;  // what a strict client would stumble over
};

inline void message_see(std::string_view message, SeenChoice* choice) {
  choice->content += plain(json_member(message, "content"));
  const std::string_view reasoning = json_member(message, "reasoning_content");
  choice->reasoning +=
      plain(json_is_none(reasoning) ? json_member(message, "reasoning") : reasoning);
  choice->refusal += plain(json_member(message, "refusal"));
  JsonElements calls(json_member(message, "tool_calls"));
  int64_t position = 0;
  while (calls.next()) {
    const int64_t index = json_integer(json_member(calls.value(), "index"), position++);
    const std::string_view function = json_member(calls.value(), "function");
    SeenCall& call = choice->calls[index];
    call.id += plain(json_member(calls.value(), "id"));
    call.name += plain(json_member(function, "name"));
    call.arguments += plain(json_member(function, "arguments"));
  }
}

// An answer, or one chunk of a stream.
inline void answer_see(std::string_view json, Seen* seen) {
  if (!json_is_object(json)) seen->broken = "no JSON object: " + std::string(json);
  const std::string id = plain(json_member(json, "id"));
  const std::string model = plain(json_member(json, "model"));
  if (!id.empty()) seen->id = id;
  if (!model.empty()) seen->model = model;
  const std::string_view error = json_member(json, "error");
  if (!json_is_none(error)) seen->error = plain(json_member(error, "message"));
  const std::string_view usage = json_member(json, "usage");
  if (json_is_object(usage)) seen->usage = usage;
  JsonElements choices(json_member(json, "choices"));
  int64_t position = 0;
  while (choices.next()) {
    const std::string_view value = choices.value();
    SeenChoice& choice = seen->choices[json_integer(json_member(value, "index"), position++)];
    choice.content += plain(json_member(value, "text"));
    message_see(json_member(value, "message"), &choice);
    message_see(json_member(value, "delta"), &choice);
    const std::string reason = plain(json_member(value, "finish_reason"));
    if (!reason.empty()) choice.reason = reason;
  }
}

inline Seen stream_see(std::string_view bytes) {
  Seen seen;
  SseBoundary boundary;
  std::vector<char> scratch(bytes.size() + 1);
  size_t size = 0;
  while ((size = boundary.next(bytes)) != 0) {
    const auto event = sse_read_event(bytes.substr(0, size), scratch);
    bytes.remove_prefix(size);
    if (!event || !event->has_data) continue;
    if (seen.done) seen.broken = "an event behind [DONE]";
    if (sse_is_done(event->data)) {
      seen.done = true;
    } else {
      answer_see(json_trim(event->data), &seen);
    }
  }
  if (!bytes.empty()) seen.broken = "half an event at the end: " + std::string(bytes);
  return seen;
}

// `prompt_tokens` and so on of a usage as a client sees it; -1 when it is not there.
inline int64_t usage_count(std::string_view usage, std::string_view key) {
  std::string_view from = usage;
  if (key == "cached_tokens") from = json_member(usage, "prompt_tokens_details");
  if (key == "reasoning_tokens") from = json_member(usage, "completion_tokens_details");
  return json_integer(json_member(from, key), -1);
}

// The length of one vector, written as numbers or as base64 of floats; -1 for anything else.
inline int64_t vector_length(std::string_view value) {
  if (json_is_array(value)) {
    int64_t count = 0;
    for (JsonElements each(value); each.next();) ++count;
    return count;
  }
  const std::string_view text = json_inner(value);
  if (text.empty() || text.size() % 4 != 0) return -1;
  const auto padding = static_cast<size_t>(std::count(text.end() - 2, text.end(), '='));
  const size_t bytes = text.size() / 4 * 3 - padding;
  return bytes % 4 == 0 ? static_cast<int64_t>(bytes / 4) : -1;
}

inline std::string base64_decode(std::string_view text) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    const size_t digit = kAlphabet.find(c);
    if (digit == kAlphabet.npos) continue;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes += static_cast<char>(bits >> have & 0xff);
  }
  return bytes;
}

}  // namespace weir::test
