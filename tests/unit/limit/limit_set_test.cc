#include "limit/limit_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "tests/model/plain_bucket.h"

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

// Its lease, which is looked at once for each entry, may serve the first alone.
TEST(LimitSet, ABucketThatIsThereTwiceGivesTwice) {
  constexpr int64_t kCapacity = 100'000, kTokens = 7;
  Bucket bucket(1, {0, kCapacity, kSecond}, 0);
  LimitSet set;
  set.add({&bucket, BucketScope::kTenant, BucketUnit::kTokens});
  set.add({&bucket, BucketScope::kModel, BucketUnit::kTokens});
  int64_t admitted = 0;
  while (set.take_all(0, kTokens, 0) == LimitSet::kPassed) ++admitted;
  EXPECT_EQ(admitted, kCapacity / (2 * kTokens));
  EXPECT_EQ(bucket.level(0), kCapacity % (2 * kTokens));
}

// Random buckets, of which some are scarce, and plain ones that are asked for the same.
struct Twins {
  std::deque<Bucket> buckets;
  std::vector<PlainBucket> plain;
  LimitSet set;

  template <typename Below>
  Twins(uint32_t cores, const Below& below) {
    const int64_t count = 1 + below(int64_t{LimitSet::kMax});
    for (int64_t i = 0; i < count; ++i) {
      const int64_t capacity = below(3) == 0 ? 1 + below(500) : 5'000 + below(100'000);
      const BucketSpec spec{1 + below(capacity), capacity, kSecond};
      buckets.emplace_back(cores, spec, 0);
      plain.emplace_back(spec, 0);
      set.add({&buckets.back(), BucketScope::kTenant, BucketUnit{static_cast<uint8_t>(below(2))}});
    }
  }
  [[nodiscard]] int64_t cost(size_t i, int64_t tokens) const {
    return set[i].unit == BucketUnit::kRequests ? 1 : tokens;
  }
  [[nodiscard]] bool plain_gives(size_t i, int64_t tokens) const {
    PlainBucket copy = plain[i];
    return copy.take(cost(i, tokens));
  }
  void plain_settle(int64_t reserved, int64_t actual) {
    for (size_t i = 0; i < plain.size(); ++i) {
      if (set[i].unit == BucketUnit::kTokens) plain[i].settle(reserved, actual);
    }
  }
  void plain_refund(int64_t tokens) {
    for (size_t i = 0; i < plain.size(); ++i) plain[i].give_back(cost(i, tokens));
  }
  void take(uint32_t core, int64_t tokens, Nanos now) {
    bool all = true;
    for (size_t i = 0; i < plain.size(); ++i) {
      plain[i].tick(now);
      all = all && plain_gives(i, tokens);
    }
    const int at = set.take_all(core, tokens, now);
    ASSERT_EQ(at == LimitSet::kPassed, all);
    if (!all) {
      // Which of those that refuse is named depends on what one look can tell.
      ASSERT_FALSE(plain_gives(static_cast<size_t>(at), tokens));
      return;
    }
    for (size_t i = 0; i < plain.size(); ++i) ASSERT_TRUE(plain[i].take(cost(i, tokens)));
  }
};

TEST(LimitSet, DoesWhatPlainBucketsDo) {
  constexpr uint32_t kCores = 4;
  const uint64_t first = std::random_device{}();
  for (uint64_t seed = first; seed < first + 100; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const auto below = [&random](int64_t n) {
      return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
    };
    Twins twins(kCores, below);
    Nanos now = 0;
    for (int i = 0; i < 2000; ++i) {
      // Mostly one core, so that it has leases.
      const auto core = static_cast<uint32_t>(below(10) < 7 ? 0 : below(kCores));
      if (below(100) == 0) now += static_cast<Nanos>(below(2 * kSecond));
      const int64_t tokens = below(100);
      twins.take(core, tokens, now);
      if (HasFatalFailure()) return;
      if (below(4) == 0) {
        twins.set.refund_all(core, tokens, now);
        twins.plain_refund(tokens);
      } else {
        const int64_t actual = below(tokens + tokens / 4 + 2);
        twins.set.settle_all(core, tokens, actual, now);
        twins.plain_settle(tokens, actual);
      }
    }
    for (size_t i = 0; i < twins.plain.size(); ++i) {
      ASSERT_EQ(twins.buckets[i].level(now), twins.plain[i].level) << "bucket " << i;
    }
  }
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
