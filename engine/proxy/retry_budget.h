// Bounds retries to a share of live traffic, so that a failing provider does not see its load
// multiplied. Counted per worker over whole seconds: in each second at most `percent` of the
// requests of the last and the present second, and always at least `min_per_s`. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace weir {

class RetryBudget {
 public:
  void on_request(Millis now) {
    roll(now);
    ++requests_;
  }
  // True takes one retry out of the budget.
  [[nodiscard]] bool take(Millis now, uint32_t percent, uint32_t min_per_s) {
    roll(now);
    const uint64_t share = (requests_ + last_requests_) * percent / 100;
    if (retries_ >= std::max<uint64_t>(share, min_per_s)) return false;
    ++retries_;
    return true;
  }

 private:
  void roll(Millis now) {
    const uint64_t second = now / 1000;
    if (second == second_) return;
    last_requests_ = second == second_ + 1 ? requests_ : 0;
    requests_ = 0;
    retries_ = 0;
    second_ = second;
  }
  uint64_t second_ = 0;
  uint64_t requests_ = 0;
  uint64_t last_requests_ = 0;
  uint64_t retries_ = 0;
};

}  // namespace weir
