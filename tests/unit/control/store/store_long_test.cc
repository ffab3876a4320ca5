// Goal: a thousand writes, killed twenty times over, lose nothing that was acknowledged.
#include "control/store/store.h"

#include <gtest/gtest.h>

#include "crash_writes.h"

namespace weir {

namespace {

TEST(StoreCrash, AThousandWritesTwentyTimesOver) {
  test::CrashWrites writes(testing::TempDir() + "/weir-crash-long.db", 20'261'127);
  for (int round = 0; round < 20; ++round) {
    ASSERT_NO_FATAL_FAILURE(writes.round(1'000)) << "round " << round;
  }
  EXPECT_GT(writes.written(), 2'000);
}

}  // namespace

}  // namespace weir
