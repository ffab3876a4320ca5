// The texts of the limit headers. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace weir {

// Room for any text of this file.
struct LimitText {
  static constexpr size_t kRoom = 40;

  char bytes[kRoom];
  size_t len = 0;

  [[nodiscard]] std::string_view view() const { return {bytes, len}; }
};

// A duration as Go prints it, rounded up to whole milliseconds, and to whole seconds from one
// minute on: "0s", "120ms", "1.5s", "6m0s", "1h0m0s". For x-ratelimit-reset-*.
[[nodiscard]] LimitText reset_text(Nanos wait_ns);
// Whole seconds for Retry-After: rounded up, at least 1, at most kLongestRetryS.
constexpr uint64_t kLongestRetryS = 86'400;
[[nodiscard]] uint64_t retry_after_s(Nanos wait_ns);

}  // namespace weir
