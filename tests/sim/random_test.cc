// Seeded random play, short enough for every run; random_long_test.cc plays for longer.
// WEIR_SEED=number repeats one seed.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/sim/sim_random_play.h"

namespace weir {
namespace {

TEST(RandomPlay, InvariantsHold) {
  const uint64_t first = play_first_seed();
  for (uint64_t seed = first; seed < first + (play_is_repeat() ? 1 : 40); ++seed) {
    SCOPED_TRACE(seed);
    EXPECT_GT(play_random(seed, 4000), 0u);
  }
}

}  // namespace
}  // namespace weir
