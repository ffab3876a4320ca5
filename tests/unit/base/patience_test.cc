#include "base/patience.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Patience, GrowsWhereNothingPays) {
  Patience patience;
  size_t learned = 0;
  for (size_t i = 0; i < 1000; ++i) learned += patience.wants() ? 1 : 0;
  EXPECT_LT(learned, 15U);
  EXPECT_GT(learned, 5U);
  patience.paid();
  EXPECT_TRUE(patience.wants());
  EXPECT_FALSE(patience.wants());
  EXPECT_TRUE(patience.wants());
}

}  // namespace
}  // namespace weir
