#include "limit/limit_set.h"

#include <algorithm>

namespace weir {

void LimitSet::add(LimitEntry entry) {
  WEIR_CHECK(entry.bucket != nullptr);
  WEIR_CHECK(size_ < kMax);
  uint8_t at = size_;
  if (entry.unit == BucketUnit::kRequests) {
    at = requests_++;
    // Those of tokens make room.
    std::copy_backward(buckets_.begin() + at, buckets_.begin() + size_,
                       buckets_.begin() + size_ + 1);
    for (Turn& turn : turns_) {
      if (turn.bucket >= at) ++turn.bucket;
    }
  }
  buckets_[at] = entry.bucket;
  turns_[size_++] = {at, entry.scope};
}

int LimitSet::take_all(uint32_t core, int64_t tokens, Nanos now) const {
  WEIR_DCHECK(tokens >= 0);
  // Mostly the core has leases of all: then no order matters, and nothing that others write to is
  // looked at.
  const size_t requests = requests_;
  const size_t count = size_;
  for (size_t i = 0; i < requests; ++i) {
    if (!buckets_[i]->has_lease(core, 1, now)) return take_asking(core, tokens, now);
  }
  for (size_t i = requests; i < count; ++i) {
    if (!buckets_[i]->has_lease(core, tokens, now)) return take_asking(core, tokens, now);
  }
  for (size_t i = 0; i < requests; ++i) {
    if (!buckets_[i]->take_held(core, 1)) return take_again(i, core, tokens, now);
  }
  for (size_t i = requests; i < count; ++i) {
    if (!buckets_[i]->take_held(core, tokens)) return take_again(i, core, tokens, now);
  }
  return kPassed;
}

// In the order of asking, so that of several buckets that refuse the widest is named.
int LimitSet::take_asking(uint32_t core, int64_t tokens, Nanos now) const {
  // A look first: a request that is going to be refused should not hold, even for a moment, what
  // another core may be asking for, nor write to lines that others use.
  for (size_t i = 0; i < size_; ++i) {
    const uint8_t at = turns_[i].bucket;
    if (buckets_[at]->would_refuse(core, cost(at, tokens), now)) return static_cast<int>(i);
  }
  for (size_t i = 0; i < size_; ++i) {
    const uint8_t at = turns_[i].bucket;
    if (buckets_[at]->take(core, cost(at, tokens), now)) continue;
    for (size_t given = i; given-- > 0;) {
      const uint8_t back = turns_[given].bucket;
      buckets_[back]->give_back(core, cost(back, tokens), now);
    }
    return static_cast<int>(i);
  }
  return kPassed;
}

// Others closed a lease while the first `taken` buckets gave.
int LimitSet::take_again(size_t taken, uint32_t core, int64_t tokens, Nanos now) const {
  while (taken-- > 0) buckets_[taken]->give_back(core, cost(taken, tokens), now);
  return take_asking(core, tokens, now);
}

void LimitSet::refund_all(uint32_t core, int64_t tokens, Nanos now) const {
  for (size_t i = size_; i-- > 0;) buckets_[i]->give_back(core, cost(i, tokens), now);
}

void LimitSet::settle_all(uint32_t core, int64_t reserved, int64_t actual, Nanos now) const {
  // Mostly less was used, and there are leases that the rest can go back to.
  const size_t count = size_;
  const int64_t rest = reserved - actual;
  size_t i = requests_;
  while (i < count && rest >= 0 && buckets_[i]->give_back_held(core, rest)) ++i;
  if (i < count) settle_from(i, core, reserved, actual, now);
}

// The buckets before the i-th are settled.
void LimitSet::settle_from(size_t i, uint32_t core, int64_t reserved, int64_t actual,
                           Nanos now) const {
  for (; i < size_; ++i) buckets_[i]->settle(core, reserved, actual, now);
}

int64_t LimitSet::smallest_token_capacity() const {
  int64_t smallest = kNoTokens;
  for (const Bucket* bucket : tokens()) smallest = std::min(smallest, bucket->capacity());
  return smallest;
}

}  // namespace weir
