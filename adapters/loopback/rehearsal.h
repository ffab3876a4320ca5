// The faults that a model name asks loopback to rehearse: `loopback/fail=503,stall=5s`.
//
//   fail=STATUS      the whole answer is that HTTP error (400 to 599)
//   retry_after=D    with fail: the wait that the error asks for; fail=429 alone asks for 1s
//   stall=D          no byte for that long, then the answer
//   cut=N            the connection breaks after N words
//   delay=D          that long between two words (a whole answer comes after the sum)
//   words=N          the answer has N words
// D is a Go duration such as 250ms or 1m30s. Items without `=` are part of a plain name and mean
// nothing. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include <weir/types.h>

namespace weir {

struct Rehearsal {
  static constexpr int64_t kMaxWords = 100'000;
  static constexpr int64_t kMaxWaitMs = 3'600'000;

  int fail = 0;  // 0 = no
  int64_t retry_after_ms = -1;
  int64_t stall_ms = 0;
  int64_t delay_ms = 0;
  int64_t cut = -1;    // -1 = no
  int64_t words = -1;  // -1 = as many as the question has
};

// Reads a model name, with or without `loopback/` in front. kInvalidField for an unknown item or a
// value out of bounds.
[[nodiscard]] Result<Rehearsal> rehearsal_read(std::string_view model);

// Milliseconds of a Go duration; -1 when it is none or longer than `max_ms`.
[[nodiscard]] int64_t duration_read(std::string_view text, int64_t max_ms);

}  // namespace weir
