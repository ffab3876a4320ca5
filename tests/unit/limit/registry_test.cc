#include "limit/registry.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr Nanos kSecond = 1'000'000'000;

TEST(LimitRegistry, KeepsABucketAndItsLevelById) {
  LimitRegistry registry(2);
  EXPECT_EQ(registry.find("tenant/a/request"), nullptr);
  Bucket* bucket = registry.get_or_create("tenant/a/request", {1, 100, kSecond}, 0);
  EXPECT_TRUE(bucket->take(0, 40, 0));
  Bucket* other = registry.get_or_create("tenant/b/request", {1, 100, kSecond}, 0);
  EXPECT_NE(other, bucket);
  EXPECT_EQ(registry.get_or_create("tenant/a/request", {1, 100, kSecond}, 0), bucket);
  EXPECT_EQ(bucket->level(0), 60);
  EXPECT_EQ(registry.get_or_create("tenant/a/request", {1, 50, kSecond}, 0), bucket);
  EXPECT_EQ(bucket->level(0), 50);
  EXPECT_EQ(registry.find("tenant/a/request"), bucket);
  EXPECT_EQ(registry.size(), 2u);
}

}  // namespace
}  // namespace weir
