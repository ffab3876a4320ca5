// Time as plain integers with their unit in the type name. Nothing in Weir but the worker and the
// control thread reads a clock: everybody else is handed `now`. Any thread.
#pragma once

#include <cstdint>

namespace weir {

using Millis = uint64_t;   // monotonic milliseconds (uv_now), for deadlines
using Nanos = uint64_t;    // monotonic nanoseconds (uv_hrtime), for stage timings
using UnixMillis = int64_t;  // wall clock

constexpr Nanos kNanosPerMilli = 1'000'000;

}  // namespace weir
