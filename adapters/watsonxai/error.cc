#include "adapters/watsonxai/error.h"

#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/openai_error.h"
#include "adapters/watsonxai/settings.h"
#include "json/json_write.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "route/target.h"

namespace weir::watsonx {

namespace {

constexpr size_t kMaxMessage = 4096;

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string_view plain(std::string_view token, Arena& arena) {
  return json_is_string(token) ? json_unquote(token, arena) : std::string_view{};
}

bool is_quota(const ErrorReading& reading) {
  if (reading.code == "token_quota_reached") return true;
  if (reading.status != 429 || !holds(reading.message, "quota")) return false;
  return holds(reading.message, "exhausted") || holds(reading.message, "exceeded") ||
         holds(reading.message, "used up");
}

// Every model family says it in its own way.
bool is_too_long(std::string_view message) {
  if (holds(message, "context length") || holds(message, "context window")) return true;
  if (holds(message, "total tokens limit")) return true;
  return holds(message, "input token") && (holds(message, "exceed") || holds(message, "limit"));
}

void words_translate(ErrorReading* reading) {
  if (is_quota(*reading)) {
    reading->status = 429;
    reading->type = reading->code = "insufficient_quota";
  } else if (reading->status == 429) {
    reading->type = "rate_limit_error";
  } else if (reading->status == 404) {
    reading->code = "model_not_found";
  } else if (reading->status >= 400 && reading->status < 500) {
    if (reading->status == 400 && is_too_long(reading->message)) {
      reading->code = "context_length_exceeded";
    }
  } else {
    reading->type = "server_error";
  }
}

// The reading as a body of OpenAI's form, padded for the scanner.
std::string_view body_make(const ErrorReading& reading, Arena& arena) {
  ArenaText text(arena, reading.message.size() + 512);
  text.add("{\"error\":{\"message\":").add_quoted(reading.message);
  text.add(",\"type\":").add_quoted(reading.type).add(",\"code\":").add_quoted(reading.code);
  text.add(",\"param\":").add_quoted(reading.param).add("}}");
  const size_t size = text.size();
  char padding[RequestScanner::kPadding] = {};
  text.add({padding, sizeof padding});
  return text.view().substr(0, size);
}

// The provider may use what its project may use. What it may not use and the client named is the
// client's mistake, and says nothing about this target.
void blame_client(Call& call, const ErrorReading& reading, UpstreamError* out) {
  out->fault = Fault::kRequest;
  out->code = Errc::kUpstreamRejected;
  out->status = reading.status;
  out->type = reading.status == 403 ? "permission_error" : "invalid_request_error";
  out->wire_code = reading.code;
  out->param = {};
  out->message =
      message_clean(reading.message, call.target.provider->credential, kMaxMessage, call.arena);
}

}  // namespace

bool error_read(std::string_view body, int http_status, Arena& arena, ErrorReading* out) {
  const std::string_view list = json_member(body, "errors");
  if (!json_is_array(list)) return false;
  ArenaText messages(arena, 256);
  bool first = true;
  JsonElements each(list);
  while (each.next() && messages.size() < kMaxMessage) {
    const std::string_view message = plain(json_member(each.value(), "message"), arena);
    if (!message.empty()) messages.add(messages.size() == 0 ? "" : "; ").add(message);
    if (!first) continue;
    first = false;
    out->code = plain(json_member(each.value(), "code"), arena);
    out->param = plain(json_member(json_member(each.value(), "target"), "name"), arena);
  }
  if (first) return false;
  out->message = messages.size() == 0 ? out->code : messages.view();
  out->status = http_status;
  if (http_status < 300) {
    const int64_t own = json_integer(json_member(body, "status_code"), 0);
    out->status = own >= 400 && own < 600 ? static_cast<int>(own) : 502;
  }
  words_translate(out);
  return true;
}

void map_error(Call& call, const Reply& in, UpstreamError* out) {
  ErrorReading reading;
  ReplyView view;
  const bool json = !in.body.empty() && call.scanner.scan(in.body, &view).has_value();
  if (!json || !error_read(in.body, in.status, call.arena, &reading)) {
    openai_map_error(call, in, out);
  } else {
    // Nobody should echo a token, and nobody could tell it from text.
    reading.message = message_clean(reading.message, call.token, kMaxMessage, call.arena);
    Reply reply = in;
    reply.status = reading.status;
    reply.body = body_make(reading, call.arena);
    openai_map_error(call, reply, out);
  }
  const bool scope = in.status == 403 && reading.status == 403;
  if (scope && scope_is_clients(call)) blame_client(call, reading, out);
}

}  // namespace weir::watsonx
