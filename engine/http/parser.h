// HTTP/1.1 message heads, both directions: find the end of a head in arriving bytes, refuse what
// RFC 9112 does not allow (llhttp 8.1 alone lets too much through), then read it with llhttp.
//
// HeadScanner is fed bytes as they arrive and keeps only a few words of state, so a slow head is
// never scanned twice. parse_request_head / parse_response_head are given one complete head.
// All views borrow from the head bytes (or from static text). One thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <weir/types.h>

#include "http/field_lines.h"

namespace weir {

struct HeadLimits {
  uint32_t max_bytes = 64 * 1024;       // everything, the blank line included
  uint32_t max_line_bytes = 16 * 1024;  // request line, its CRLF included
  uint32_t max_fields = 256;
};

// Raw byte rules of a head: CRLF line ends only, no control bytes, no obs-fold, no empty or
// non-token field name, no space before the colon, an exact version token, no blank line before a
// response; one CRLF before a request line is skipped (RFC 9112 2.2). A refusal comes with the
// first byte that cannot be right, whatever the cut, and is final: feed no more. Requests are
// refused with kMalformedRequest, kVersionNotSupported, kUriTooLong or kHeadTooLarge, responses
// with kUpstreamUnavailable. The limits must stay the same within one head.
class HeadScanner {
 public:
  enum class Kind : uint8_t { kRequest, kResponse };
  enum class Status : uint8_t { kMore, kComplete };
  struct Progress {
    Status status;
    size_t consumed;  // of `bytes`; with kComplete the head ends there (both CRLFs included)
  };
  explicit HeadScanner(Kind kind) : kind_(kind) {}
  void reset() { *this = HeadScanner(kind_); }
  [[nodiscard]] Result<Progress> feed(std::string_view bytes, const HeadLimits& limits);
  [[nodiscard]] uint32_t seen_bytes() const { return seen_; }

 private:
  enum class State : uint8_t {
    kLineStart,
    kBlankLf,
    kMethodStart,
    kMethod,
    kTargetStart,
    kTarget,
    kRequestVersion,
    kStatusLine,
    kReason,
    kFirstLf,
    kFields,
  };
  const char* scan_first_line(const char* p, const char* end, const HeadLimits& limits);
  const char* scan_request_line(const char* p, const char* end);
  const char* scan_status_line(const char* p, const char* end);
  const char* scan_request_version(const char* p, const char* end);
  const char* refuse(Errc code, std::string_view message);

  Kind kind_;
  State state_ = State::kLineStart;
  uint8_t matched_ = 0;  // bytes of the version token, or of the status line before the reason
  uint32_t seen_ = 0;
  uint32_t line_bytes_ = 0;
  FieldLines fields_;
  Error refusal_{Errc::kMalformedRequest, {}};
};

enum class Framing : uint8_t { kNone, kLength, kChunked, kUntilClose };
enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

// A parsed request head. `target` is the raw request target, `path` the part before '?' (the path
// of an absolute-form target, "/" when that has none), `query` the part behind it.
struct RequestHead {
  Method method = Method::kOther;
  std::string_view method_name;
  std::string_view target;
  std::string_view path;
  std::string_view query;
  uint8_t minor_version = 1;
  bool keep_alive = true;  // version and Connection field taken together
  bool expect_continue = false;
  Framing framing = Framing::kNone;
  uint64_t content_length = 0;
  // Fields that Weir acts on; empty when absent. Of several with one name the first that is not
  // empty counts (several credentials or Hosts are refused).
  std::string_view authorization;
  std::string_view api_key;  // api-key / x-api-key, as Azure clients send
  std::string_view content_type;
  std::string_view content_encoding;
  std::string_view request_id;  // x-request-id
  std::string_view via;
  std::string_view weir_hop;  // x-weir-hop
  std::string_view weir_timing;  // x-weir-timing
  std::string_view project_id;  // x-ibm-project-id
  std::string_view space_id;    // x-ibm-space-id
  std::string_view host;
  uint32_t field_count = 0;
};

// `head` must be one that a HeadScanner found complete (a skipped CRLF in front may be there).
//
// Refusals and their Errc: kMalformedRequest (target form, Host, both framings, Content-Length
// twice or not 1*DIGIT, Transfer-Encoding twice or in HTTP/1.0, more than one Authorization or API
// key), kNotImplemented (a transfer coding other than chunked; CONNECT, TRACE, unknown methods),
// kExpectationFailed (any Expect but 100-continue). Host: exactly one in 1.1, at most one in 1.0,
// and a valid host[:port]. A POST without a length passes here: 411 is for the caller to say.
[[nodiscard]] Result<void> parse_request_head(std::string_view head, RequestHead* out);

struct ResponseHead {
  static constexpr size_t kMaxKept = 24;
  int status = 0;
  uint8_t minor_version = 1;
  bool keep_alive = true;
  Framing framing = Framing::kUntilClose;  // kNone for 204, 304 and answers to HEAD
  uint64_t content_length = 0;
  std::string_view content_type;
  std::string_view content_encoding;
  std::string_view retry_after;
  std::string_view retry_after_ms;
  std::string_view should_retry;      // x-should-retry
  std::string_view date;
  uint32_t keep_alive_timeout_s = 0;  // Keep-Alive: timeout=N; 0 when absent
  // Fields on the allow-list for the client (request ids, rate limit state, a few figures of the
  // provider), in order of arrival; at most kMaxKept, further ones are left out.
  size_t kept_count = 0;
  union {
    std::array<HeaderField, kMaxKept> kept;  // the first kept_count are set
  };
  ResponseHead() {}  // NOLINT: not defaulted, so that making one does not zero `kept`
};

// `head` must be one that a HeadScanner found complete. `to_head_request`: the answer has no body
// whatever its fields say. Refused with kUpstreamUnavailable: status outside 100..599, two lengths,
// both framings, a transfer coding other than chunked or in HTTP/1.0, an unasked 101. 1xx answers
// parse; the caller skips and counts them.
[[nodiscard]] Result<void> parse_response_head(std::string_view head, bool to_head_request,
                                               ResponseHead* out);

// Both in one pass, for a head at the front of `bytes` that came whole and is good: its size. 0
// says nothing, and `out` is of no use: a HeadScanner is to judge.
[[nodiscard]] size_t read_response_head(std::string_view bytes, const HeadLimits& limits,
                                        bool to_head_request, ResponseHead* out);

}  // namespace weir
