#include "adapters/common/chat_request.h"

#include <algorithm>
#include <iterator>

#include <cstring>

#include "adapters/common/arena_text.h"
#include "json/json_write.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"

namespace weir {

namespace {

std::unexpected<Error> invalid(std::string_view message, std::string_view param) {
  return std::unexpected(Error{Errc::kInvalidField, message, param});
}

std::string_view unless_null(std::string_view value) {
  return value == "null" ? std::string_view{} : value;
}

// A string token as plain text.
std::string_view unquoted(std::string_view token, Arena& arena) {
  if (token.find('\\') == std::string_view::npos) return json_inner(token);
  return json_unquote(token, arena);
}

// Checked whole, because it goes into another body as it is.
bool is_object_text(Call& call, std::string_view text) {
  if (text == "{}") return true;
  char* padded = call.arena.allocate(text.size() + RequestScanner::kPadding);
  std::memcpy(padded, text.data(), text.size());
  std::memset(padded + text.size(), 0, RequestScanner::kPadding);
  ReplyView view;
  return call.scanner.scan({padded, text.size()}, &view).has_value() && view.is_object;
}

struct FieldName {
  std::string_view key;
  std::string_view ChatFields::* member;
};
constexpr FieldName kFields[] = {
    {"messages", &ChatFields::messages},
    {"tools", &ChatFields::tools},
    {"tool_choice", &ChatFields::tool_choice},
    {"functions", &ChatFields::functions},
    {"function_call", &ChatFields::function_call},
    {"parallel_tool_calls", &ChatFields::parallel_tool_calls},
    {"stop", &ChatFields::stop},
    {"response_format", &ChatFields::response_format},
    {"reasoning_effort", &ChatFields::reasoning_effort},
    {"thinking", &ChatFields::thinking},
    {"modalities", &ChatFields::modalities},
    {"audio", &ChatFields::audio},
    {"temperature", &ChatFields::temperature},
    {"top_p", &ChatFields::top_p},
    {"top_k", &ChatFields::top_k},
    {"seed", &ChatFields::seed},
    {"presence_penalty", &ChatFields::presence_penalty},
    {"frequency_penalty", &ChatFields::frequency_penalty},
    {"n", &ChatFields::n},
    {"logprobs", &ChatFields::logprobs},
    {"top_logprobs", &ChatFields::top_logprobs},
    {"user", &ChatFields::user},
    {"service_tier", &ChatFields::service_tier},
    {"metadata", &ChatFields::metadata},
};

// False when nobody knows the role.
bool role_read(std::string_view role, ChatMessage* message) {
  message->legacy = role == "function";
  if (role == "user") message->role = ChatRole::kUser;
  if (role == "assistant") message->role = ChatRole::kAssistant;
  if (role == "system" || role == "developer") message->role = ChatRole::kSystem;
  if (role == "tool" || role == "function") message->role = ChatRole::kTool;
  return role == "user" || role == "assistant" || role == "system" || role == "developer" ||
         role == "tool" || role == "function";
}

void member_read(std::string_view key, std::string_view value, ChatMessage* message) {
  if (key == "content") message->content_json = value;
  if (key == "tool_calls") message->tool_calls_json = value;
  if (key == "function_call") message->function_call_json = value;
  if (key == "tool_call_id") message->tool_call_id = json_inner(value);
  if (key == "name") message->name = json_inner(value);
  if (key == "refusal") message->refusal = json_inner(value);
  if (key == "reasoning_content") message->reasoning = json_inner(value);
}

bool part_kind(std::string_view type, PartKind* kind) {
  struct Known {
    std::string_view type;
    PartKind kind;
  };
  static constexpr Known kKnown[] = {{"text", PartKind::kText},
                                     {"refusal", PartKind::kRefusal},
                                     {"image_url", PartKind::kImage},
                                     {"input_audio", PartKind::kAudio},
                                     {"file", PartKind::kFile}};
  for (const Known& known : kKnown) {
    if (known.type != type) continue;
    *kind = known.kind;
    return true;
  }
  return false;
}

// An image's URL may stand in an object or, as some clients write it, alone.
void part_body_read(std::string_view value, ChatPart* part) {
  part->url = json_inner(value);
  JsonMembers members(value);
  while (members.next()) {
    const std::string_view inner = json_inner(members.value());
    if (members.key() == "url") part->url = inner;
    if (members.key() == "detail") part->detail = inner;
    if (members.key() == "data" || members.key() == "file_data") part->data = inner;
    if (members.key() == "format") part->format = inner;
    if (members.key() == "file_id") part->file_id = inner;
    if (members.key() == "filename") part->filename = inner;
  }
}

}  // namespace

ChatFields chat_fields(std::string_view body) {
  ChatFields fields;
  JsonMembers members(body);
  while (members.next()) {
    if (members.value() == "null") continue;
    for (const FieldName& field : kFields) {
      if (field.key != members.key()) continue;
      fields.*field.member = members.value();
      break;
    }
  }
  return fields;
}

std::string_view chat_place(std::string_view list, size_t index, std::string_view member,
                            int64_t inner, Arena& arena) {
  ArenaText text(arena, list.size() + member.size() + 48);
  text.add(list).add("[").add_number(static_cast<int64_t>(index)).add("]");
  if (!member.empty()) text.add(".").add(member);
  if (inner >= 0) text.add("[").add_number(inner).add("]");
  return text.view();
}

Result<bool> ChatMessages::next() {
  if (!elements_.next()) return false;
  message_ = ChatMessage{};
  message_.index = count_++;
  message_.json = elements_.value();
  std::string_view role;
  JsonMembers members(message_.json);
  while (members.next()) {
    if (members.value() == "null") continue;
    if (members.key() == "role") role = json_inner(members.value());
    member_read(members.key(), members.value(), &message_);
  }
  if (role_read(role, &message_)) return true;
  return invalid("a message needs a role: system, developer, user, assistant or tool",
                 chat_place("messages", message_.index, "role", -1, arena_));
}

ChatParts::ChatParts(const ChatMessage& message, Arena& arena)
    : message_(message), arena_(arena), elements_(message.content_json) {}

Result<bool> ChatParts::next() {
  const std::string_view content = message_.content_json;
  const auto place = [&] {
    return chat_place("messages", message_.index, "content",
                      json_is_array(content) ? static_cast<int64_t>(count_) - 1 : -1, arena_);
  };
  part_ = ChatPart{};
  part_.index = count_;
  if (!json_is_array(content)) {
    if (content.empty() || count_++ != 0) return false;
    if (!json_is_string(content)) return invalid("content must be a string or an array", place());
    part_.text = json_inner(content);
    return true;
  }
  if (!elements_.next()) return false;
  ++count_;
  part_.json = elements_.value();
  std::string_view type;
  JsonMembers members(part_.json);
  while (members.next()) {
    const std::string_view key = members.key();
    if (key == "type") type = json_inner(members.value());
    if (key == "text" || key == "refusal") part_.text = json_inner(members.value());
    if (key == "image_url" || key == "input_audio" || key == "file") {
      part_body_read(members.value(), &part_);
    }
  }
  if (part_kind(type, &part_.kind)) return true;
  return invalid("a content part must be of type text, image_url, input_audio, file or refusal",
                 place());
}

ChatToolCalls::ChatToolCalls(const ChatMessage& message, Call& call)
    : message_(message),
      owner_(call),
      elements_(message.tool_calls_json),
      legacy_(!json_is_array(message.tool_calls_json) &&
              json_is_object(message.function_call_json)) {}

Result<bool> ChatToolCalls::next() {
  std::string_view json;
  std::string_view function;
  if (legacy_) {
    if (count_ != 0) return false;
    function = message_.function_call_json;
  } else {
    if (!elements_.next()) return false;
    json = elements_.value();
    function = json_member(json, "function");
  }
  const auto place = [&](std::string_view member) {
    const auto inner = legacy_ ? -1 : static_cast<int64_t>(call_.index);
    const std::string_view at = chat_place(
        "messages", message_.index, legacy_ ? "function_call" : "tool_calls", inner, owner_.arena);
    ArenaText text(owner_.arena, at.size() + member.size() + 16);
    return text.add(at).add(legacy_ ? "." : ".function.").add(member).view();
  };
  call_ = ChatToolCall{};
  call_.index = count_++;
  call_.id = json_inner(json_member(json, "id"));
  call_.name = json_inner(json_member(function, "name"));
  if (call_.name.empty())
    return invalid("a tool call needs the name of its function", place("name"));
  const std::string_view arguments = json_member(function, "arguments");
  call_.arguments = json_trim(json_is_string(arguments) ? unquoted(arguments, owner_.arena)
                                                        : unless_null(arguments));
  if (call_.arguments.empty() || call_.arguments == "null") call_.arguments = "{}";
  if (is_object_text(owner_, call_.arguments)) return true;
  return invalid("the arguments of a tool call must be the text of a JSON object",
                 place("arguments"));
}

ChatTools::ChatTools(const ChatFields& fields, Arena& arena)
    : elements_(is_legacy_tools(fields) ? fields.functions : fields.tools),
      arena_(arena),
      legacy_(is_legacy_tools(fields)) {}

Result<bool> ChatTools::next() {
  if (!elements_.next()) return false;
  tool_ = ChatTool{};
  tool_.index = count_++;
  tool_.json = elements_.value();
  const std::string_view type = json_inner(json_member(tool_.json, "type"));
  if (!legacy_ && !type.empty() && type != "function") {
    return std::unexpected(Error{Errc::kUnsupportedParameter,
                                 "this provider knows only tools of type function",
                                 chat_place("tools", tool_.index, "type", -1, arena_)});
  }
  JsonMembers members(legacy_ ? tool_.json : json_member(tool_.json, "function"));
  while (members.next()) {
    const std::string_view value = unless_null(members.value());
    if (members.key() == "name") tool_.name = json_inner(value);
    if (members.key() == "description") tool_.description_json = value;
    if (members.key() == "parameters") tool_.parameters_json = value;
    if (members.key() == "strict") tool_.strict = value == "true";
  }
  const std::string_view list = legacy_ ? "functions" : "tools";
  if (tool_.name.empty()) {
    return invalid("a tool needs a name", chat_place(list, tool_.index, "name", -1, arena_));
  }
  if (tool_.parameters_json.empty() || json_is_object(tool_.parameters_json)) return true;
  return invalid("the parameters of a tool must be a JSON schema object",
                 chat_place(list, tool_.index, "parameters", -1, arena_));
}

bool ToolChoice::allows(std::string_view tool) const {
  if (allowed_json.empty()) return true;
  JsonElements each(allowed_json);
  while (each.next()) {
    const std::string_view function = json_member(each.value(), "function");
    const std::string_view owner = json_is_object(function) ? function : each.value();
    if (json_inner(json_member(owner, "name")) == tool) return true;
  }
  return false;
}

bool is_legacy_tools(const ChatFields& fields) {
  return fields.tools.empty() && json_is_array(fields.functions);
}

Result<ToolChoice> tool_choice_read(const ChatFields& fields) {
  using enum ToolChoice::Mode;
  const bool legacy = fields.tool_choice.empty() && is_legacy_tools(fields);
  const std::string_view param = legacy ? "function_call" : "tool_choice";
  std::string_view value = legacy ? fields.function_call : fields.tool_choice;
  ToolChoice choice;
  if (value.empty()) return choice;
  if (json_is_object(value)) {
    const std::string_view type = json_inner(json_member(value, "type"));
    if (type == "allowed_tools") {
      const std::string_view inner = json_member(value, "allowed_tools");
      const std::string_view owner = json_is_object(inner) ? inner : value;
      choice.allowed_json = json_member(owner, "tools");
      value = json_member(owner, "mode");
      if (!json_is_array(choice.allowed_json)) return invalid("allowed_tools needs a list", param);
    } else {
      const std::string_view function = json_member(value, "function");
      choice.mode = kNamed;
      choice.name = json_inner(json_member(json_is_object(function) ? function : value, "name"));
      if (choice.name.empty()) return invalid("this choice needs the name of a function", param);
      return choice;
    }
  }
  const std::string_view word = json_inner(value);
  if (word == "auto") choice.mode = kAuto;
  if (word == "none") choice.mode = kNone;
  if (word == "required" || word == "any") choice.mode = kRequired;
  if (choice.mode != kAbsent) return choice;
  return invalid("must be auto, none, required, or an object that names a function", param);
}

Result<void> tool_choice_check(const ToolChoice& choice, bool any_tool) {
  using enum ToolChoice::Mode;
  if (any_tool || (choice.mode != kRequired && choice.mode != kNamed)) return {};
  return invalid("a tool is to be called, but there is none", "tool_choice");
}

Result<void> effort_check(std::string_view json) {
  constexpr std::string_view kWords[] = {"none", "minimal", "low", "medium",
                                         "high", "xhigh",   "max"};
  const std::string_view word = json_inner(json);
  if (json_is_string(json) && std::find(std::begin(kWords), std::end(kWords), word) !=
                                  std::end(kWords)) {
    return {};
  }
  return invalid("must be none, minimal, low, medium, high, xhigh or max", "reasoning_effort");
}

Result<bool> ChatStops::next() {
  if (broken_) return invalid("stop must be a string or a list of strings", "stop");
  if (!single_.empty()) {
    value_ = single_;
    single_ = {};
    return !json_inner(value_).empty();
  }
  while (elements_.next()) {
    value_ = elements_.value();
    if (value_ == "null" || value_ == "\"\"") continue;
    if (!json_is_string(value_)) return invalid("stop must hold strings only", "stop");
    return true;
  }
  return false;
}

Result<ResponseFormat> response_format_read(const ChatFields& fields) {
  ResponseFormat format;
  if (fields.response_format.empty()) return format;
  const std::string_view type = json_inner(json_member(fields.response_format, "type"));
  if (type == "text") return format;
  if (type == "json_object") {
    format.kind = ResponseFormat::Kind::kJsonObject;
    return format;
  }
  if (type != "json_schema") {
    return invalid("must be of type text, json_object or json_schema", "response_format");
  }
  format.kind = ResponseFormat::Kind::kJsonSchema;
  JsonMembers members(json_member(fields.response_format, "json_schema"));
  while (members.next()) {
    const std::string_view value = unless_null(members.value());
    if (members.key() == "name") format.name = json_inner(value);
    if (members.key() == "description") format.description_json = value;
    if (members.key() == "schema") format.schema_json = value;
    if (members.key() == "strict") format.strict = value == "true";
  }
  if (json_is_object(format.schema_json)) return format;
  return invalid("needs a schema object", "response_format.json_schema.schema");
}

}  // namespace weir
