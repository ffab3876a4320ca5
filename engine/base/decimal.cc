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
size_t digits_of(uint64_t value) {  // which is not 0
  const auto least = static_cast<size_t>(std::bit_width(value)) * 1233 >> 12;
  return least + (value >= kPowersOfTen[least] ? 1 : 0);
}

// The eight digits of a number below 10^8, leading zeros among them, the first in the lowest byte:
// split in two, in four and in eight at once, by multiplying with what dividing comes to.
uint64_t eight_digits(uint64_t value) {
  constexpr uint64_t kHundredth = 10486;  // of 2^20, near enough below 10^4
  constexpr uint64_t kTenth = 103;        // of 2^10, near enough below 100
  const uint64_t halves = value / 10'000 | value % 10'000 << 32;
  const uint64_t hundreds = (halves * kHundredth >> 20) & 0x0000007f0000007f;
  const uint64_t pairs = hundreds | (halves - hundreds * 100) << 16;
  const uint64_t tens = (pairs * kTenth >> 10) & 0x000f000f000f000f;
  return (tens | (pairs - tens * 10) << 8) + 0x3030303030303030;
}

// The last `count` of the eight digits; eight bytes are written all the same.
char* put_last(char* to, uint64_t value, size_t count) {
  const uint64_t digits = eight_digits(value) >> 8 * (8 - count);
  std::memcpy(to, &digits, sizeof(digits));
  return to + count;
}

}  // namespace

static_assert(std::endian::native == std::endian::little);

char* write_long_number(char* to, uint64_t value) {
  constexpr uint64_t kEight = 100'000'000;
  if (value < 1'000'000) {
    to = write_number(to, value / 1000);
    return write_three_digits(to, static_cast<uint32_t>(value % 1000));
  }
  size_t left = digits_of(value);
  if (left > 16) {
    to = put_last(to, value / (kEight * kEight), left - 16);
    value %= kEight * kEight;
    left = 16;
  }
  if (left > 8) {
    to = put_last(to, value / kEight, left - 8);
    value %= kEight;
    left = 8;
  }
  return put_last(to, value, left);
}

}  // namespace weir
