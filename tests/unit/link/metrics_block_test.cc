// Goal: a histogram counts each number in the first bucket whose bound it does not pass.
#include "link/metrics_block.h"

#include <gtest/gtest.h>

#include <numeric>

namespace weir {
namespace {

size_t bucket_of(uint64_t us) {
  Histogram histogram;
  histogram.add(us);
  EXPECT_EQ(histogram.sum_us, us);
  EXPECT_EQ(std::accumulate(histogram.count.begin(), histogram.count.end(), uint64_t{0}), 1u);
  size_t i = 0;
  while (histogram.count[i] == 0) ++i;
  return i;
}

TEST(Histogram, CountsUpToEachBound) {
  EXPECT_EQ(bucket_of(0), 0u);
  EXPECT_EQ(bucket_of(1), 0u);
  for (size_t i = 1; i < Histogram::kBuckets; ++i) {
    const uint64_t bound = Histogram::bound_us(i);
    EXPECT_EQ(bucket_of(bound), i);
    EXPECT_EQ(bucket_of(bound + 1), i + 1);
    EXPECT_EQ(bucket_of(bound - 1), i == 1 ? 0 : i);
  }
  EXPECT_EQ(bucket_of(UINT32_MAX), Histogram::kBuckets);
}

}  // namespace
}  // namespace weir
