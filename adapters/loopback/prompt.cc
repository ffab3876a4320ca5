#include "adapters/loopback/prompt.h"

#include <algorithm>

#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"
#include "json/json_write.h"

namespace weir {

namespace {

constexpr std::string_view kGreeting = "Hello from Weir";

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// The plain text of a string token, without a copy where it holds no escape.
std::string_view plain(std::string_view token, Arena& arena) {
  const std::string_view inner = json_inner(token);
  return inner.find('\\') == std::string_view::npos ? inner : json_unquote(token, arena);
}

struct Last {
  std::string_view text;
  bool is_tool_result = false;
};

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
    const std::string_view role = json_inner(json_member(each.value(), "role"));
    const std::string_view text = content_text(json_member(each.value(), "content"), arena);
    words += words_count(text);
    const bool is_tool = role == "tool" || role == "function";
    if (role == "user" || is_tool) *last = {text, is_tool};
  }
  return words;
}

// The prompt of a legacy completion: text, a list of texts, or token numbers.
int64_t prompt_read(std::string_view prompt, Arena& arena, Last* last) {
  if (json_is_string(prompt)) {
    last->text = plain(prompt, arena);
    return words_count(last->text);
  }
  int64_t words = 0;
  JsonElements each(prompt);
  while (each.next()) {
    if (json_is_string(each.value())) {
      const std::string_view text = plain(each.value(), arena);
      if (words == 0) last->text = text;
      words += words_count(text);
    } else {
      ++words;
    }
  }
  return words;
}

std::string_view word_next(std::string_view text, size_t* at) {
  while (*at < text.size() && is_blank(text[*at])) ++*at;
  const size_t begin = *at;
  while (*at < text.size() && !is_blank(text[*at])) ++*at;
  return text.substr(begin, *at - begin);
}

// The first `count` words of the source joined by spaces, beginning again where it ends.
std::string_view words_join(std::string_view source, int64_t count, Arena& arena) {
  ArenaText text(arena, 512);
  size_t at = 0;
  for (int64_t i = 0; i < count; ++i) {
    std::string_view word = word_next(source, &at);
    if (word.empty()) {
      at = 0;
      word = word_next(source, &at);
    }
    if (i > 0) text.add(" ");
    text.add(word);
  }
  return text.view();
}

// The text up to the first stop sequence in it.
std::string_view stop_apply(std::string_view text, std::string_view stop, Arena& arena) {
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
  int64_t words = 0;
  for (size_t at = 0; !word_next(text, &at).empty();) ++words;
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
  if (words_count(last.text) == 0) last.text = kGreeting;
  int64_t words = rehearsal.words >= 0 ? rehearsal.words
                                       : std::min(words_count(last.text), Rehearsal::kMaxWords);
  const int64_t cap = call.request.output_cap;
  answer.finish_reason = cap >= 0 && cap < words ? "length" : "stop";
  if (cap >= 0) words = std::min(words, cap);
  const std::string_view all = words_join(last.text, words, call.arena);
  answer.text = stop_apply(all, json_member(call.request.body, "stop"), call.arena);
  if (answer.text.size() != all.size()) answer.finish_reason = "stop";
  answer.answer_words = words_count(answer.text);
  return answer;
}

}  // namespace weir
