#include "base/decimal.h"

#include <bit>
#include <cstring>

namespace weir {

namespace {

constexpr std::array<uint64_t, 20> kPowersOfTen = [] {
  std::array<uint64_t, 20> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

// 1233/4096 is the logarithm of 2 to the base 10, near enough for all widths.
size_t digits_of(uint64_t value) {
  const uint64_t seen = value | 1;  // zero has a digit
  const auto least = static_cast<size_t>(std::bit_width(seen)) * 1233 >> 12;
  return least + (seen >= kPowersOfTen[least] ? 1 : 0);
}

void put_pair(char* to, uint64_t below_100) {
  std::memcpy(to, kDigitPairs.data() + 2 * below_100, 2);
}

}  // namespace

// Two digits at a time, from the last to the first.
char* write_number(char* to, uint64_t value) {
  char* const end = to + digits_of(value);
  for (char* at = end; value >= 100;) {
    const uint64_t rest = value / 100;
    put_pair(at -= 2, value - rest * 100);
    value = rest;
  }
  if (value >= 10) {
    put_pair(to, value);
  } else {
    *to = static_cast<char>('0' + value);
  }
  return end;
}

}  // namespace weir
