#include "limit/registry.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

constexpr Nanos kSecond = 1'000'000'000;

TEST(LimitRegistry, FreesOnlyWhatNobodyHoldsAndOnlyWhenThereIsMuchOfIt) {
  LimitRegistry registry(1);
  const BucketSpec spec{1, 10, kSecond};
  const Bucket* held = registry.hold("held", spec, 0);
  const Bucket* first = registry.hold("first", spec, 0);
  registry.let_go(first);
  // It comes back with its level while there is room.
  EXPECT_EQ(registry.hold("first", spec, 0), first);
  registry.let_go(first);
  for (size_t i = 0; i < 3 * LimitRegistry::kMaxIdle; ++i) {
    const std::string id = "n" + std::to_string(i);
    registry.let_go(registry.hold(id, spec, 0));
  }
  EXPECT_EQ(registry.size(), LimitRegistry::kMaxIdle + 1);
  EXPECT_EQ(registry.find("held"), held);
  EXPECT_EQ(registry.find("first"), nullptr);
  registry.let_go(held);
}

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
