#include "adapters/anthropic/messages.h"

#include <algorithm>

#include "adapters/common/data_uri.h"
#include "adapters/common/param_policy.h"
#include "json/json_write.h"

namespace weir {

namespace {

constexpr std::string_view kImageTypes[] = {"image/jpeg", "image/png", "image/gif", "image/webp"};
constexpr std::string_view kPdf = "application/pdf";

// Bytes of white space that `escaped` ends in: a space, or the escape of a control character.
size_t blank_end(std::string_view escaped) {
  if (escaped.ends_with(' ')) return 1;
  if (escaped.size() < 2) return 0;
  const char last = escaped.back();
  if (last != 'n' && last != 't' && last != 'r') return 0;
  size_t slashes = 0;
  while (slashes + 1 < escaped.size() && escaped[escaped.size() - 2 - slashes] == '\\') ++slashes;
  return slashes % 2 == 1 ? 2 : 0;
}

std::string_view end_trimmed(std::string_view escaped) {
  for (size_t n = 0; (n = blank_end(escaped)) != 0;) escaped.remove_suffix(n);
  return escaped;
}

std::string_view cache_control_of(std::string_view json) {
  // Most parts have none, and are not walked again.
  if (json.find("\"cache_control\"") == std::string_view::npos) return {};
  const std::string_view value = json_member(json, "cache_control");
  return json_is_object(value) ? value : std::string_view{};
}

std::unexpected<Error> invalid(Call& call, const ChatMessage& message, const ChatPart& part,
                               std::string_view why) {
  const auto inner = part.json.empty() ? -1 : static_cast<int64_t>(part.index);
  return std::unexpected(
      Error{Errc::kInvalidField, why,
            chat_place("messages", message.index, "content", inner, call.arena)});
}

std::unexpected<Error> unsupported(Call& call, const ChatMessage& message, const ChatPart& part,
                                   std::string_view why) {
  const std::string_view place = chat_place("messages", message.index, "content",
                                            static_cast<int64_t>(part.index), call.arena);
  return std::unexpected(Error{Errc::kUnsupportedParameter, why, place});
}

}  // namespace

bool is_blank_text(std::string_view escaped) {
  return end_trimmed(escaped).empty();
}

Result<void> MessagesWriter::write(std::string_view messages) {
  out_.add("[");
  ChatMessages each(messages, call_.arena);
  for (;;) {
    const auto more = each.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if (auto done = message(each.message()); !done) return done;
  }
  if (open_ == Open::kAssistant) prefill_trim();
  message_close();
  out_.add("]");
  if (any_message_) return {};
  return std::unexpected(
      Error{Errc::kInvalidField, "at least one message with content must be there", "messages"});
}

Result<void> MessagesWriter::message(const ChatMessage& message) {
  switch (message.role) {
    case ChatRole::kSystem:
      return system_message(message);
    case ChatRole::kUser:
      return user_message(message);
    case ChatRole::kAssistant:
      return assistant_message(message);
    case ChatRole::kTool:
      return result_message(message);
  }
  return {};
}

void MessagesWriter::system_add(std::string_view escaped, std::string_view cache_control) {
  if (is_blank_text(escaped)) return;
  if (system_.size() != 0) system_.add(",");
  system_.add("{\"type\":\"text\",");
  if (!cache_control.empty()) system_.add("\"cache_control\":").add(cache_control).add(",");
  system_.add("\"text\":\"").add(escaped).add("\"}");
}

Result<void> MessagesWriter::system_message(const ChatMessage& message) {
  ChatParts parts(message, call_.arena);
  for (;;) {
    const auto more = parts.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    if (parts.part().kind != PartKind::kText) {
      return unsupported(call_, message, parts.part(), "a system message can hold text only");
    }
    system_add(parts.part().text, cache_control_of(parts.part().json));
  }
}

Result<void> MessagesWriter::user_message(const ChatMessage& message) {
  unthought_calls_ = false;
  ChatParts parts(message, call_.arena);
  for (;;) {
    const auto more = parts.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    const ChatPart& part = parts.part();
    if (part.kind == PartKind::kText && is_blank_text(part.text)) continue;
    block_begin(Open::kUser);
    if (auto done = part_write(message, part, false); !done) return std::unexpected(done.error());
  }
}

Result<void> MessagesWriter::assistant_message(const ChatMessage& message) {
  const size_t before = out_.size();
  thinking_write(message);
  const bool thought = out_.size() != before;
  ChatParts parts(message, call_.arena);
  for (;;) {
    const auto more = parts.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    const ChatPart& part = parts.part();
    if (part.kind != PartKind::kText && part.kind != PartKind::kRefusal) {
      return unsupported(call_, message, part, "an assistant message can hold text only");
    }
    if (is_blank_text(part.text)) continue;
    block_begin(Open::kAssistant);
    text_write(part.text, cache_control_of(part.json));
  }
  if (!is_blank_text(message.refusal)) {
    block_begin(Open::kAssistant);
    text_write(message.refusal, {});
  }
  const size_t texts = out_.size();
  if (auto done = calls_write(message); !done) return done;
  if (out_.size() != texts) unthought_calls_ = !thought;
  return {};
}

// Only blocks that the provider signed may come back, and only as they were.
void MessagesWriter::thinking_write(const ChatMessage& message) {
  if (message.json.find("\"thinking_blocks\"") == std::string_view::npos) return;
  JsonElements blocks(json_member(message.json, "thinking_blocks"));
  while (blocks.next()) {
    const std::string_view type = json_inner(json_member(blocks.value(), "type"));
    const bool is_signed = !json_inner(json_member(blocks.value(), "signature")).empty();
    if (!(type == "thinking" && is_signed) && type != "redacted_thinking") continue;
    block_begin(Open::kAssistant);
    out_.add(blocks.value());
  }
}

Result<void> MessagesWriter::calls_write(const ChatMessage& message) {
  ChatToolCalls calls(message, call_);
  for (;;) {
    const auto more = calls.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    const ChatToolCall& one = calls.call();
    tool_note(one.name);
    block_begin(Open::kAssistant);
    out_.add("{\"type\":\"tool_use\",\"id\":\"");
    if (one.id.empty()) {
      legacy_call_ = message.index;
      out_.add("call_").add_number(static_cast<int64_t>(message.index));
      if (one.index != 0) out_.add("_").add_number(static_cast<int64_t>(one.index));
    } else {
      id_write(one.id);
    }
    out_.add("\",\"name\":\"").add(one.name).add("\",\"input\":").add(one.arguments).add("}");
  }
}

// Results come first in their message: what was written behind the last one moves.
Result<void> MessagesWriter::result_message(const ChatMessage& message) {
  if (open_ != Open::kUser || !any_block_ || results_end_ == out_.size()) {
    block_begin(Open::kUser);
    if (auto done = result_write(message); !done) return done;
    results_end_ = out_.size();
    return {};
  }
  const std::string_view behind = call_.arena.copy(out_.view().substr(results_end_));
  const bool first = out_.view()[results_end_ - 1] == '[';
  out_.cut(results_end_);
  if (!first) out_.add(",");
  if (auto done = result_write(message); !done) return done;
  results_end_ = out_.size();
  if (first) out_.add(",");
  out_.add(behind);
  return {};
}

Result<void> MessagesWriter::result_write(const ChatMessage& message) {
  if (!message.legacy && message.tool_call_id.empty()) {
    return std::unexpected(
        Error{Errc::kInvalidField, "a tool message must name the call that it answers",
              chat_place("messages", message.index, "tool_call_id", -1, call_.arena)});
  }
  text_begin_ = 0;
  out_.add("{\"type\":\"tool_result\",\"tool_use_id\":\"");
  if (message.legacy) {
    out_.add("call_").add_number(static_cast<int64_t>(legacy_call_));
  } else {
    id_write(message.tool_call_id);
  }
  out_.add("\"");
  if (message.json.find("\"is_error\"") != std::string_view::npos &&
      json_member(message.json, "is_error") == "true") {
    out_.add(",\"is_error\":true");
  }
  const std::string_view cache = cache_control_of(message.json);
  if (!cache.empty()) out_.add(",\"cache_control\":").add(cache);
  if (json_is_string(message.content_json)) {
    if (!json_inner(message.content_json).empty()) {
      out_.add(",\"content\":").add(message.content_json);
    }
    out_.add("}");
    return {};
  }
  const size_t begin = out_.size();
  out_.add(",\"content\":[");
  bool any = false;
  ChatParts parts(message, call_.arena);
  for (;;) {
    const auto more = parts.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    const ChatPart& part = parts.part();
    if (part.kind == PartKind::kText && is_blank_text(part.text)) continue;
    if (any) out_.add(",");
    if (auto done = part_write(message, part, true); !done) return std::unexpected(done.error());
    any = true;
  }
  if (any) {
    out_.add("]}");
  } else {
    out_.cut(begin);
    out_.add("}");
  }
  return {};
}

Result<bool> MessagesWriter::part_write(const ChatMessage& message, const ChatPart& part,
                                        bool in_result) {
  Result<void> done;
  switch (part.kind) {
    case PartKind::kText:
    case PartKind::kRefusal:
      text_write(part.text, cache_control_of(part.json));
      break;
    case PartKind::kImage:
      done = image_write(message, part);
      break;
    case PartKind::kFile:
      done = in_result ? Result<void>(unsupported(call_, message, part,
                                                  "a tool's result can hold text and images only"))
                       : file_write(message, part);
      break;
    case PartKind::kAudio:
      done = unsupported(call_, message, part, "this provider cannot listen to audio");
      break;
  }
  if (!done) return std::unexpected(done.error());
  return true;
}

void MessagesWriter::text_write(std::string_view escaped, std::string_view cache_control) {
  out_.add("{\"type\":\"text\",");
  if (!cache_control.empty()) out_.add("\"cache_control\":").add(cache_control).add(",");
  out_.add("\"text\":\"");
  text_begin_ = open_ == Open::kAssistant ? out_.size() : 0;
  out_.add(escaped).add("\"}");
}

void MessagesWriter::source_write(std::string_view block, std::string_view mime,
                                  std::string_view data) {
  out_.add("{\"type\":\"").add(block).add("\",\"source\":{\"type\":\"base64\",\"media_type\":\"");
  out_.add(mime).add("\",\"data\":\"").add(data).add("\"}");
}

Result<void> MessagesWriter::image_write(const ChatMessage& message, const ChatPart& part) {
  const std::string_view cache = cache_control_of(part.json);
  if (is_data_uri(part.url)) {
    const DataUri uri = data_uri_read(part.url, call_.arena);
    const bool image = std::find(std::begin(kImageTypes), std::end(kImageTypes), uri.mime) !=
                       std::end(kImageTypes);
    if (!uri.valid || (!image && uri.mime != kPdf)) {
      return invalid(call_, message, part,
                     "the data URI of an image must hold base64 of JPEG, PNG, GIF or WebP");
    }
    source_write(image ? "image" : "document", uri.mime, uri.data);
  } else if (part.url.starts_with("https:")) {
    out_.add("{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"").add(part.url);
    out_.add("\"}");
  } else {
    return invalid(call_, message, part, "an image needs an https URL or a data URI");
  }
  if (!cache.empty()) out_.add(",\"cache_control\":").add(cache);
  out_.add("}");
  return {};
}

Result<void> MessagesWriter::file_write(const ChatMessage& message, const ChatPart& part) {
  if (part.data.empty()) {
    return unsupported(call_, message, part,
                       "a file must come as file_data; the provider does not know its file_id");
  }
  DataUri uri{true, kPdf, part.data};
  if (is_data_uri(part.data)) uri = data_uri_read(part.data, call_.arena);
  if (!uri.valid || (uri.mime != kPdf && uri.mime != "text/plain")) {
    return invalid(call_, message, part, "a file must be a PDF or plain text in base64");
  }
  if (uri.mime == kPdf) {
    source_write("document", uri.mime, uri.data);
  } else {
    out_.add("{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",");
    out_.add("\"data\":").add_quoted(base64_decode(uri.data, call_.arena)).add("}");
  }
  if (!part.filename.empty()) out_.add(",\"title\":\"").add(part.filename).add("\"");
  const std::string_view cache = cache_control_of(part.json);
  if (!cache.empty()) out_.add(",\"cache_control\":").add(cache);
  out_.add("}");
  return {};
}

void MessagesWriter::block_begin(Open role) {
  if (open_ != role) {
    message_close();
    // A conversation begins with the user there.
    if (!any_message_ && role == Open::kAssistant) {
      out_.add(R"({"role":"user","content":[{"type":"text","text":"."}]})");
      any_message_ = true;
    }
    if (any_message_) out_.add(",");
    out_.add(role == Open::kUser ? "{\"role\":\"user\",\"content\":["
                                 : "{\"role\":\"assistant\",\"content\":[");
    open_ = role;
    any_message_ = true;
    any_block_ = false;
    results_end_ = out_.size();
  }
  text_begin_ = 0;
  if (any_block_) out_.add(",");
  any_block_ = true;
}

void MessagesWriter::message_close() {
  if (open_ != Open::kNone) out_.add("]}");
  open_ = Open::kNone;
}

// An answer that the model shall go on with may not end in white space.
void MessagesWriter::prefill_trim() {
  if (text_begin_ == 0) return;
  constexpr size_t kTail = 2;  // the quote and the brace behind the text
  const std::string_view all = out_.view();
  const std::string_view text = all.substr(text_begin_, all.size() - kTail - text_begin_);
  out_.cut(text_begin_ + end_trimmed(text).size());
  out_.add("\"}");
}

// Ids of other providers may have characters that are refused here; both ends of a call change
// alike.
void MessagesWriter::id_write(std::string_view id) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  if (std::all_of(id.begin(), id.end(), allowed)) {
    out_.add(id);
    return;
  }
  char* text = call_.arena.allocate(id.size());
  std::transform(id.begin(), id.end(), text, [&](char c) { return allowed(c) ? c : '_'; });
  out_.add({text, id.size()});
}

void MessagesWriter::tool_note(std::string_view name) {
  for (const ToolName* known = tools_; known != nullptr; known = known->next) {
    if (known->name == name) return;
  }
  ToolName* noted = call_.arena.make<ToolName>();
  *noted = {name, tools_};
  tools_ = noted;
}

}  // namespace weir
