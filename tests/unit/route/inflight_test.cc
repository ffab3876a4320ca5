#include "route/inflight.h"

#include <gtest/gtest.h>

#include "route_fixture.h"

namespace weir {
namespace {

using Counts = std::vector<int64_t>;

// Goal: what another core has under way counts as much as one's own, by weight.
TEST(Inflight, LeastInflightSeesTheOtherCores) {
  InflightBoard board(3);
  board.reserve(2);
  OneRoute here({2, 1}, Algorithm::kLeastInflight, 0, 3);
  OneRoute there({2, 1}, Algorithm::kLeastInflight, 2, 3);
  here.core().share(&board);
  there.core().share(&board);
  there.core().inflight_begin(0);
  EXPECT_EQ(here.count_picks(6, 0), (Counts{0, 6}));
  here.core().inflight_begin(1);
  EXPECT_EQ(here.count_picks(6, 0), (Counts{6, 0}));  // 1/2 against 1
  EXPECT_EQ(there.count_picks(6, 0), (Counts{6, 0}));
  there.core().inflight_begin(0);
  there.core().inflight_begin(0);  // 3/2 against 1
  EXPECT_EQ(here.count_picks(6, 0), (Counts{0, 6}));
  for (int i = 0; i < 3; ++i) there.core().inflight_end(0);
  EXPECT_EQ(there.count_picks(6, 0), (Counts{6, 0}));
  EXPECT_EQ(board.total(0) + board.total(1), 1u);
}

}  // namespace
}  // namespace weir
