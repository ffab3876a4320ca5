// Responses of providers. Requests are read in parser.cc.
//
// The HeadScanner before has seen to the grammar, and what is left needs no second reader of it. A
// unit test and the fuzz target hold this against llhttp.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include "http/bytes.h"
#include "http/head_fields.h"
#include "http/parser.h"
#include "http/response_fields.h"

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

// The first bytes of a name, small letters; a filter only, because other bytes change as well.
using FirstBytes = std::array<char, 8>;
constexpr size_t kShortestKept = 6;
constexpr uint64_t kFold = 0x2020202020202020;

struct KeptFilter {
  uint64_t mask;
  uint64_t bytes;
};

constexpr KeptFilter filter_make(std::string_view kept) {
  FirstBytes mask{};
  FirstBytes bytes{};
  for (size_t i = 0; i < bytes.size() && i < kept.size(); ++i) {
    mask[i] = '\xff';
    bytes[i] = static_cast<char>(kept[i] | 0x20);
  }
  return {std::bit_cast<uint64_t>(mask), std::bit_cast<uint64_t>(bytes)};
}

constexpr std::array<KeptFilter, kKept.size()> filters_make() {
  std::array<KeptFilter, kKept.size()> filters{};
  for (size_t i = 0; i < kKept.size(); ++i) filters[i] = filter_make(kKept[i]);
  return filters;
}

constexpr std::array<KeptFilter, kKept.size()> kFilters = filters_make();
static_assert(std::ranges::all_of(kKept, [](std::string_view kept) {
  return kept.size() >= kShortestKept;
}));

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

[[gnu::always_inline]] inline void field_take(ResponseHead* out, FramingFields* framing,
                                              std::string_view name, std::string_view value) {
  if (framing->take(name, value)) return;
  if (std::string_view ResponseHead::*const member = response_member(name)) {
    response_take(out, member, value);
  } else if (name.size() == 10 && equals_folded(name, "keep-alive")) {
    out->keep_alive_timeout_s = keep_alive_timeout(value);
  } else if (response_keeps(name)) {
    response_keep(out, name, value);
  }
}

// Of a status line: `HTTP/1.x NNN `.
constexpr size_t kMinorAt = 7;
constexpr size_t kStatusAt = 9;
constexpr size_t kReasonAt = 13;

void status_line_take(ResponseHead* out, const char* line) {
  out->minor_version = static_cast<uint8_t>(line[kMinorAt] - '0');
  const char* const digits = line + kStatusAt;
  out->status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
}

bool is_plain_status_line(const char* line) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::memcmp(line, "HTTP/1.1 ", kStatusAt) == 0 && is_digit(line[kStatusAt]) &&
         is_digit(line[kStatusAt + 1]) && is_digit(line[kStatusAt + 2]) &&
         line[kReasonAt - 1] == ' ';
}

bool status_has_no_body(int status) {
  return status < 200 || status == 204 || status == 304;
}

Result<void> head_judge(const FramingFields& framing, bool to_head_request, ResponseHead* out) {
  if (out->status < 100 || out->status > 599) {
    return refuse("the provider's status code is out of range");
  }
  if (out->status == 101) return refuse("the provider switched protocols unasked");
  const Result<BodyFraming> body = framing_resolve(framing, out->minor_version);
  if (!body) return refuse("the provider's response is not framed as HTTP/1.1 allows");
  out->content_length = body->content_length;
  if (to_head_request || status_has_no_body(out->status)) {
    out->framing = Framing::kNone;
  } else {
    const bool unframed = body->framing == Framing::kNone;
    out->framing = unframed ? Framing::kUntilClose : body->framing;
  }
  out->keep_alive =
      out->framing != Framing::kUntilClose && framing.connection_stays(out->minor_version);
  return {};
}

}  // namespace

bool response_keeps(std::string_view name) {
  const int letter = (name.front() | 0x20) - 'a';
  if (letter < 0 || letter >= 26 || name.size() < kShortestKept) return false;
  const LetterRange range = kLetters[static_cast<size_t>(letter)];
  uint64_t first = 0;
  std::memcpy(&first, name.data(), sizeof first);
  first |= kFold;
  for (size_t i = range.begin; i < range.end; ++i) {
    if ((first & kFilters[i].mask) != kFilters[i].bytes) continue;
    const std::string_view kept = kKept[i];
    const bool is_prefix = kept.back() == '-';
    if (is_prefix && name.size() == kept.size()) continue;
    if (equals_folded(is_prefix ? name.substr(0, kept.size()) : name, kept)) return true;
  }
  return false;
}

Result<void> parse_response_head(std::string_view head, bool to_head_request, ResponseHead* out) {
  std::construct_at(out);
  FramingFields framing;
  status_line_take(out, head.data());
  fields_walk(head, [out, &framing](std::string_view name, std::string_view value) {
    field_take(out, &framing, name, value);
  });
  return head_judge(framing, to_head_request, out);
}

size_t read_response_head(std::string_view bytes, const HeadLimits& limits, bool to_head_request,
                          ResponseHead* out) {
  const char* const end = bytes.data() + bytes.size();
  if (bytes.size() < kReasonAt || !is_plain_status_line(bytes.data())) return 0;
  const char* const line_end = value_skip(bytes.data() + kReasonAt, end);
  if (end - line_end < 2 || line_end[0] != '\r' || line_end[1] != '\n') return 0;
  std::construct_at(out);
  FramingFields framing;
  status_line_take(out, bytes.data());
  const char* const rest =
      lines_read(line_end + 2, end, limits.max_fields,
                 [out, &framing](std::string_view name, std::string_view value) {
                   field_take(out, &framing, name, value);
                 });
  if (end - rest < 2 || rest[0] != '\r' || rest[1] != '\n') return 0;
  const auto size = static_cast<size_t>(rest + 2 - bytes.data());
  return size <= limits.max_bytes && head_judge(framing, to_head_request, out) ? size : 0;
}

}  // namespace weir
