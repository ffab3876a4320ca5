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
#include <span>

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

  void add(LimitEntry entry);
  void clear() { size_ = requests_ = 0; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  // One of the buckets is of tokens.
  [[nodiscard]] bool counts_tokens() const { return requests_ < size_; }
  // By the order of asking.
  [[nodiscard]] LimitEntry operator[](size_t i) const {
    WEIR_DCHECK(i < size_);
    const Turn turn = turns_[i];
    return {buckets_[turn.bucket], turn.scope,
            turn.bucket < requests_ ? BucketUnit::kRequests : BucketUnit::kTokens};
  }
  // Of each unit by that order.
  [[nodiscard]] std::span<Bucket* const> buckets() const { return {buckets_.data(), size_}; }
  [[nodiscard]] std::span<Bucket* const> requests() const { return buckets().first(requests_); }
  [[nodiscard]] std::span<Bucket* const> tokens() const { return buckets().subspan(requests_); }

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
  struct Turn {
    uint8_t bucket = 0;  // its index in buckets_
    BucketScope scope = BucketScope::kTenant;
  };
  [[nodiscard]] int64_t cost(size_t bucket, int64_t tokens) const {
    return bucket < requests_ ? 1 : tokens;
  }
  // What is not done from leases alone, kept apart so that what is stays small.
  [[gnu::noinline]] int take_asking(uint32_t core, int64_t tokens, Nanos now) const;
  [[gnu::noinline]] int take_again(size_t taken, uint32_t core, int64_t tokens, Nanos now) const;
  [[gnu::noinline]] void settle_from(size_t i, uint32_t core, int64_t reserved, int64_t actual,
                                     Nanos now) const;

  // Those of requests, then those of tokens: what mostly happens needs no order, and looks at
  // nothing else.
  std::array<Bucket*, kMax> buckets_{};
  std::array<Turn, kMax> turns_{};
  uint8_t size_ = 0;
  uint8_t requests_ = 0;
};

}  // namespace weir
