#include "base/decimal.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace weir {
namespace {

std::string text(uint64_t value) {
  char digits[20];
  return {digits, write_number(digits, value)};
}

TEST(Decimal, IsTheNumberAroundEachPowerOfTen) {
  uint64_t power = 1;
  for (int digits = 1; digits <= 20; ++digits) {
    for (const uint64_t value : {power - 1, power, power + 1, 2 * power - 1}) {
      EXPECT_EQ(text(value), std::to_string(value));
    }
    power *= 10;
  }
  EXPECT_EQ(text(UINT64_MAX), "18446744073709551615");
}

TEST(Decimal, IsTheNumberAroundEachPowerOfTwo) {
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t power = uint64_t{1} << bit;
    EXPECT_EQ(text(power), std::to_string(power));
    EXPECT_EQ(text(power - 1), std::to_string(power - 1));
  }
}

TEST(Decimal, IsTheNumberForAllDigits) {
  for (uint64_t value = 0; value < 120'000; ++value) ASSERT_EQ(text(value), std::to_string(value));
  // Each group of eight, four and two digits takes all its values.
  for (uint64_t value = 0; value < 10'000; ++value) {
    for (const uint64_t step : {uint64_t{10'000}, uint64_t{100'000'000}, uint64_t{10'001}}) {
      ASSERT_EQ(text(value * step), std::to_string(value * step));
      ASSERT_EQ(text(value * step * 100'000'000 + value),
                std::to_string(value * step * 100'000'000 + value));
    }
  }
}

}  // namespace
}  // namespace weir
