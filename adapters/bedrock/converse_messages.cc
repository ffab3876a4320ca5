#include "adapters/bedrock/converse_messages.h"

#include <algorithm>
#include <array>

#include "adapters/bedrock/converse_tools.h"
#include "adapters/bedrock/sigv4.h"
#include "adapters/common/data_uri.h"
#include "json/json_write.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr size_t kMaxToolId = 64;
constexpr size_t kShortToolId = 9;
constexpr size_t kMaxHistoryTools = 256;
constexpr size_t kMaxDocumentName = 150;

constexpr bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
constexpr bool is_id_char(char c) {
  return is_letter_or_digit(c) || c == '_' || c == '.' || c == ':' || c == '-';
}

struct Format {
  std::string_view mime;
  std::string_view name;
};
constexpr Format kImages[] = {
    {"image/png", "png"}, {"image/jpeg", "jpeg"}, {"image/gif", "gif"}, {"image/webp", "webp"}};
constexpr Format kDocuments[] = {
    {"application/pdf", "pdf"},
    {"text/csv", "csv"},
    {"application/msword", "doc"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
    {"application/vnd.ms-excel", "xls"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
    {"text/html", "html"},
    {"text/plain", "txt"},
    {"text/markdown", "md"}};

template <size_t N>
std::string_view format_of(const Format (&table)[N], std::string_view mime) {
  for (const Format& format : table) {
    if (format.mime == mime) return format.name;
  }
  return {};
}

// White space at the end of escaped text; an assistant's last words must not end in it.
std::string_view trimmed_end(std::string_view escaped) {
  for (;;) {
    if (escaped.ends_with(' ')) {
      escaped.remove_suffix(1);
      continue;
    }
    const bool space =
        escaped.ends_with("\\n") || escaped.ends_with("\\t") || escaped.ends_with("\\r");
    if (!space) return escaped;
    size_t backslashes = 0;
    while (backslashes + 1 < escaped.size() && escaped[escaped.size() - 2 - backslashes] == '\\') {
      ++backslashes;
    }
    // An escaped backslash before a plain letter.
    if (backslashes % 2 == 0) return escaped;
    escaped.remove_suffix(2);
  }
}

// Letters, digits, single spaces, hyphens, round and square brackets; and a number, so that no two
// are the same.
void document_name_write(std::string_view filename, size_t number, ArenaText* out) {
  const std::string_view stem = filename.substr(0, filename.rfind('.'));
  size_t count = 0;
  for (const char c : stem.substr(0, kMaxDocumentName)) {
    if (!is_letter_or_digit(c) && c != '-') continue;
    out->add({&c, 1});
    ++count;
  }
  out->add(count == 0 ? "document " : " ").add_number(static_cast<int64_t>(number));
}

}  // namespace

ConverseMessages::ConverseMessages(Call& call, const ConversePlan& plan, ArenaText* out)
    : call_(call), plan_(plan), out_(*out), system_(call.arena, 256), tools_(call.arena, 64) {}

Result<void> ConverseMessages::run() {
  if (auto done = system_collect(); !done) return done;
  out_.add("\"messages\":[");
  if (!plan_.traits.system && system_.size() != 0) {
    block_begin();
    out_.add(system_.view());
    has_text_ = true;
  }
  ChatMessages messages(plan_.fields.messages, call_.arena);
  for (;;) {
    const auto more = messages.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if (auto done = message(messages.message()); !done) return done;
  }
  if (open_ && role_ == ChatRole::kAssistant && text_at_ != 0) {
    out_.cut(text_at_);
    out_.add("{\"text\":\"").add(trimmed_end(last_text_)).add("\"}");
  }
  message_end();
  if (messages_ == 0) {
    return std::unexpected(
        Error{Errc::kInvalidField, "there must be a message that says something", "messages"});
  }
  out_.add("]");
  if (plan_.traits.system && system_.size() != 0) {
    out_.add(",\"system\":[").add(system_.view()).add("]");
  }
  return {};
}

Result<void> ConverseMessages::system_collect() {
  const auto say = [this](std::string_view escaped) {
    if (text_is_blank(escaped)) return;
    if (system_.size() != 0) system_.add(",");
    system_.add("{\"text\":\"").add(escaped).add("\"}");
  };
  ChatMessages messages(plan_.fields.messages, call_.arena);
  for (;;) {
    const auto more = messages.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if (messages.message().role != ChatRole::kSystem) continue;
    ChatParts parts(messages.message(), call_.arena);
    for (;;) {
      const auto part = parts.next();
      if (!part) return std::unexpected(part.error());
      if (!*part) break;
      if (parts.part().kind != PartKind::kText) {
        return refuse(messages.message(), parts.part(), "a system message can hold text only");
      }
      say(parts.part().text);
      if (plan_.traits.system && system_.size() != 0)
        cache_point_write(parts.part().json, &system_);
    }
  }
  say(plan_.system_extra);
  return {};
}

Result<void> ConverseMessages::message(const ChatMessage& message) {
  speaker_ = message.role == ChatRole::kAssistant ? ChatRole::kAssistant : ChatRole::kUser;
  switch (message.role) {
    case ChatRole::kSystem:
      return {};
    case ChatRole::kUser:
      return parts(message);
    case ChatRole::kAssistant: {
      thinking_blocks(message);
      if (auto done = parts(message); !done) return done;
      if (!message.refusal.empty()) text(message.refusal);
      return tool_calls(message);
    }
    case ChatRole::kTool:
      return tool_result(message);
  }
  return {};
}

void ConverseMessages::block_begin() {
  const ChatRole role = speaker_;
  if (in_result_) {
    if (!first_block_) out_.add(",");
    first_block_ = false;
    return;
  }
  text_at_ = 0;
  if (open_ && role_ == role) {
    out_.add(",");
    return;
  }
  message_end();
  if (messages_ == 0 && role == ChatRole::kAssistant) {
    // A conversation must begin with the user.
    out_.add(R"({"role":"user","content":[{"text":"."}]})");
    ++messages_;
  }
  if (messages_++ != 0) out_.add(",");
  open_ = true;
  role_ = role;
  has_text_ = has_document_ = false;
  out_.add(role == ChatRole::kUser ? R"({"role":"user","content":[)"
                                   : R"({"role":"assistant","content":[)");
}

void ConverseMessages::message_end() {
  if (!open_) return;
  // A document needs a text beside it.
  if (has_document_ && !has_text_) out_.add(",{\"text\":\".\"}");
  out_.add("]}");
  open_ = false;
}

void ConverseMessages::text(std::string_view escaped) {
  if (text_is_blank(escaped)) return;
  block_begin();
  if (!in_result_) {
    text_at_ = out_.size();
    last_text_ = escaped;
    has_text_ = true;
  }
  out_.add("{\"text\":\"").add(escaped).add("\"}");
}

Result<void> ConverseMessages::parts(const ChatMessage& message) {
  ChatParts each(message, call_.arena);
  for (;;) {
    const auto more = each.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    if (auto done = part(message, each.part()); !done) return done;
  }
}

Result<void> ConverseMessages::part(const ChatMessage& message, const ChatPart& part) {
  const size_t before = out_.size();
  switch (part.kind) {
    case PartKind::kText:
    case PartKind::kRefusal:
      text(part.text);
      break;
    case PartKind::kImage:
      if (auto done = image(message, part); !done) return done;
      break;
    case PartKind::kFile:
      if (auto done = document(message, part); !done) return done;
      break;
    case PartKind::kAudio:
      return refuse(message, part, "models on Bedrock do not listen to audio here");
  }
  // Not behind a text that was left out, and not within a tool's result.
  if (out_.size() != before && !in_result_ && !part.json.empty()) {
    const size_t text_end = out_.size();
    cache_point_write(part.json, &out_);
    if (out_.size() != text_end) text_at_ = 0;
  }
  return {};
}

Result<void> ConverseMessages::image(const ChatMessage& message, const ChatPart& part) {
  if (part.url.starts_with("s3://")) {
    const std::string_view ending = part.url.substr(part.url.rfind('.') + 1);
    const std::string_view format = ending == "jpg" ? std::string_view("jpeg") : ending;
    const bool known = std::any_of(std::begin(kImages), std::end(kImages),
                                   [format](const Format& f) { return f.name == format; });
    if (!known) return refuse(message, part, "the name must end in png, jpeg, gif or webp");
    block_begin();
    out_.add("{\"image\":{\"format\":\"").add(format);
    out_.add("\",\"source\":{\"s3Location\":{\"uri\":\"").add(part.url).add("\"}}}}");
    return {};
  }
  if (!is_data_uri(part.url)) {
    return refuse(message, part,
                  "Bedrock does not fetch images; send the image itself as a data: URI");
  }
  const DataUri uri = data_uri_read(part.url, call_.arena);
  const std::string_view format = format_of(kImages, uri.mime);
  if (!uri.valid || format.empty()) {
    return refuse(message, part, "an image must be a data: URI of a PNG, JPEG, GIF or WebP");
  }
  block_begin();
  out_.add("{\"image\":{\"format\":\"").add(format).add("\",\"source\":{\"bytes\":\"");
  out_.add(uri.data).add("\"}}}");
  return {};
}

Result<void> ConverseMessages::document(const ChatMessage& message, const ChatPart& part) {
  const DataUri uri = data_uri_read(part.data, call_.arena);
  const std::string_view format = format_of(kDocuments, uri.mime);
  if (!uri.valid || format.empty()) {
    return refuse(message, part,
                  "a file must be a data: URI in file_data: PDF, CSV, Word, Excel, HTML or text");
  }
  block_begin();
  has_document_ = true;
  out_.add("{\"document\":{\"format\":\"").add(format).add("\",\"name\":\"");
  document_name_write(part.filename, ++documents_, &out_);
  out_.add("\",\"source\":{\"bytes\":\"").add(uri.data).add("\"}}}");
  return {};
}

// Thinking that the client was given with its signature goes back as it came; other thinking would
// be refused.
void ConverseMessages::thinking_blocks(const ChatMessage& message) {
  if (plan_.traits.family != BedrockFamily::kAnthropic) return;
  JsonElements blocks(json_member(message.json, "thinking_blocks"));
  while (blocks.next()) {
    const std::string_view type = json_inner(json_member(blocks.value(), "type"));
    const std::string_view signature = json_member(blocks.value(), "signature");
    const std::string_view thinking = json_member(blocks.value(), "thinking");
    const std::string_view data = json_member(blocks.value(), "data");
    if (type == "thinking" && !json_inner(signature).empty() && json_is_string(thinking)) {
      block_begin();
      out_.add("{\"reasoningContent\":{\"reasoningText\":{\"text\":").add(thinking);
      out_.add(",\"signature\":").add(signature).add("}}}");
    } else if (type == "redacted_thinking" && json_is_string(data)) {
      block_begin();
      out_.add("{\"reasoningContent\":{\"redactedContent\":").add(data).add("}}");
    }
  }
}

void ConverseMessages::tool_note(std::string_view name) {
  for (const ToolName* known = names_; known != nullptr; known = known->next) {
    if (known->name == name) return;
  }
  // More would only make requests slow that no provider takes.
  if (name_count_++ == kMaxHistoryTools) return;
  auto* const noted = call_.arena.make<ToolName>();
  *noted = {name, names_};
  names_ = noted;
  if (tools_.size() != 0) tools_.add(",");
  tool_spec_write(name, {}, {}, false, &tools_);
}

std::string_view ConverseMessages::tool_id(std::string_view escaped) {
  const bool plain = !escaped.empty() && std::all_of(escaped.begin(), escaped.end(), is_id_char);
  if (plan_.traits.short_tool_ids) {
    if (escaped.size() == kShortToolId &&
        std::all_of(escaped.begin(), escaped.end(), is_letter_or_digit)) {
      return escaped;
    }
    const Sha256Hex hash = sha256_hex(escaped);
    return call_.arena.copy({hash.data(), kShortToolId});
  }
  if (plain && escaped.size() <= kMaxToolId) return escaped;
  const Sha256Hex hash = sha256_hex(escaped);
  return call_.arena.copy({hash.data(), hash.size()});
}

Result<void> ConverseMessages::tool_calls(const ChatMessage& message) {
  ChatToolCalls calls(message, call_);
  for (;;) {
    const auto more = calls.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    const ChatToolCall& call = calls.call();
    ArenaText legacy_id(call_.arena, 32);
    // A call of the older form has no id; its result is the next message of role `function`.
    if (json_is_object(message.function_call_json) && call.id.empty()) ++legacy_calls_;
    legacy_id.add("call_").add_number(static_cast<int64_t>(legacy_calls_));
    tool_note(call.name);
    block_begin();
    out_.add("{\"toolUse\":{\"toolUseId\":\"");
    out_.add(tool_id(call.id.empty() ? legacy_id.view() : call.id));
    out_.add("\",\"name\":\"").add(call.name).add("\",\"input\":").add(call.arguments).add("}}");
  }
}

Result<void> ConverseMessages::tool_result(const ChatMessage& message) {
  ArenaText legacy_id(call_.arena, 32);
  legacy_id.add("call_").add_number(static_cast<int64_t>(legacy_calls_));
  if (!message.legacy && message.tool_call_id.empty()) {
    return std::unexpected(
        Error{Errc::kInvalidField, "a tool's result must name the call it belongs to",
              chat_place("messages", message.index, "tool_call_id", -1, call_.arena)});
  }
  block_begin();
  out_.add("{\"toolResult\":{\"toolUseId\":\"");
  out_.add(tool_id(message.legacy ? legacy_id.view() : message.tool_call_id));
  out_.add("\",\"content\":[");
  in_result_ = true;
  first_block_ = true;
  auto done = parts(message);
  // Blank text is refused, and so is no content.
  if (first_block_) out_.add("{\"text\":\"(empty)\"}");
  in_result_ = false;
  const bool failed = json_member(message.json, "is_error") == "true";
  out_.add(failed ? "],\"status\":\"error\"}}" : "]}}");
  if (done) cache_point_write(message.json, &out_);
  return done;
}

std::unexpected<Error> ConverseMessages::refuse(const ChatMessage& message, const ChatPart& part,
                                                std::string_view why) {
  return std::unexpected(Error{Errc::kUnsupportedParameter, why,
                               chat_place("messages", message.index, "content",
                                          static_cast<int64_t>(part.index), call_.arena)});
}

}  // namespace weir
