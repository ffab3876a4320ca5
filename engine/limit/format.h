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

// A duration as x-ratelimit-reset-* shows it, in milliseconds: rounded up to whole ones, and to
// whole seconds from one minute on.
[[nodiscard]] uint64_t shown_ms(Nanos wait_ns);
// What shown_ms() gave, as Go prints it: "0s", "120ms", "1.5s", "6m0s", "1h0m0s".
[[nodiscard]] LimitText duration_text(uint64_t shown_ms);
// Whole seconds for Retry-After: rounded up, at least 1, at most kLongestRetryS.
constexpr uint64_t kLongestRetryS = 86'400;
[[nodiscard]] uint64_t retry_after_s(Nanos wait_ns);

}  // namespace weir
