#include "proxy/stages.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

namespace weir {
namespace {

constexpr Nanos kMs = kNanosPerMilli;

Nanos of(const StageTimes& times, Stage stage) { return times[static_cast<size_t>(stage)]; }

std::string field_of(const StageTimes& times) {
  char room[512];
  HeadWriter writer{.begin = room, .cursor = room, .limit = room + sizeof room, .failed = false};
  timing_field(&writer, times);
  EXPECT_FALSE(writer.failed);
  return {room, static_cast<size_t>(writer.cursor - room)};
}

TEST(StageTimes, SumToTheWholeTime) {
  Moments at;
  at.first_byte = 100 * kMs;
  at.received = 103 * kMs;
  at.parsed = 104 * kMs;
  at.decide_ns = 2 * kMs;
  at.pool_ns = 3 * kMs;
  at.connect_ns = 4 * kMs;
  at.upstream_ns = 50 * kMs;
  at.translate_ns = 5 * kMs;
  const StageTimes times = stage_times(at, 200 * kMs);
  EXPECT_EQ(of(times, Stage::kReceive), 3 * kMs);
  EXPECT_EQ(of(times, Stage::kParse), 1 * kMs);
  EXPECT_EQ(of(times, Stage::kRelay), 32 * kMs);
  EXPECT_EQ(std::accumulate(times.begin(), times.end(), Nanos{0}), 100 * kMs);
}

TEST(StageTimes, OfARequestThatCameToNoStage) {
  Moments at;
  at.first_byte = 100 * kMs;
  const StageTimes times = stage_times(at, 107 * kMs);
  EXPECT_EQ(of(times, Stage::kReceive), 7 * kMs);
  EXPECT_EQ(std::accumulate(times.begin(), times.end(), Nanos{0}), 7 * kMs);
}

TEST(Moments, AnAttemptThatEndsBelongsToItsStage) {
  Moments at;
  at.acquire = 10 * kMs;
  at.dial = 12 * kMs;
  moments_end_attempt(&at, true, 17 * kMs);
  EXPECT_EQ(at.pool_ns, 2 * kMs);
  EXPECT_EQ(at.connect_ns, 5 * kMs);
  at.acquire = 20 * kMs;  // never got a connection
  moments_end_attempt(&at, true, 26 * kMs);
  EXPECT_EQ(at.pool_ns, 8 * kMs);
  at.connected = 30 * kMs;
  moments_end_attempt(&at, false, 31 * kMs);
  at.wait_from = 40 * kMs;
  moments_end_attempt(&at, false, 42 * kMs);
  EXPECT_EQ(at.upstream_ns, 3 * kMs);
  moments_end_attempt(&at, false, 99 * kMs);  // nothing was going on
  EXPECT_EQ(at.pool_ns + at.connect_ns + at.upstream_ns, 16 * kMs);
}

TEST(TimingField, IsInMillisecondsWithThreeDecimals) {
  EXPECT_EQ(field_of({0, 1'999, 45'678'999, 1'000'000, 0, 999'999, 10'000'000, 0}),
            "server-timing: receive;dur=0.000, parse;dur=0.001, decide;dur=45.678, pool;dur=1.000, "
            "connect;dur=0.000, upstream;dur=0.999, translate;dur=10.000, relay;dur=0.000\r\n");
}

TEST(TimingField, FitsWhateverTheNumbers) {
  StageTimes times;
  times.fill(UINT64_MAX);
  const std::string field = field_of(times);
  EXPECT_LE(field.size(), kTimingFieldBytes);
  EXPECT_NE(field.find("relay;dur=4294967.295\r\n"), std::string::npos);
}

}  // namespace
}  // namespace weir
