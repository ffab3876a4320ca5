// Numbers as decimal text, written into memory of the caller. Pure, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir {

// "00" to "99", one after the other.
inline constexpr std::array<char, 200> kDigitPairs = [] {
  std::array<char, 200> pairs{};
  for (size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

// Digits of the largest number.
inline constexpr size_t kNumberBytes = 20;

// Writes decimal digits at `to`; returns one past the last. Needs kNumberBytes there, whatever the
// number is, and may write to all of them.
char* write_number(char* to, uint64_t value);

}  // namespace weir
