// Seeded random play at length: tens of thousands of requests.
#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>

#include "sim_random_play.h"

namespace weir {
namespace {

TEST(RandomPlayLong, InvariantsHold) {
  const uint64_t first = play_is_repeat() ? play_first_seed() : 1'000'000;
  PlayTotals totals;
  for (uint64_t seed = first; seed < first + (play_is_repeat() ? 1 : 150); ++seed) {
    play_random(seed, 20'000, &totals);
  }
  if (play_is_repeat()) return;
  // The play is about something: every way to end came, and every way to try again.
  for (const uint64_t ended : totals.ended) EXPECT_GT(ended, 100u);
  EXPECT_GT(totals.retries, 100u);
  EXPECT_GT(totals.replays, 10u);
  std::printf("completed %" PRIu64 ", failed %" PRIu64 ", cancelled %" PRIu64 ", refused %" PRIu64
              ", retries %" PRIu64 ", replays %" PRIu64 "\n",
              totals.ended[0], totals.ended[1], totals.ended[2], totals.ended[3], totals.retries,
              totals.replays);
}

}  // namespace
}  // namespace weir
