#include "proxy/limit_lines.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "limit/format.h"

namespace weir {
namespace {

constexpr Nanos kMs = 1'000'000;
constexpr Nanos kSecond = 1000 * kMs;
constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

std::string written(LimitLines& lines, uint64_t capacity, uint64_t left, Nanos wait) {
  char text[LimitLines::kRoom];
  return {text, static_cast<size_t>(lines.write(text, capacity, left, wait) - text)};
}

// The same from nothing.
std::string requests(uint64_t capacity, uint64_t left, Nanos wait) {
  std::string out = "x-ratelimit-limit-requests: " + std::to_string(capacity);
  out += "\r\nx-ratelimit-remaining-requests: " + std::to_string(left);
  out += "\r\nx-ratelimit-reset-requests: ";
  out += duration_text(shown_ms(wait)).view();
  return out + "\r\nx-requests-limit-remaining: " + std::to_string(left) + "\r\n";
}

TEST(LimitLines, EachUnitHasItsOwn) {
  LimitLines requests(BucketUnit::kRequests), tokens(BucketUnit::kTokens);
  EXPECT_EQ(written(requests, 60, 59, 1500 * kMs),
            "x-ratelimit-limit-requests: 60\r\n"
            "x-ratelimit-remaining-requests: 59\r\n"
            "x-ratelimit-reset-requests: 1.5s\r\n"
            "x-requests-limit-remaining: 59\r\n");
  EXPECT_EQ(written(tokens, 1'000'000, 123'456, 0),
            "x-ratelimit-limit-tokens: 1000000\r\n"
            "x-ratelimit-remaining-tokens: 123456\r\n"
            "x-ratelimit-reset-tokens: 0s\r\n");
}

// Whatever was written before, and so kept.
TEST(LimitLines, DependOnTheNumbersAlone) {
  constexpr uint64_t kNumbers[] = {0,      1,       99,        9'999,          10'000, 10'001,
                                   19'999, 20'000,  100'000,   4'294'967'295, kMost - 1, kMost};
  constexpr Nanos kWaits[] = {0, 1, kMs, kMs + 1, 59'999 * kMs, 59'999 * kMs + 1,
                              60 * kSecond, 60 * kSecond + 1, 61 * kSecond, 3600 * kSecond, kMost};
  LimitLines lines(BucketUnit::kRequests);
  uint64_t random = 1;
  const auto below = [&random](size_t bound) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>((random >> 33) % bound);
  };
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t capacity = kNumbers[below(std::size(kNumbers))];
    const uint64_t left = kNumbers[below(std::size(kNumbers))];
    const Nanos wait = kWaits[below(std::size(kWaits))];
    ASSERT_EQ(written(lines, capacity, left, wait), requests(capacity, left, wait));
  }
}

TEST(LimitLines, TheLongestHasRoom) {
  LimitLines lines(BucketUnit::kRequests);
  EXPECT_LE(written(lines, kMost, kMost, kMost).size(), LimitLines::kRoom);
}

}  // namespace
}  // namespace weir
