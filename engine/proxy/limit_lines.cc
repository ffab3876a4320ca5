#include "proxy/limit_lines.h"

#include <cstring>

#include "base/check.h"
#include "base/decimal.h"
#include "limit/format.h"

namespace weir {

namespace {

// Of BucketUnit.
struct Names {
  std::string_view limit, left, reset, left_again;
};
constexpr Names kNames[] = {
    {"x-ratelimit-limit-requests: ", "\r\nx-ratelimit-remaining-requests: ",
     "\r\nx-ratelimit-reset-requests: ", "\r\nx-requests-limit-remaining: "},
    {"x-ratelimit-limit-tokens: ", "\r\nx-ratelimit-remaining-tokens: ",
     "\r\nx-ratelimit-reset-tokens: ", "\r\n"}};

char* put_four_digits(char* to, uint64_t below_10000) {
  std::memcpy(to, kDigitPairs.data() + 2 * (below_10000 / 100), 2);
  std::memcpy(to + 2, kDigitPairs.data() + 2 * (below_10000 % 100), 2);
  return to + 4;
}

}  // namespace

void LimitLines::Kept::add(std::string_view text) {
  WEIR_CHECK(text.size() <= kMost - size_);
  std::memcpy(text_ + size_, text.data(), text.size());
  size_ += text.size();
}

void LimitLines::Kept::add(uint64_t number) {
  char digits[kNumberBytes];
  add({digits, static_cast<size_t>(write_number(digits, number) - digits)});
}

inline char* LimitLines::Kept::copy_to(char* to) const {
  std::memcpy(to, text_, kInline);
  std::memcpy(to + kInline, text_ + kInline, kMost - kInline);
  return to + size_;
}

void LimitLines::keep_front(uint64_t capacity, uint64_t leading) {
  capacity_ = capacity;
  leading_ = leading;
  const Names& names = kNames[static_cast<size_t>(unit_)];
  front_.clear();
  front_.add(names.limit);
  front_.add(capacity);
  front_.add(names.left);
  const size_t size = front_.size();
  if (leading != 0) front_.add(leading);
  leading_size_ = front_.size() - size;
}

void LimitLines::keep_reset(uint64_t ms) {
  reset_ms_ = ms;
  const Names& names = kNames[static_cast<size_t>(unit_)];
  reset_.clear();
  reset_.add(names.reset);
  reset_.add(duration_text(ms).view());
  reset_.add(names.left_again);
}

char* LimitLines::write(char* to, uint64_t capacity, uint64_t left, Nanos wait) {
  const uint64_t leading = left / kTail;
  if (capacity != capacity_ || leading != leading_) keep_front(capacity, leading);
  to = front_.copy_to(to);
  const char* const digits = to - leading_size_;
  to = leading == 0 ? write_number(to, left) : put_four_digits(to, left % kTail);
  const auto size = static_cast<size_t>(to - digits);
  if (const uint64_t ms = shown_ms(wait); ms != reset_ms_) keep_reset(ms);
  to = reset_.copy_to(to);
  if (unit_ == BucketUnit::kTokens) return to;
  std::memcpy(to, digits, kNumberBytes);
  to += size;
  *to++ = '\r';
  *to++ = '\n';
  return to;
}

}  // namespace weir
