// Field lines (`name: value CRLF` ... CRLF) checked byte by byte as they arrive: the fields of a
// head and the trailer of a chunked body obey the same grammar, RFC 9112 section 5.
//
// A few words of state, nothing is stored or copied; any cut of the bytes gives the same result.
// Refused: bare CR or LF, control bytes, obs-fold, empty or non-token names, white space before
// the colon, a line without a colon. One thread.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace weir {

struct FieldLines {
  enum class State : uint8_t { kLineStart, kName, kValue, kValueLf, kEndLf, kDone };
  static constexpr uint32_t kAnyCount = std::numeric_limits<uint32_t>::max();

  State state = State::kLineStart;
  uint32_t count = 0;  // of names begun

  // Reads on and returns where it stopped: `end`, or behind the blank line once state is kDone.
  // nullptr when a byte was refused; `*why` then says why and the state is the one before the byte.
  [[nodiscard]] const char* scan(const char* p, const char* end, uint32_t max_count,
                                 std::string_view* why);
};

// The text that scan() gives when the only fault is the number of fields.
inline constexpr std::string_view kTooManyFields = "too many header fields";

}  // namespace weir
