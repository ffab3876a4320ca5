#include "adapters/common/openai_error.h"

#include <algorithm>

#include "adapters/common/arena_text.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/retry_after.h"
#include "http/sse.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr size_t kMaxMessage = 4096;
constexpr size_t kMaxRawBody = 500;
constexpr std::string_view kRedacted = "[redacted]";

struct Reading {
  int status = 0;
  bool has_body = false;  // a JSON object
  std::string_view message;
  std::string_view type;
  std::string_view code;
  std::string_view param;
};

bool all_of(std::string_view text, bool (*test)(char)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), test);
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_identifier(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_';
}

bool is_context_length(const Reading& reading) {
  if (!reading.code.empty() && !all_of(reading.code, is_digit)) return false;
  for (const std::string_view phrase : {"maximum context length", "context length exceeded",
                                        "exceeds the available context size", "context window"}) {
    if (reading.message.find(phrase) != std::string_view::npos) return true;
  }
  return false;
}

std::string_view type_of(const Reading& reading) {
  // Class names such as "BadRequestError" are no OpenAI types.
  if (all_of(reading.type, is_identifier)) return reading.type;
  switch (reading.status) {
    case 401:
      return "authentication_error";
    case 402:
      return "insufficient_quota";
    case 403:
      return "permission_error";
    case 409:
      return "conflict_error";
    default:
      return "invalid_request_error";
  }
}

std::string_view code_of(const Reading& reading) {
  if (is_context_length(reading)) return "context_length_exceeded";
  if (!reading.code.empty()) return reading.code;
  if (!reading.has_body) return {};
  switch (reading.status) {
    case 404:
      return "model_not_found";
    case 409:
      return "conflict";
    case 413:
      return "request_too_large";
    default:
      return {};
  }
}

// "429" as text, where the line says 200.
void status_from_code(std::string_view code, Reading* reading) {
  const int64_t status = json_integer(code, 0);
  if (status >= 400 && status < 600) reading->status = static_cast<int>(status);
}

void verdict_set(UpstreamError* out, Fault fault, Errc code, int status) {
  out->fault = fault;
  out->code = code;
  out->status = status;
}

void credential_verdict(Call& call, const Reading& reading, UpstreamError* out) {
  const Provider& provider = *call.target.provider;
  if (!provider.mask_auth_errors) {
    verdict_set(out, Fault::kCredential, Errc::kUpstreamRejected, reading.status);
    out->type = type_of(reading);
    out->wire_code = reading.code;
    return;
  }
  verdict_set(out, Fault::kCredential, Errc::kUpstreamAuth, 502);
  // The provider's own type, code and param would read as if the client's key were meant.
  out->param = {};
  ArenaText text(call.arena, provider.name.size() + reading.message.size() + 64);
  text.add(provider.name).add(" refused the credential it is configured with: ");
  out->message = text.add(reading.message).view();
}

void server_verdict(int status, UpstreamError* out) {
  out->param = {};
  switch (status) {
    case 408:
    case 504:
      return verdict_set(out, Fault::kTarget, Errc::kUpstreamUnavailable, 504);
    // A failed model says nothing about the next request: another target, but no suspension.
    case 424:
      out->suspend = false;
      return verdict_set(out, Fault::kTarget, Errc::kUpstreamUnavailable, 502);
    case 503:
      return verdict_set(out, Fault::kTarget, Errc::kUpstreamUnavailable, 503);
    case 529:
      return verdict_set(out, Fault::kTarget, Errc::kUpstreamOverloaded, 503);
    default:
      return verdict_set(out, Fault::kTarget, Errc::kUpstreamUnavailable, 502);
  }
}

void verdict_make(Call& call, const Reading& reading, UpstreamError* out) {
  const int status = reading.status;
  const bool quota = reading.code == "insufficient_quota" || reading.type == "insufficient_quota";
  if (quota && status >= 400 && status < 500) {
    return verdict_set(out, Fault::kCredential, Errc::kUpstreamQuota, 429);
  }
  if (status == 401 || status == 402 || status == 403) {
    return credential_verdict(call, reading, out);
  }
  if (status == 429) {
    verdict_set(out, Fault::kRateLimit, Errc::kUpstreamRateLimited, 429);
    if (!all_of(reading.code, is_digit)) out->wire_code = reading.code;
    return;
  }
  if (status < 400 || status >= 500 || status == 408 || status == 424) {
    return server_verdict(status, out);
  }
  verdict_set(out, Fault::kRequest, Errc::kUpstreamRejected, status);
  out->type = type_of(reading);
  out->wire_code = code_of(reading);
}

// What to say when the body is no JSON object with a message: an HTML page of a proxy, or nothing.
std::string_view raw_message(Call& call, int status, std::string_view body) {
  const Provider& provider = *call.target.provider;
  ArenaText text(call.arena, kMaxRawBody + 128);
  text.add(provider.name).add(" returned HTTP ").add_number(status);
  const std::string_view shown = message_clean(body, provider.credential, kMaxRawBody, call.arena);
  if (!shown.empty()) text.add(": ").add(shown);
  return text.view();
}

bool is_key_char(char c) {
  return is_identifier(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '*' || c == '.' ||
         c == '+' || c == '/' || c == '=';
}

// A word that may be a key, or the part of one that a provider shows.
bool is_secret_word(std::string_view word, std::string_view credential) {
  if (word.size() >= 8 && word.starts_with("sk-")) return true;
  if (word.find("***") != std::string_view::npos && word.size() >= 8) return true;
  constexpr size_t kTelling = 6;
  if (credential.size() <= kTelling || word.size() < kTelling) return false;
  return word.starts_with(credential.substr(0, kTelling));
}

size_t utf8_floor(std::string_view text, size_t size) {
  if (size >= text.size()) return text.size();
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return size;
}

}  // namespace

std::string_view message_clean(std::string_view text, std::string_view credential, size_t max_bytes,
                               Arena& arena) {
  ArenaText clean(arena, std::min(text.size(), max_bytes) + 64);
  size_t at = 0;
  // A little more than is wanted, to see where the last character ends.
  while (at < text.size() && clean.size() <= max_bytes) {
    if (credential.size() >= 4 && text.substr(at).starts_with(credential)) {
      clean.add(kRedacted);
      at += credential.size();
      // What follows directly may be one more piece of it.
      while (at < text.size() && is_key_char(text[at])) ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && is_key_char(text[end]) &&
           (credential.size() < 4 || !text.substr(end).starts_with(credential))) {
      ++end;
    }
    if (end > at) {
      const std::string_view word = text.substr(at, end - at);
      clean.add(is_secret_word(word, credential) ? kRedacted : word);
      at = end;
      continue;
    }
    const auto byte = static_cast<unsigned char>(text[at]);
    clean.add(byte < 0x20 || byte == 0x7f ? std::string_view(" ") : text.substr(at, 1));
    ++at;
  }
  clean.cut(utf8_floor(clean.view(), max_bytes));
  return json_trim(clean.view());
}

void openai_map_error(Call& call, const Reply& in, UpstreamError* out) {
  const std::string_view credential = call.target.provider->credential;
  const auto shown = [&](std::string_view text) {
    return message_clean(text, credential, kMaxMessage, call.arena);
  };
  *out = UpstreamError{};
  ReplyView view;
  Reading reading;
  reading.status = in.status;
  reading.has_body =
      !in.body.empty() && call.scanner.scan(in.body, &view).has_value() && view.is_object;
  if (in.status < 300) reading.status = 502;
  if (reading.has_body) {
    if (in.status < 300 && view.error_status != 0) reading.status = view.error_status;
    if (in.status < 300 && view.error_status == 0) status_from_code(view.error_code, &reading);
    reading.message = shown(view.error_message);
    reading.type = shown(view.error_type);
    reading.code = shown(view.error_code);
    reading.param = shown(view.error_param);
  }
  if (reading.message.empty()) reading.message = raw_message(call, in.status, in.body);
  out->message = reading.message;
  out->param = reading.param;
  out->retry_after_ms = retry_after_read(in, call.unix_ms);
  verdict_make(call, reading, out);
}

void openai_map_stream_error(Call& call, std::string_view event, UpstreamError* out) {
  char* padded = call.arena.allocate(event.size() + RequestScanner::kPadding);
  const auto read = sse_read_event(event, {padded, event.size()});
  const std::string_view data = read ? read->data : std::string_view{};
  if (!data.empty()) std::memmove(padded, data.data(), data.size());
  std::memset(padded + data.size(), 0, RequestScanner::kPadding);
  Reply reply;
  reply.status = 200;
  reply.body = {padded, data.size()};
  openai_map_error(call, reply, out);
}

}  // namespace weir
