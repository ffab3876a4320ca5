#include "limit/limit_set.h"

#include <algorithm>

namespace weir {

namespace {

int64_t cost_of(const LimitEntry& entry, int64_t tokens) {
  return entry.unit == BucketUnit::kRequests ? 1 : tokens;
}

}  // namespace

int LimitSet::take_all(uint32_t core, int64_t tokens, Nanos now) const {
  // A look first: a request that is going to be refused should not hold, even for a moment, what
  // another core may be asking for, nor write to lines that others use.
  for (size_t i = 0; i < size_; ++i) {
    const LimitEntry& entry = entries_[i];
    const int64_t cost = cost_of(entry, tokens);
    if (entry.bucket->has_lease(core, cost, now)) continue;
    if (entry.bucket->would_refuse(core, cost, now)) return static_cast<int>(i);
  }
  for (size_t i = 0; i < size_; ++i) {
    const LimitEntry& entry = entries_[i];
    if (entry.bucket->take(core, cost_of(entry, tokens), now)) continue;
    refund_first(i, core, tokens, now);
    return static_cast<int>(i);
  }
  return kPassed;
}

void LimitSet::refund_all(uint32_t core, int64_t tokens, Nanos now) const {
  refund_first(size_, core, tokens, now);
}

void LimitSet::refund_first(size_t count, uint32_t core, int64_t tokens, Nanos now) const {
  for (size_t i = count; i-- > 0;) {
    entries_[i].bucket->give_back(core, cost_of(entries_[i], tokens), now);
  }
}

void LimitSet::settle_all(uint32_t core, int64_t reserved, int64_t actual,
                          Nanos now) const {
  if (!counts_tokens_) return;
  for (const LimitEntry& entry : *this) {
    if (entry.unit == BucketUnit::kTokens) entry.bucket->settle(core, reserved, actual, now);
  }
}

int64_t LimitSet::smallest_token_capacity() const {
  int64_t smallest = kNoTokens;
  if (!counts_tokens_) return smallest;
  for (const LimitEntry& entry : *this) {
    if (entry.unit == BucketUnit::kTokens) {
      smallest = std::min(smallest, entry.bucket->capacity());
    }
  }
  return smallest;
}

}  // namespace weir
