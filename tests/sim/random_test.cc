// Seeded random play, short enough for every run; random_long_test.cc plays for longer.
// WEIR_SEED=number repeats one seed.
#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>

#include "sim_random_play.h"

namespace weir {
namespace {

TEST(RandomPlay, InvariantsHold) {
  const uint64_t first = play_first_seed();
  PlayTotals totals;
  for (uint64_t seed = first; seed < first + (play_is_repeat() ? 1 : 40); ++seed) {
    play_random(seed, 4000, &totals);
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
