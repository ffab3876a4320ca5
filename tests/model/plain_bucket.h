// What a bucket is, said as simply as it can be: one number, one caller at a time. The tests hold
// the real one against it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "limit/bucket_core.h"

namespace weir {

struct PlainBucket {
  BucketSpec spec;
  int64_t level = 0;
  Nanos end = 0;

  PlainBucket(const BucketSpec& spec_, Nanos now)
      : spec(spec_), level(spec_.capacity), end(now + spec_.duration_ns) {}

  // Time passes.
  void tick(Nanos now) {
    for (; now >= end; end += spec.duration_ns) {
      level = std::max(level, std::min(level + spec.amount, spec.capacity));
    }
  }
  bool take(int64_t n) {
    const bool full = spec.capacity > 0 && level >= spec.capacity;
    if (level < n && !(n > spec.capacity && full)) return false;
    level -= n;
    return true;
  }
  void give_back(int64_t n) { level = std::max(level, std::min(level + n, spec.capacity)); }
  void settle(int64_t reserved, int64_t actual) {
    if (actual < reserved) give_back(reserved - actual);
    if (actual > reserved) level -= actual - reserved;
  }
  void reconfigure(const BucketSpec& to, Nanos now) {
    if (to.duration_ns != spec.duration_ns) end = now + to.duration_ns;
    spec = to;
    level = std::min(level, spec.capacity);
  }
};

}  // namespace weir
