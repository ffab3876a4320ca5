#include <algorithm>
#include <cstring>

#include "http/bytes.h"
#include "http/parser.h"

namespace weir {

namespace {

// Both first lines hold this; the digit behind it must be 0 or 1.
constexpr std::string_view kVersionPrefix = "HTTP/1.";
constexpr uint8_t kMajorAt = 5;  // index of the major digit in the prefix
constexpr uint8_t kMinorAt = static_cast<uint8_t>(kVersionPrefix.size());
constexpr uint8_t kFirstCodeAt = kMinorAt + 2;  // of a status line: one space is between
constexpr uint8_t kCodeEnd = kFirstCodeAt + 3;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What nearly every message has, there at once: the byte behind the version can be read too.
bool is_usual_version(const char* p, const char* end) {
  return end - p > kMinorAt + 1 && std::memcmp(p, "HTTP/1.1", kMinorAt + 1) == 0;
}

bool is_usual_status(const char* p, const char* end) {
  return end - p > kCodeEnd && is_usual_version(p, end) && p[kMinorAt + 1] == ' ' &&
         is_digit(p[kFirstCodeAt]) && is_digit(p[kFirstCodeAt + 1]) &&
         is_digit(p[kFirstCodeAt + 2]) && p[kCodeEnd] == ' ';
}

}  // namespace

Result<HeadScanner::Progress> HeadScanner::feed(std::string_view bytes, const HeadLimits& limits) {
  // The input is clipped at the limits before it is read, so that where the cut was never decides
  // which of two faults is reported.
  const size_t allowed = limits.max_bytes > seen_ ? limits.max_bytes - seen_ : 0;
  const char* const begin = bytes.data();
  const char* const end = begin + std::min(bytes.size(), allowed);
  const char* p = begin;
  if (state_ != State::kFields) p = scan_first_line(p, end, limits);
  if (p != nullptr && state_ == State::kFields) {
    std::string_view why;
    p = fields_.scan(p, end, limits.max_fields, &why);
    if (p == nullptr) {
      refuse(why == kTooManyFields ? Errc::kHeadTooLarge : Errc::kMalformedRequest, why);
    }
  }
  if (p == nullptr) return std::unexpected(refusal_);
  const auto consumed = static_cast<size_t>(p - begin);
  seen_ += static_cast<uint32_t>(consumed);
  if (fields_.state == FieldLines::State::kDone) return Progress{Status::kComplete, consumed};
  if (seen_ >= limits.max_bytes) {
    refuse(Errc::kHeadTooLarge, "the header section is too large");
    return std::unexpected(refusal_);
  }
  return Progress{Status::kMore, consumed};
}

const char* HeadScanner::scan_first_line(const char* p, const char* end, const HeadLimits& limits) {
  if (kind_ == Kind::kResponse) return scan_status_line(p, end);
  if (state_ == State::kLineStart && p != end) {
    state_ = *p == '\r' ? State::kBlankLf : State::kMethodStart;
    if (*p == '\r') ++p;
  }
  if (state_ == State::kBlankLf && p != end) {
    if (*p != '\n') return refuse(Errc::kMalformedRequest, "a CR is not followed by LF");
    ++p;
    state_ = State::kMethodStart;
  }
  const size_t allowed = limits.max_line_bytes - line_bytes_;
  const char* const stop = p + std::min(static_cast<size_t>(end - p), allowed);
  const char* const line = p;
  p = scan_request_line(p, stop);
  if (p == nullptr) return nullptr;
  line_bytes_ += static_cast<uint32_t>(p - line);
  if (state_ != State::kFields && line_bytes_ >= limits.max_line_bytes) {
    return refuse(Errc::kUriTooLong, "the request line is too long");
  }
  return p;
}

const char* HeadScanner::scan_request_line(const char* p, const char* end) {
  while (p != end) {
    switch (state_) {
      case State::kMethodStart:
        if (!byte_is(*p, kTokenByte)) {
          return refuse(Errc::kMalformedRequest, "the request line does not begin with a method");
        }
        state_ = State::kMethod;
        [[fallthrough]];
      case State::kMethod:
        p = bytes_skip(p, end, kTokenByte);
        if (p == end) break;
        if (*p != ' ') return refuse(Errc::kMalformedRequest, "the method is not a token");
        ++p;
        state_ = State::kTargetStart;
        break;
      case State::kTargetStart:
        if (!byte_is(*p, kTargetByte)) {
          return refuse(Errc::kMalformedRequest, "one space and a target must follow the method");
        }
        state_ = State::kTarget;
        [[fallthrough]];
      case State::kTarget:
        p = target_skip(p, end);
        if (p == end) break;
        if (*p != ' ') {
          return refuse(Errc::kMalformedRequest,
                        *p == '\r' ? "the request line has no HTTP version"
                                   : "the request target holds a byte that is not allowed");
        }
        ++p;
        state_ = State::kRequestVersion;
        break;
      case State::kRequestVersion:
        p = scan_request_version(p, end);
        if (p == nullptr) return nullptr;
        break;
      case State::kFirstLf:
        if (*p != '\n') return refuse(Errc::kMalformedRequest, "a CR is not followed by LF");
        state_ = State::kFields;
        return p + 1;
      default:
        return p;
    }
  }
  return p;
}

const char* HeadScanner::scan_request_version(const char* p, const char* end) {
  if (matched_ == 0 && is_usual_version(p, end) && p[kMinorAt + 1] == '\r') {
    state_ = State::kFirstLf;
    return p + kMinorAt + 2;
  }
  for (; p != end; ++p, ++matched_) {
    if (matched_ < kMinorAt) {
      if (*p == kVersionPrefix[matched_]) continue;
      if (matched_ == kMajorAt && is_digit(*p)) {
        return refuse(Errc::kVersionNotSupported, "the HTTP version must be 1.1 or 1.0");
      }
      return refuse(Errc::kMalformedRequest, "the request line must end in HTTP/1.1 or HTTP/1.0");
    }
    if (matched_ == kMinorAt) {
      if (*p == '0' || *p == '1') continue;
      return refuse(is_digit(*p) ? Errc::kVersionNotSupported : Errc::kMalformedRequest,
                    "the HTTP version must be 1.1 or 1.0");
    }
    if (*p != '\r') {
      return refuse(Errc::kMalformedRequest, "CRLF must follow the HTTP version");
    }
    state_ = State::kFirstLf;
    return p + 1;
  }
  return p;
}

const char* HeadScanner::scan_status_line(const char* p, const char* end) {
  constexpr Errc kBad = Errc::kMalformedRequest;
  if (state_ == State::kLineStart) state_ = State::kStatusLine;
  if (state_ == State::kStatusLine) {
    if (matched_ == 0 && is_usual_status(p, end)) {
      p += kCodeEnd + 1;
      matched_ = kCodeEnd + 1;
    }
    for (; p != end && matched_ <= kCodeEnd; ++p, ++matched_) {
      bool good = *p == ' ';
      if (matched_ < kMinorAt)
        good = *p == kVersionPrefix[matched_];
      else if (matched_ == kMinorAt)
        good = *p == '0' || *p == '1';
      else if (matched_ >= kFirstCodeAt && matched_ < kCodeEnd)
        good = is_digit(*p);
      if (!good) return refuse(kBad, "the status line is malformed");
    }
    if (matched_ <= kCodeEnd) return p;
    state_ = State::kReason;
  }
  if (state_ == State::kReason) {
    p = value_skip(p, end);
    if (p == end) return p;
    if (*p != '\r') return refuse(kBad, "the reason phrase holds a control byte");
    ++p;
    state_ = State::kFirstLf;
  }
  if (state_ == State::kFirstLf && p != end) {
    if (*p != '\n') return refuse(kBad, "a CR is not followed by LF");
    ++p;
    state_ = State::kFields;
  }
  return p;
}

const char* HeadScanner::refuse(Errc code, std::string_view message) {
  refusal_ = {kind_ == Kind::kResponse ? Errc::kUpstreamUnavailable : code, message};
  return nullptr;
}

}  // namespace weir
