// Responses of providers. Requests are read in parser.cc.
#include <llhttp.h>

#include <array>
#include <memory>

#include "http/bytes.h"
#include "http/head_fields.h"
#include "http/parser.h"

namespace weir {

namespace {

// The fields of an answer that a client gets to see, sorted by name. A name ending in '-' stands
// for all that begin with it. They are what one needs for a support case or to pace oneself:
//   ids             apim-request-id, cf-ray, nvcf-reqid, request-id, x-amzn-requestid,
//                   x-global-transaction-id, x-ms-request-id, x-request-id
//   limits          *-ratelimit-*, ratelimit-*, rate-limit-*, x-requests-limit-*
//   figures         openai-model, openai-processing-ms, openai-version, x-amzn-bedrock-*
//   kind of fault   nvcf-status, x-amzn-errortype
// Never on it, whoever asks: Set-Cookie, Server and Date (those of the client's connection are
// ours), hop-by-hop fields, Content-* and Transfer-Encoding (Weir frames and encodes anew), Alt-Svc
// and Access-Control-* (they would speak for our origin), openai-organization and openai-project
// (they name the account behind Weir's key). Retry-After, retry-after-ms and x-should-retry have
// members of their own, because Weir may have to change them.
constexpr std::array<std::string_view, 19> kKept = {
    "anthropic-ratelimit-", "apim-request-id",  "cf-ray",
    "nvcf-reqid",           "nvcf-status",      "openai-model",
    "openai-processing-ms", "openai-version",   "rate-limit-",
    "ratelimit-",           "request-id",       "x-amzn-bedrock-",
    "x-amzn-errortype",     "x-amzn-requestid", "x-global-transaction-id",
    "x-ms-request-id",      "x-ratelimit-",     "x-request-id",
    "x-requests-limit-",
};

// The entries that begin with one letter, so that a field is compared with few of them.
struct LetterRange {
  uint8_t begin = 0;
  uint8_t end = 0;
};

constexpr std::array<LetterRange, 26> letters_make() {
  std::array<LetterRange, 26> table{};
  for (uint8_t i = 0; i < kKept.size(); ++i) {
    LetterRange& range = table[static_cast<size_t>(kKept[i].front() - 'a')];
    if (range.end == 0) range.begin = i;
    range.end = static_cast<uint8_t>(i + 1);
  }
  return table;
}

constexpr std::array<LetterRange, 26> kLetters = letters_make();

bool is_kept(std::string_view name) {
  const int letter = (name.front() | 0x20) - 'a';
  if (letter < 0 || letter >= 26) return false;
  const LetterRange range = kLetters[static_cast<size_t>(letter)];
  for (size_t i = range.begin; i < range.end; ++i) {
    const std::string_view kept = kKept[i];
    const bool is_prefix = kept.back() == '-';
    if (is_prefix && name.size() == kept.size()) continue;
    if (equals_folded(is_prefix ? name.substr(0, kept.size()) : name, kept)) return true;
  }
  return false;
}

// What is gathered while llhttp walks over the head.
struct ResponseParse {
  ResponseHead* out = nullptr;
  std::string_view name = {};  // of the field whose value comes next
  FramingFields framing = {};
};

std::unexpected<Error> refuse(std::string_view message) {
  return std::unexpected(Error{Errc::kUpstreamUnavailable, message});
}

// `timeout=N` among the parameters of Keep-Alive; others are passed over, nonsense counts as
// absent.
uint32_t keep_alive_timeout(std::string_view value) {
  static constexpr std::string_view kName = "timeout=";
  static constexpr uint64_t kMost = 1'000'000'000;
  uint64_t seconds = 0;
  list_walk(value, [&seconds](std::string_view item) {
    uint64_t number = 0;
    if (item.size() <= kName.size()) return;
    if (!equals_folded(item.substr(0, kName.size()), kName)) return;
    if (digits_read(item.substr(kName.size()), &number)) seconds = number;
  });
  return static_cast<uint32_t>(seconds < kMost ? seconds : kMost);
}

void keep_first(std::string_view* field, std::string_view value) {
  if (field->empty()) *field = value;
}

void field_take(ResponseParse* parse, std::string_view name, std::string_view value) {
  ResponseHead* const out = parse->out;
  switch (name.size()) {
    case 4:
      if (equals_folded(name, "date")) return keep_first(&out->date, value);
      break;
    case 10:
      if (parse->framing.take(name, value)) return;
      if (equals_folded(name, "keep-alive")) out->keep_alive_timeout_s = keep_alive_timeout(value);
      break;
    case 11:
      if (equals_folded(name, "retry-after")) return keep_first(&out->retry_after, value);
      break;
    case 12:
      if (equals_folded(name, "content-type")) return keep_first(&out->content_type, value);
      break;
    case 14:
      if (parse->framing.take(name, value)) return;
      if (equals_folded(name, "retry-after-ms")) return keep_first(&out->retry_after_ms, value);
      if (equals_folded(name, "x-should-retry")) return keep_first(&out->should_retry, value);
      break;
    case 16:
      if (equals_folded(name, "content-encoding")) {
        return keep_first(&out->content_encoding, value);
      }
      break;
    case 17:
      if (parse->framing.take(name, value)) return;
      break;
    default:
      break;
  }
  if (!is_kept(name) || out->kept_count == ResponseHead::kMaxKept) return;
  out->kept[out->kept_count++] = {name, value};
}

// llhttp calls these; the head is given to it in one piece, so every span is complete.
int on_header_field(llhttp_t* parser, const char* at, size_t length) {
  static_cast<ResponseParse*>(parser->data)->name = {at, length};
  return HPE_OK;
}

int on_header_value(llhttp_t* parser, const char* at, size_t length) {
  auto* const parse = static_cast<ResponseParse*>(parser->data);
  field_take(parse, parse->name, blanks_trim({at, length}));
  return HPE_OK;
}

// Bodies are framed by Weir, so llhttp must not look behind the head.
int on_headers_complete(llhttp_t*) {
  return HPE_PAUSED;
}

constexpr llhttp_settings_t settings_make() {
  llhttp_settings_t settings{};
  settings.on_header_field = on_header_field;
  settings.on_header_value = on_header_value;
  settings.on_headers_complete = on_headers_complete;
  return settings;
}

constexpr llhttp_settings_t kSettings = settings_make();

bool status_has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace

Result<void> parse_response_head(std::string_view head, bool to_head_request, ResponseHead* out) {
  std::construct_at(out);
  ResponseParse parse{.out = out};
  llhttp_t parser;
  llhttp_init(&parser, HTTP_RESPONSE, &kSettings);
  parser.data = &parse;
  if (llhttp_execute(&parser, head.data(), head.size()) != HPE_PAUSED) {
    return refuse("the provider's response head is malformed");
  }
  out->status = parser.status_code;
  out->minor_version = parser.http_minor;
  if (out->status < 100 || out->status > 599) {
    return refuse("the provider's status code is out of range");
  }
  if (out->status == 101) return refuse("the provider switched protocols unasked");
  const Result<BodyFraming> body = framing_resolve(parse.framing, out->minor_version);
  if (!body) return refuse("the provider's response is not framed as HTTP/1.1 allows");
  out->content_length = body->content_length;
  if (to_head_request || status_has_no_body(out->status)) {
    out->framing = Framing::kNone;
  } else {
    const bool unframed = body->framing == Framing::kNone;
    out->framing = unframed ? Framing::kUntilClose : body->framing;
  }
  out->keep_alive =
      out->framing != Framing::kUntilClose && parse.framing.connection_stays(out->minor_version);
  return {};
}

}  // namespace weir
