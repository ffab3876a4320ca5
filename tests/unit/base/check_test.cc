#include "base/check.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Check, ABrokenInvariantEndsTheProcessWithOneLine) {
  const int two = 2;
  WEIR_CHECK(two == 2);
  EXPECT_DEATH(WEIR_CHECK(two == 3), "invariant broken: two == 3 \\(.*check_test.cc:");
}

TEST(Check, DebugChecksAreOffOutsideCheckedBuilds) {
  int evaluated = 0;
  WEIR_DCHECK(++evaluated == 1);
#ifdef WEIR_DEBUG_CHECKS
  EXPECT_EQ(evaluated, 1);
#else
  EXPECT_EQ(evaluated, 0);
#endif
}

}  // namespace
}  // namespace weir
