// How often something is learned of which nobody knows whether it pays: at first each time, ever
// more rarely where it never does. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir {

class Patience {
 public:
  // Another came that was not known: whether it should be learned.
  [[nodiscard]] bool wants() {
    if (++misses_ < needed_) return false;
    misses_ = 0;
    needed_ = std::min(needed_ * 2, kMost);
    return true;
  }
  // What was learned was of use.
  void paid() {
    needed_ = 1;
    misses_ = 0;
  }

 private:
  static constexpr uint32_t kMost = 256;
  uint32_t needed_ = 1;  // misses before it is learned again
  uint32_t misses_ = 0;
};

}  // namespace weir
