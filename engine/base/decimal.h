// Numbers as decimal text, written into memory of the caller. Pure, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

// The numbers below 1000 with no zeros in front. What is behind `size` digits does not count.
struct ShortNumber {
  char digits[3] = {'0', '0', '0'};
  uint8_t size = 1;
};
inline constexpr std::array<ShortNumber, 1000> kShortNumbers = [] {
  std::array<ShortNumber, 1000> numbers{};
  for (size_t i = 0; i < 1000; ++i) {
    const char all[] = {static_cast<char>('0' + i / 100), static_cast<char>('0' + i / 10 % 10),
                        static_cast<char>('0' + i % 10)};
    const size_t zeros = i >= 100 ? 0 : i >= 10 ? 1 : 2;
    for (size_t at = zeros; at < 3; ++at) numbers[i].digits[at - zeros] = all[at];
    numbers[i].size = static_cast<uint8_t>(3 - zeros);
  }
  return numbers;
}();

// Digits of the largest number.
inline constexpr size_t kNumberBytes = 20;

// write_number() for 1000 and above.
char* write_long_number(char* to, uint64_t value);

// Writes decimal digits at `to`; returns one past the last. Needs kNumberBytes there, whatever the
// number is, and may write to all of them.
[[gnu::always_inline]] inline char* write_number(char* to, uint64_t value) {
  if (value >= kShortNumbers.size()) return write_long_number(to, value);
  const ShortNumber& number = kShortNumbers[value];
  std::memcpy(to, &number, sizeof number);
  return to + number.size;
}

// Exactly three digits, of a number below 1000.
inline char* write_three_digits(char* to, uint32_t value) {
  const uint32_t hundreds = value / 100;
  *to = static_cast<char>('0' + hundreds);
  std::memcpy(to + 1, kDigitPairs.data() + 2 * size_t{value - hundreds * 100}, 2);
  return to + 3;
}

}  // namespace weir
