#include "adapters/loopback/prompt.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"
#include "json/json_write.h"

namespace weir {

namespace {

constexpr std::string_view kGreeting = "Hello from Weir";

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

using Bytes [[gnu::vector_size(16)]] = int8_t;

Bytes bytes_at(std::string_view text, size_t at) {
  Bytes bytes;
  std::memcpy(&bytes, text.data() + at, sizeof bytes);
  return bytes;
}

// -1 for each of 16 bytes that is blank, 0 for the others.
Bytes blanks_at(std::string_view text, size_t at) {
  const Bytes bytes = bytes_at(text, at);
  return (bytes == ' ') | (bytes == '\n') | (bytes == '\t') | (bytes == '\r');
}

// The plain text of a string token, without a copy where it holds no escape.
std::string_view plain(std::string_view token, Arena& arena) {
  const std::string_view inner = json_inner(token);
  return inner.find('\\') == std::string_view::npos ? inner : json_unquote(token, arena);
}

struct Last {
  std::string_view text;
  int64_t words = 0;
  bool is_tool_result = false;
};

// The role and the content of a message, in one walk.
struct Message {
  std::string_view role;
  std::string_view content;
};

Message message_read(std::string_view message) {
  Message found;
  JsonMembers members(message);
  while (members.next()) {
    if (members.key() == "role") found.role = json_inner(members.value());
    if (members.key() == "content") found.content = members.value();
    if (!found.role.empty() && !found.content.empty()) break;
  }
  return found;
}

// All text of a message's content: a string, or the text parts of a list.
std::string_view content_text(std::string_view content, Arena& arena) {
  if (json_is_string(content)) return plain(content, arena);
  ArenaText text(arena, 256);
  JsonElements parts(content);
  while (parts.next()) {
    const std::string_view part = json_member(parts.value(), "text");
    if (!json_is_string(part)) continue;
    if (text.size() != 0) text.add(" ");
    text.add(plain(part, arena));
  }
  return text.view();
}

// Counts the words of all messages; `last` is the last one of the user or of a tool.
int64_t messages_read(std::string_view messages, Arena& arena, Last* last) {
  int64_t words = 0;
  JsonElements each(messages);
  while (each.next()) {
    const Message message = message_read(each.value());
    const std::string_view text = content_text(message.content, arena);
    const int64_t here = words_count(text);
    words += here;
    const bool is_tool = message.role == "tool" || message.role == "function";
    if (message.role == "user" || is_tool) *last = {text, here, is_tool};
  }
  return words;
}

// The prompt of a legacy completion: text, a list of texts, or token numbers.
int64_t prompt_read(std::string_view prompt, Arena& arena, Last* last) {
  if (json_is_string(prompt)) {
    last->text = plain(prompt, arena);
    return last->words = words_count(last->text);
  }
  int64_t words = 0;
  JsonElements each(prompt);
  while (each.next()) {
    if (json_is_string(each.value())) {
      const std::string_view text = plain(each.value(), arena);
      const int64_t here = words_count(text);
      if (words == 0) *last = {text, here};
      words += here;
    } else {
      ++words;
    }
  }
  return words;
}

std::string_view word_next(std::string_view text, size_t from) {
  size_t begin = from;
  while (begin < text.size() && is_blank(text[begin])) ++begin;
  size_t end = begin;
  while (end < text.size() && !is_blank(text[end])) ++end;
  return text.substr(begin, end - begin);
}

// The first `count` words of the source joined by spaces, beginning again where it ends. Words that
// one space parts in the source are copied together.
std::string_view words_join(std::string_view source, int64_t count, Arena& arena) {
  ArenaText text(arena, 512);
  std::string_view run;
  for (int64_t i = 0; i < count; ++i) {
    const char* const behind = run.data() + run.size();
    const auto at = static_cast<size_t>(i == 0 ? 0 : behind - source.data());
    std::string_view word = word_next(source, at);
    if (word.empty()) word = word_next(source, 0);
    if (i != 0 && word.data() == behind + 1 && *behind == ' ') {
      run = {run.data(), run.size() + 1 + word.size()};
      continue;
    }
    if (i != 0) text.add(run).add(" ");
    run = word;
  }
  return text.add(run).view();
}

// Whether the name stands anywhere in the body. A search for the first quote, then for the next,
// would stop at each of them: all names and texts have two.
bool may_have_stop(std::string_view body) {
  constexpr std::string_view kName = "\"stop\"";
  constexpr size_t kLast = kName.size() - 1;
  size_t at = 0;
  for (; at + sizeof(Bytes) + kLast <= body.size(); at += sizeof(Bytes)) {
    const Bytes found = (bytes_at(body, at) == '"') & (bytes_at(body, at + 1) == 's') &
                        (bytes_at(body, at + kLast) == '"');
    const auto halves = std::bit_cast<std::array<uint64_t, 2>>(found);
    if ((halves[0] | halves[1]) == 0) continue;
    if (body.substr(at, sizeof(Bytes) + kLast).find(kName) != std::string_view::npos) return true;
  }
  return body.substr(at).find(kName) != std::string_view::npos;
}

// The text up to the first stop sequence in it.
std::string_view stop_apply(const Call& call, std::string_view text, Arena& arena) {
  // Most requests have none, and a search is cheaper than a walk over the members.
  const std::string_view body = call.request.body;
  if (!may_have_stop(body)) return text;
  const std::string_view stop = json_member(body, "stop");
  const auto cut = [&](std::string_view token) {
    const std::string_view sequence = plain(token, arena);
    if (!sequence.empty()) text = text.substr(0, text.find(sequence));
  };
  if (json_is_string(stop)) cut(stop);
  JsonElements each(stop);
  while (each.next()) cut(each.value());
  return text;
}

bool says_call(std::string_view text, std::string_view name) {
  constexpr std::string_view kVerb = "call ";
  for (size_t at = text.find(kVerb); at != std::string_view::npos; at = text.find(kVerb, at + 1)) {
    const std::string_view rest = text.substr(at + kVerb.size());
    const char next = rest.size() > name.size() ? rest[name.size()] : ' ';
    const bool ends = !((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
                        (next >= '0' && next <= '9') || next == '_' || next == '-');
    if (rest.starts_with(name) && ends) return true;
  }
  return false;
}

std::string_view tool_name_of(std::string_view tool) {
  return json_member(json_member(tool, "function"), "name");
}

// The function (name and schema) to call; empty for none.
std::string_view tool_choose(const Call& call, std::string_view text) {
  if (call.request.value(Field::kTools).empty()) return {};
  const std::string_view choice = json_member(call.request.body, "tool_choice");
  if (choice == "\"none\"") return {};
  const std::string_view wanted = tool_name_of(choice);
  JsonElements tools(call.request.value(Field::kTools));
  while (tools.next()) {
    const std::string_view function = json_member(tools.value(), "function");
    const std::string_view name = json_member(function, "name");
    if (json_inner(name).empty()) continue;
    const bool chosen = json_is_none(wanted)
                            ? choice == "\"required\"" || says_call(text, json_inner(name))
                            : name == wanted;
    if (chosen) return function;
  }
  return {};
}

// A value that fits the schema of one parameter, as far as its type goes.
void sample_write(std::string_view schema, std::string_view text, ArenaText* out) {
  JsonElements choices(json_member(schema, "enum"));
  if (choices.next()) {
    out->add(choices.value());
    return;
  }
  std::string_view type = json_member(schema, "type");
  JsonElements types(type);
  if (types.next()) type = types.value();
  if (type == "\"string\"") {
    out->add_quoted(text);
  } else if (type == "\"integer\"" || type == "\"number\"") {
    out->add("1");
  } else if (type == "\"boolean\"") {
    out->add("true");
  } else if (type == "\"array\"") {
    out->add("[]");
  } else if (type == "\"object\"") {
    out->add("{}");
  } else {
    out->add("null");
  }
}

std::string_view arguments_make(std::string_view function, std::string_view text, Arena& arena) {
  ArenaText out(arena, 256);
  out.add("{");
  JsonMembers properties(json_member(json_member(function, "parameters"), "properties"));
  while (properties.next()) {
    if (out.size() > 1) out.add(",");
    out.add("\"").add(properties.key()).add("\":");
    sample_write(properties.value(), text, &out);
  }
  return out.add("}").view();
}

}  // namespace

int64_t words_count(std::string_view text) {
  // A word begins where the byte before is blank, or there is none.
  int64_t words = static_cast<int64_t>(!text.empty() && !is_blank(text[0]));
  size_t at = 1;
  for (; at + sizeof(Bytes) <= text.size(); at += sizeof(Bytes)) {
    const Bytes begun = blanks_at(text, at - 1) & ~blanks_at(text, at);
    const auto halves = std::bit_cast<std::array<uint64_t, 2>>(begun);
    words += (std::popcount(halves[0]) + std::popcount(halves[1])) / 8;
  }
  for (; at < text.size(); ++at) words += is_blank(text[at - 1]) && !is_blank(text[at]);
  return words;
}

std::string_view piece_at(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && text[end] == ' ') ++end;
  while (end < text.size() && text[end] != ' ') ++end;
  return text.substr(at, end - at);
}

LocalAnswer answer_make(Call& call, const Rehearsal& rehearsal) {
  LocalAnswer answer;
  Last last;
  answer.prompt_words = call.endpoint == Endpoint::kChat
                            ? messages_read(call.request.value(Field::kMessages), call.arena, &last)
                            : prompt_read(call.request.value(Field::kPrompt), call.arena, &last);
  const bool may_call = call.endpoint == Endpoint::kChat && !last.is_tool_result;
  const std::string_view function = may_call ? tool_choose(call, last.text) : std::string_view{};
  if (!function.empty()) {
    answer.tool_name = json_member(function, "name");
    answer.tool_arguments = arguments_make(function, last.text, call.arena);
    answer.finish_reason = "tool_calls";
    answer.answer_words = std::max<int64_t>(1, words_count(answer.tool_arguments));
    return answer;
  }
  if (last.words == 0) last = {kGreeting, words_count(kGreeting)};
  int64_t words =
      rehearsal.words >= 0 ? rehearsal.words : std::min(last.words, Rehearsal::kMaxWords);
  const int64_t cap = call.request.output_cap;
  answer.finish_reason = cap >= 0 && cap < words ? "length" : "stop";
  if (cap >= 0) words = std::min(words, cap);
  const std::string_view all = words_join(last.text, words, call.arena);
  answer.text = stop_apply(call, all, call.arena);
  answer.answer_words = words;
  if (answer.text.size() != all.size()) {
    answer.finish_reason = "stop";
    answer.answer_words = words_count(answer.text);
  }
  return answer;
}

}  // namespace weir
