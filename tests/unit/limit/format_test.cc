#include "limit/format.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace weir {
namespace {

constexpr Nanos kMs = 1'000'000;
constexpr Nanos kSecond = 1000 * kMs;
constexpr Nanos kMinute = 60 * kSecond;

std::string text(Nanos wait) { return std::string(duration_text(shown_ms(wait)).view()); }

TEST(DurationText, IsAGoDuration) {
  EXPECT_EQ(text(0), "0s");
  EXPECT_EQ(text(1), "1ms");
  EXPECT_EQ(text(120 * kMs), "120ms");
  EXPECT_EQ(text(kSecond), "1s");
  EXPECT_EQ(text(1500 * kMs), "1.5s");
  EXPECT_EQ(text(1050 * kMs), "1.05s");
  EXPECT_EQ(text(59'999 * kMs), "59.999s");
  EXPECT_EQ(text(6 * kMinute), "6m0s");
  EXPECT_EQ(text(61 * kSecond), "1m1s");
  EXPECT_EQ(text(60 * kMinute), "1h0m0s");
  EXPECT_EQ(text(25 * 60 * kMinute + 61 * kSecond), "25h1m1s");
}

TEST(DurationText, RoundsUp) {
  EXPECT_EQ(text(999 * kMs + 1), "1s");
  EXPECT_EQ(text(59'999 * kMs + 1), "1m0s");
  EXPECT_EQ(text(kMinute + 1), "1m1s");
}

TEST(DurationText, TheLongestHasRoom) {
  EXPECT_EQ(text(std::numeric_limits<Nanos>::max()), "5124095h34m34s");
}

TEST(RetryAfter, IsAWholeNumberFromOneToADay) {
  EXPECT_EQ(retry_after_s(0), 1u);
  EXPECT_EQ(retry_after_s(kSecond), 1u);
  EXPECT_EQ(retry_after_s(kSecond + 1), 2u);
  EXPECT_EQ(retry_after_s(std::numeric_limits<Nanos>::max()), kLongestRetryS);
}

}  // namespace
}  // namespace weir
