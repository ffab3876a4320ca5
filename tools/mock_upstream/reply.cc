#include "reply.h"

#include <llhttp.h>

#include <algorithm>
#include <cstdio>

namespace weir::mock {
namespace {

constexpr std::size_t kShortByBytes = 100;

std::string_view reason_of(int status) {
  switch (status) {
#define WEIR_MOCK_REASON(number, name, text) \
  case number:                               \
    return #text;
    HTTP_STATUS_MAP(WEIR_MOCK_REASON)
#undef WEIR_MOCK_REASON
    default:
      return "Unknown";
  }
}

bool has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

bool wants_close(const Request& request) {
  const std::string_view value = request.header("connection");
  if (request.http_1_0) return strncasecmp(value.data(), "keep-alive", value.size()) != 0;
  return value.size() == 5 && strncasecmp(value.data(), "close", 5) == 0;
}

// A stream that must declare its length has to be known whole.
void make_whole(Answer& answer) {
  std::string whole;
  std::string piece;
  while (answer.source->next(&piece)) whole += piece;
  answer.body_bytes = whole.size();
  answer.source = std::make_unique<WholeSource>(std::move(whole));
  answer.stream = false;
}

void add_field(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  head += value;
  head += "\r\n";
}

void add_padding(std::string& head, const Script& script) {
  for (std::uint64_t i = 0; i < script.fields; ++i) {
    add_field(head, "x-mock-field-" + std::to_string(i), "river");
  }
  // Padding comes in fields of at most 1000 bytes, so that only the sum is unusual.
  while (head.size() + 20 < script.head_bytes) {
    const std::size_t missing = script.head_bytes - head.size();
    add_field(head, "x-mock-padding", std::string(std::min<std::size_t>(missing - 18, 980), 'p'));
  }
}

std::string status_line(const Script& script, int status) {
  if (!script.status_line.empty()) return script.status_line + "\r\n";
  return "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason_of(status)) + "\r\n";
}

void add_framing(Reply& reply, Framing framing) {
  const Script& script = reply.script;
  const std::size_t len = reply.answer.body_bytes + (script.short_body ? kShortByBytes : 0);
  if (framing == Framing::kLength || script.both_framings || script.double_length) {
    add_field(reply.head, "content-length", std::to_string(len));
  }
  if (script.double_length) add_field(reply.head, "content-length", std::to_string(len + 1));
  if (reply.chunked) add_field(reply.head, "transfer-encoding", "chunked");
}

}  // namespace

Reply reply_make(Script script, const Request& request, Answer answer, const Identity& identity) {
  Framing framing = script.framing;
  if (framing == Framing::kAuto) framing = answer.stream ? Framing::kChunked : Framing::kLength;
  if (request.http_1_0 && framing == Framing::kChunked) framing = Framing::kClose;
  if (script.both_framings || script.bad_chunk) framing = Framing::kChunked;
  if (script.double_length) framing = Framing::kLength;
  if (framing == Framing::kLength && answer.stream) make_whole(answer);

  Reply reply{std::move(script), std::move(answer), {}, framing == Framing::kChunked, true};
  const bool bare = has_no_body(reply.answer.status);
  if (bare) reply.chunked = false;
  const Script& told = reply.script;
  reply.keep_alive = !told.close_after && !wants_close(request) && !told.short_body &&
                     (framing != Framing::kClose || bare);
  for (std::uint64_t i = 0; i < told.informational; ++i) {
    reply.head += "HTTP/1.1 103 Early Hints\r\nlink: </hint>\r\n\r\n";
  }
  reply.head += status_line(told, reply.answer.status);
  if (!bare) {
    add_field(reply.head, "content-type", reply.answer.content_type);
    add_framing(reply, framing);
  } else {
    reply.answer.source = std::make_unique<WholeSource>("");
  }
  if (!identity.name.empty()) add_field(reply.head, "x-mock-name", identity.name);
  if (told.retry_after) add_field(reply.head, "retry-after", std::to_string(*told.retry_after));
  if (!reply.keep_alive) add_field(reply.head, "connection", "close");
  for (const auto& [name, value] : told.headers) add_field(reply.head, name, value);
  add_padding(reply.head, told);
  reply.head += "\r\n";
  return reply;
}

std::string reply_frame(bool chunked, std::string_view piece) {
  if (!chunked) return std::string(piece);
  char size[32];
  const int len = std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
  std::string out;
  out.reserve(piece.size() + static_cast<std::size_t>(len) + 2);
  out.append(size, static_cast<std::size_t>(len));
  out += piece;
  return out += "\r\n";
}

}  // namespace weir::mock
