#include "limit/limit_set.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace weir {
namespace {

constexpr Nanos kSecond = 1'000'000'000;

TEST(LimitSet, AllPassOrNothingIsTaken) {
  Bucket tenant(2, {1, 10, kSecond}, 0), tokens(2, {1, 1000, kSecond}, 0);
  Bucket model(2, {1, 2, kSecond}, 0);
  LimitSet set;
  EXPECT_EQ(set.take_all(0, 5, 0), LimitSet::kPassed);
  set.add({&tenant, BucketScope::kTenant, BucketUnit::kRequests});
  set.add({&tokens, BucketScope::kTenant, BucketUnit::kTokens});
  set.add({&model, BucketScope::kModel, BucketUnit::kRequests});
  EXPECT_EQ(set.smallest_token_capacity(), 1000);
  EXPECT_EQ(set.take_all(0, 100, 0), LimitSet::kPassed);
  EXPECT_EQ(set.take_all(1, 100, 0), LimitSet::kPassed);
  EXPECT_EQ(set.take_all(0, 100, 0), 2);
  EXPECT_EQ(set[2].scope, BucketScope::kModel);
  EXPECT_EQ(tenant.level(0), 8);
  EXPECT_EQ(tokens.level(0), 800);
  set.refund_all(0, 100, 0);
  EXPECT_EQ(set.take_all(0, 901, 0), 1);
  EXPECT_EQ(tenant.level(0), 9);
  set.settle_all(1, 100, 150, 0);
  EXPECT_EQ(tokens.level(0), 850);
  EXPECT_EQ(model.level(0), 1);
}

TEST(LimitSet, NoTokenBucketMeansNoBound) {
  Bucket tenant(1, {1, 10, kSecond}, 0);
  LimitSet set;
  set.add({&tenant, BucketScope::kTenant, BucketUnit::kRequests});
  EXPECT_EQ(set.smallest_token_capacity(), LimitSet::kNoTokens);
  EXPECT_FALSE(set.counts_tokens());
  set.add({&tenant, BucketScope::kTenant, BucketUnit::kTokens});
  EXPECT_TRUE(set.counts_tokens());
  EXPECT_EQ(set.smallest_token_capacity(), 10);
  set.clear();
  EXPECT_FALSE(set.counts_tokens());
}

// Two buckets of different size, asked by all cores: the smaller is used up exactly, and the other
// lost as much and no more.
TEST(LimitSet, ThreadsLeaveNothingBehindInTheOthers) {
  constexpr uint32_t kThreads = 4;
  constexpr int64_t kSmall = 3000, kLarge = 100'000;
  Bucket large(kThreads, {0, kLarge, kSecond}, 0), small(kThreads, {0, kSmall, kSecond}, 0);
  LimitSet set;
  set.add({&large, BucketScope::kTenant, BucketUnit::kRequests});
  set.add({&small, BucketScope::kModel, BucketUnit::kTokens});
  std::atomic<int64_t> admitted{0};
  std::vector<std::thread> threads;
  for (uint32_t core = 0; core < kThreads; ++core) {
    threads.emplace_back([&, core] {
      int64_t own = 0;
      for (int i = 0; i < 4000; ++i) own += set.take_all(core, 1, 1) == LimitSet::kPassed ? 1 : 0;
      admitted.fetch_add(own);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admitted.load(), kSmall);
  EXPECT_EQ(small.level(1), 0);
  EXPECT_EQ(large.level(1), kLarge - kSmall);
}

}  // namespace
}  // namespace weir
