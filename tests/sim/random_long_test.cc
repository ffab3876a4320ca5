// Seeded random play at length: tens of thousands of requests.
#include <gtest/gtest.h>

#include "tests/sim/sim_random_play.h"

namespace weir {
namespace {

TEST(RandomPlayLong, InvariantsHold) {
  const uint64_t first = play_first_seed() + 1'000'000;
  uint64_t requests = 0;
  for (uint64_t seed = first; seed < first + (play_is_repeat() ? 1 : 400); ++seed) {
    SCOPED_TRACE(seed);
    requests += play_random(seed, 20'000);
  }
  EXPECT_GT(requests, 1000u);
}

}  // namespace
}  // namespace weir
