#include "adapters/watsonxai/messages.h"

#include <algorithm>
#include <span>

#include "adapters/common/arena_text.h"

namespace weir::watsonx {

namespace {

constexpr std::string_view kSystemKeys[] = {"role", "content", "name"};
constexpr std::string_view kAssistantKeys[] = {"role", "content", "name", "refusal", "tool_calls"};
constexpr std::string_view kToolKeys[] = {"role", "content", "tool_call_id"};
constexpr std::string_view kCallKeys[] = {"id", "type", "function"};

std::span<const std::string_view> keys_of(ChatRole role) {
  switch (role) {
    case ChatRole::kAssistant:
      return kAssistantKeys;
    case ChatRole::kTool:
      return kToolKeys;
    default:
      return kSystemKeys;
  }
}

bool is_one_of(std::span<const std::string_view> keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// One message: first whether it can go as it is, then how it is written.
class MessageMaker {
 public:
  MessageMaker(Call& call, const ChatMessage& message) : call_(call), message_(message) {}

  Result<void> check() const;
  [[nodiscard]] bool needs_change() const;
  Result<void> write(ArenaText* out) const;

 private:
  [[nodiscard]] bool joins_parts() const {
    return message_.role != ChatRole::kUser && json_is_array(message_.content_json);
  }
  // Null says what leaving out says, but an assistant's content may be null.
  static bool is_kept(std::string_view key, std::string_view value) {
    return value != "null" || key == "content";
  }
  Result<void> user_parts_check() const;
  Result<void> join(ArenaText* out) const;
  static bool call_needs_change(std::string_view call);
  static void call_write(std::string_view call, ArenaText* out);

  Call& call_;
  const ChatMessage& message_;
};

Result<void> MessageMaker::check() const {
  if (message_.legacy || !message_.function_call_json.empty()) {
    return std::unexpected(Error{Errc::kUnsupportedParameter,
                                 "this provider knows tools, not functions: send role tool",
                                 chat_place("messages", message_.index, {}, -1, call_.arena)});
  }
  return message_.role == ChatRole::kUser ? user_parts_check() : Result<void>{};
}

Result<void> MessageMaker::user_parts_check() const {
  int64_t index = 0;
  JsonElements parts(message_.content_json);
  while (parts.next()) {
    const std::string_view type = json_inner(json_member(parts.value(), "type"));
    const int64_t at = index++;
    if (type == "text" || type == "image_url" || type == "input_audio" || type == "video_url") {
      continue;
    }
    const bool known = type == "file" || type == "refusal";
    return std::unexpected(
        Error{known ? Errc::kUnsupportedParameter : Errc::kInvalidField,
              known ? "this provider takes no part of this type from a user"
                    : "a content part must be of type text, image_url, input_audio or video_url",
              chat_place("messages", message_.index, "content", at, call_.arena)});
  }
  return {};
}

bool MessageMaker::needs_change() const {
  if (joins_parts()) return true;
  const auto keys = keys_of(message_.role);
  JsonMembers members(message_.json);
  while (members.next()) {
    const std::string_view key = members.key();
    const std::string_view value = members.value();
    if (!is_one_of(keys, key) || !is_kept(key, value)) return true;
    if (key == "role" && value == "\"developer\"") return true;
    if (key != "tool_calls") continue;
    if (json_is_empty_array(value)) return true;
    JsonElements calls(value);
    while (calls.next()) {
      if (call_needs_change(calls.value())) return true;
    }
  }
  return false;
}

// Models take only text from all but the user.
Result<void> MessageMaker::join(ArenaText* out) const {
  ChatParts parts(message_, call_.arena);
  bool first = true;
  out->add("\"");
  for (;;) {
    const auto more = parts.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    const ChatPart& part = parts.part();
    if (part.kind != PartKind::kText && part.kind != PartKind::kRefusal) {
      return std::unexpected(
          Error{Errc::kUnsupportedParameter, "this provider takes only text in this role",
                chat_place("messages", message_.index, "content",
                           static_cast<int64_t>(part.index), call_.arena)});
    }
    out->add(first ? "" : "\\n").add(part.text);
    first = false;
  }
  out->add("\"");
  return {};
}

Result<void> MessageMaker::write(ArenaText* out) const {
  const auto keys = keys_of(message_.role);
  bool first = true;
  out->add("{");
  JsonMembers members(message_.json);
  while (members.next()) {
    const std::string_view key = members.key();
    const std::string_view value = members.value();
    if (!is_one_of(keys, key) || !is_kept(key, value)) continue;
    if (key == "tool_calls" && (!json_is_array(value) || json_is_empty_array(value))) continue;
    out->add(first ? "\"" : ",\"").add(key).add("\":");
    first = false;
    if (key == "role" && value == "\"developer\"") {
      out->add("\"system\"");
    } else if (key == "content" && joins_parts()) {
      if (auto joined = join(out); !joined) return joined;
    } else if (key == "tool_calls") {
      out->add("[");
      const size_t start = out->size();
      JsonElements calls(value);
      while (calls.next()) {
        out->add(out->size() > start ? "," : "");
        call_write(calls.value(), out);
      }
      out->add("]");
    } else {
      out->add(value);
    }
  }
  out->add("}");
  return {};
}

bool MessageMaker::call_needs_change(std::string_view call) {
  bool typed = false;
  JsonMembers members(call);
  while (members.next()) {
    if (!is_one_of(kCallKeys, members.key())) return true;
    typed |= members.key() == "type";
  }
  const std::string_view arguments = json_member(json_member(call, "function"), "arguments");
  return !typed || json_inner(arguments).empty();
}

// What a client kept of a stream may have members of its own, and arguments may be missing.
void MessageMaker::call_write(std::string_view call, ArenaText* out) {
  const std::string_view id = json_member(call, "id");
  const std::string_view function = json_member(call, "function");
  const std::string_view name = json_member(function, "name");
  const std::string_view arguments = json_member(function, "arguments");
  out->add("{");
  if (!json_is_none(id)) out->add("\"id\":").add(id).add(",");
  out->add(R"("type":"function","function":{"name":)").add(name.empty() ? "null" : name);
  out->add(",\"arguments\":");
  if (json_is_object(arguments)) {
    out->add_quoted(arguments);
  } else {
    out->add(json_inner(arguments).empty() ? "\"{}\"" : arguments);
  }
  out->add("}}");
}

void tool_write(std::string_view tool, ArenaText* out) {
  bool first = true;
  out->add("{\"type\":\"function\",\"function\":{");
  JsonMembers members(json_member(tool, "function"));
  while (members.next()) {
    if (members.key() == "strict" || members.value() == "null") continue;
    out->add(first ? "\"" : ",\"").add(members.key()).add("\":").add(members.value());
    first = false;
  }
  out->add("}}");
}

}  // namespace

Result<std::string_view> messages_rewrite(Call& call, std::string_view messages) {
  bool changes = false;
  for (ChatMessages each(messages, call.arena);;) {
    const auto more = each.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    const MessageMaker maker(call, each.message());
    if (auto checked = maker.check(); !checked) return std::unexpected(checked.error());
    changes = changes || maker.needs_change();
  }
  if (!changes) return std::string_view{};
  ArenaText out(call.arena, messages.size() + 256);
  out.add("[");
  for (ChatMessages each(messages, call.arena); each.next().value_or(false);) {
    out.add(out.size() > 1 ? "," : "");
    const MessageMaker maker(call, each.message());
    if (!maker.needs_change()) {
      out.add(each.message().json);
      continue;
    }
    if (auto written = maker.write(&out); !written) return std::unexpected(written.error());
  }
  return out.add("]").view();
}

Result<std::string_view> tools_rewrite(Call& call, std::string_view tools,
                                       const ToolChoice& choice) {
  ChatFields fields;
  fields.tools = tools;
  bool changes = !choice.allowed_json.empty();
  for (ChatTools each(fields, call.arena);;) {
    const auto more = each.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    const std::string_view function = json_member(each.tool().json, "function");
    changes = changes || !json_member(function, "strict").empty();
  }
  if (!changes) return std::string_view{};
  ArenaText out(call.arena, tools.size() + 64);
  out.add("[");
  for (ChatTools each(fields, call.arena); each.next().value_or(false);) {
    if (!choice.allows(each.tool().name)) continue;
    out.add(out.size() > 1 ? "," : "");
    tool_write(each.tool().json, &out);
  }
  if (out.size() > 1) return out.add("]").view();
  return std::unexpected(
      Error{Errc::kInvalidField, "allowed_tools leaves none of the tools", "tool_choice"});
}

}  // namespace weir::watsonx
