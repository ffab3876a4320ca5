// The vocabulary that every part of Weir shares: errors, byte slices, a scanned request, usage.
//
// Plain values without ownership. A std::string_view or Slice in here borrows from the request
// body, from static text or from an arena; each function that hands one out says which.
// Any thread; nothing here allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

namespace weir {

// Why something was refused or failed. Closed: the wire form of each value (status, type, code) is
// decided in proxy/reply.cc and nowhere else.
enum class Errc : uint8_t {
  kMalformedRequest,      // 400 HTTP grammar
  kInvalidJson,           // 400 body is not UTF-8 JSON
  kInvalidField,          // 400 a field has the wrong type or value; Error::param names it
  kUnsupportedParameter,  // 400 the provider has no such parameter
  kUnsupportedEndpoint,   // 400 the provider has no such endpoint
  kUnauthorized,          // 401
  kAccessDenied,          // 403
  kRouteNotFound,         // 404 no such path
  kModelNotFound,         // 404 no such model, alias or provider/id
  kMethodNotAllowed,      // 405
  kRequestTimeout,        // 408
  kLengthRequired,        // 411
  kBodyTooLarge,          // 413
  kUriTooLong,            // 414
  kUnsupportedMediaType,  // 415
  kExpectationFailed,     // 417
  kRateLimited,           // 429 Weir's own limit
  kHeadTooLarge,          // 431
  kNotImplemented,        // 501 transfer coding or method
  kVersionNotSupported,   // 505
  kLoopDetected,          // 508
  kUpstreamRejected,      // the provider's own 4xx, passed on
  kUpstreamRateLimited,   // 429 from the provider
  kUpstreamQuota,         // 429 insufficient_quota from the provider
  kUpstreamAuth,          // 502 Weir's credential was refused
  kUpstreamUnavailable,   // 502/503 refused, reset, garbage, 5xx
  kUpstreamOverloaded,    // 503 provider said 529
  kUpstreamTimeout,       // 504
  kUpstreamIncomplete,    // a stream was cut after its first event
  kNoBackend,             // 503 every target is suspended
  kOverloaded,            // 503 Weir's own bounds
  kInternal,              // 500 an adapter or an invariant failed
  kConfig,                // configuration, before anything runs
};

// `message` says what to do and is static text or lives in the arena of the call that failed.
struct Error {
  Errc code;
  std::string_view message;
  std::string_view param = {};  // the offending field, empty when there is none
};

template <typename T>
using Result = std::expected<T, Error>;

// Half-open byte range of a request body.
struct ByteRange {
  uint32_t begin = 0;
  uint32_t end = 0;
  [[nodiscard]] bool empty() const { return begin == end; }
  [[nodiscard]] uint32_t size() const { return end - begin; }
};

// Borrowed bytes, laid out as an iovec (checked in net/) so that lists go to writev as they are.
struct Slice {
  const char* data = nullptr;
  size_t size = 0;
  Slice() = default;
  Slice(const char* d, size_t n) : data(d), size(n) {}
  Slice(std::string_view text) : data(text.data()), size(text.size()) {}  // NOLINT: implicit
  [[nodiscard]] std::string_view view() const { return {data, size}; }
};

// One field of an HTTP head, borrowed.
struct HeaderField {
  std::string_view name;   // as sent
  std::string_view value;  // outer white space trimmed
};

// A gather list of borrowed bytes with a fixed bound; empty slices are not stored.
class SliceList {
 public:
  static constexpr size_t kMax = 32;

  SliceList() {}  // NOLINT: not defaulted, so that making one does not zero the slices

  // False when the list is full; the list is unchanged then.
  [[nodiscard]] bool push(Slice slice) {
    if (slice.size == 0) return true;
    if (count_ == kMax) return false;
    slices_[count_++] = slice;
    bytes_ += slice.size;
    return true;
  }
  void clear() {
    count_ = 0;
    bytes_ = 0;
  }
  [[nodiscard]] size_t bytes() const { return bytes_; }
  [[nodiscard]] size_t count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::span<const Slice> span() const { return {slices_.data(), count_}; }

 private:
  size_t count_ = 0;
  size_t bytes_ = 0;
  union {
    std::array<Slice, kMax> slices_;  // the first count_ are set
  };
};

// What a request asks for; one bit each, so that an adapter can state a set.
enum class Endpoint : uint8_t {
  kChat = 1,
  kCompletions = 2,
  kEmbeddings = 4,
};
constexpr uint32_t endpoint_bit(Endpoint endpoint) { return static_cast<uint32_t>(endpoint); }

// Top-level keys of a request body that Weir looks at. Every other key passes unseen.
enum class Field : uint8_t {
  kModel,
  kStream,
  kStreamOptions,
  kMaxTokens,
  kMaxCompletionTokens,
  kMessages,
  kPrompt,
  kInput,
  kN,
  kUser,
  kTools,
  kParallelToolCalls,
  kEncodingFormat,
  kRouter,
  kCache,
  kCount,
};

// One top-level member: `key` includes its quotes, `value` is the exact JSON text of the value.
// Both are empty when the key is absent.
struct Member {
  ByteRange key;
  ByteRange value;
};

// A replacement of body bytes by other text (empty text removes them). Ranges never overlap.
struct Edit {
  ByteRange range;
  std::string_view text;
};

// What one pass over a request body found. Views borrow from the body or from the scanner's
// scratch and live as long as the body buffer does.
struct RequestView {
  static constexpr size_t kMaxEdits = 8;
  static constexpr size_t kFields = static_cast<size_t>(Field::kCount);

  std::string_view body;
  std::array<Member, kFields> members{};
  ByteRange root;           // of the top-level object, both braces included
  uint32_t member_count = 0;
  uint32_t null_mask = 0;   // bit of each Field that is in the body as null and counts as absent
  std::string_view model;   // unescaped
  std::string_view user;    // raw text between the quotes, still escaped; empty when absent
  bool stream = false;
  bool include_usage = false;      // stream_options.include_usage was literally true
  int64_t output_cap = -1;         // max_completion_tokens, else max_tokens; -1 when absent
  int64_t n = -1;                  // -1 when absent
  uint32_t choices() const { return n > 1 ? static_cast<uint32_t>(n) : 1; }
  [[nodiscard]] const Member& member(Field f) const { return members[static_cast<size_t>(f)]; }
  // False also for a null stream, stream_options, cap or n.
  [[nodiscard]] bool has(Field f) const {
    return present(f) && (null_mask >> static_cast<uint32_t>(f) & 1) == 0;
  }
  // The key is in the body, be its value null or not: it must be replaced, never added again.
  [[nodiscard]] bool present(Field f) const { return !member(f).value.empty(); }
  [[nodiscard]] std::string_view value(Field f) const {
    const ByteRange r = member(f).value;
    return body.substr(r.begin, r.size());
  }
};

// Where a token count comes from; printed with every count (`provider`, `counted`, `estimated`).
enum class UsageSource : uint8_t { kNone, kProvider, kCounted, kEstimated };

// Token counts of one answer in OpenAI's meaning (cached is a part of prompt, reasoning a part of
// completion). -1 = not reported; an explicit zero stays a zero.
struct Usage {
  int64_t prompt_tokens = -1;
  int64_t completion_tokens = -1;
  int64_t total_tokens = -1;
  int64_t cached_tokens = -1;
  int64_t reasoning_tokens = -1;
  UsageSource source = UsageSource::kNone;

  bool operator==(const Usage&) const = default;
};

// Whose fault a failure is. kTarget, kTimeout, kRateLimit and kCredential suspend a target and
// allow another one to be tried; the others do neither (docs/failures.md has the whole table).
enum class Fault : uint8_t {
  kNone,
  kTarget,
  kTimeout,
  kRateLimit,
  kCredential,
  kRequest,
  kClient,
  kGateway,
};

}  // namespace weir
