// The buckets that one request must pass, all of them: up to four scopes in requests and tokens.
//
// A small value, filled for each request or kept with a route; the buckets are borrowed. Order is
// the order of asking: put the widest scope first. Worker threads, with their core's number.
// Nothing is remembered about a request: who took says what again when giving back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/check.h"
#include "limit/bucket.h"

namespace weir {

enum class BucketScope : uint8_t { kTenant, kKey, kProvider, kModel };
enum class BucketUnit : uint8_t { kRequests, kTokens };

struct LimitEntry {
  Bucket* bucket = nullptr;
  BucketScope scope = BucketScope::kTenant;
  BucketUnit unit = BucketUnit::kRequests;
};

class LimitSet {
 public:
  static constexpr size_t kMax = 8;
  static constexpr int kPassed = -1;
  static constexpr int64_t kNoTokens = std::numeric_limits<int64_t>::max();

  void add(LimitEntry entry) {
    WEIR_CHECK(entry.bucket != nullptr);
    WEIR_CHECK(size_ < kMax);
    entries_[size_++] = entry;
    counts_tokens_ = counts_tokens_ || entry.unit == BucketUnit::kTokens;
  }
  void clear() {
    size_ = 0;
    counts_tokens_ = false;
  }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  // One of the buckets is of tokens.
  [[nodiscard]] bool counts_tokens() const { return counts_tokens_; }
  [[nodiscard]] const LimitEntry& operator[](size_t i) const {
    WEIR_DCHECK(i < size_);
    return entries_[i];
  }
  [[nodiscard]] const LimitEntry* begin() const { return entries_.data(); }
  [[nodiscard]] const LimitEntry* end() const { return entries_.data() + size_; }

  // Takes 1 from each bucket of requests and `tokens` from each of tokens: kPassed; or nothing at
  // all, and the index of the first bucket that refused.
  [[nodiscard]] int take_all(uint32_t core, int64_t tokens, Nanos now) const;
  // The request did not run: undoes take_all() with the same `tokens`.
  void refund_all(uint32_t core, int64_t tokens, Nanos now) const;
  // The request has run: buckets of tokens get `actual` in place of `reserved`.
  void settle_all(uint32_t core, int64_t reserved, int64_t actual, Nanos now) const;
  // The smallest capacity of the buckets of tokens, as reservation_of() wants it; kNoTokens when
  // there are none.
  [[nodiscard]] int64_t smallest_token_capacity() const;

 private:
  void refund_first(size_t count, uint32_t core, int64_t tokens, Nanos now) const;

  std::array<LimitEntry, kMax> entries_{};
  size_t size_ = 0;
  bool counts_tokens_ = false;
};

}  // namespace weir
