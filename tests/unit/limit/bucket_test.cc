// Goal: a bucket is exact. Method: rules one by one; random calls on simulated cores held against
// a plain bucket; and real threads, where only the sums can be told.
#include "limit/bucket.h"

#include <gtest/gtest.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "tests/model/plain_bucket.h"

namespace weir {
namespace {

constexpr Nanos kSecond = 1'000'000'000;

// Every lease is light, from its first take on.
struct LightPlatform : ThreadPlatform {
  static constexpr uint32_t kHotTakes = 0;
};
using LightBucket = BasicBucket<LightPlatform>;

bool may_fence() { return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0; }

// In a process of its own, as one that has asked once is never new again.
TEST(Bucket, AsksForTheHeavyFenceWhenItIsMade) {
  const long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
  if (commands < 0 || (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0) {
    GTEST_SKIP() << "this system has no membarrier";
  }
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto make_one = [] {
    const bool before = may_fence();
    const Bucket bucket(1, {1, 1, kSecond}, 0);
    std::exit(!before && may_fence() ? 0 : 1);
  };
  EXPECT_EXIT(make_one(), testing::ExitedWithCode(0), "");
}

TEST(Bucket, StartsFullAndRefillsInWholeSteps) {
  Bucket bucket(2, {3, 10, kSecond}, 500);
  EXPECT_TRUE(bucket.take(0, 8, 500));
  EXPECT_EQ(bucket.level(500 + kSecond - 1), 2);
  EXPECT_EQ(bucket.level(500 + kSecond), 5);
  EXPECT_EQ(bucket.level(500 + 2 * kSecond), 8);
  EXPECT_EQ(bucket.level(500 + 9 * kSecond), 10);
}

TEST(Bucket, RefusesWhatItDoesNotHold) {
  Bucket bucket(2, {1, 10, kSecond}, 0);
  EXPECT_TRUE(bucket.take(0, 7, 1));
  EXPECT_TRUE(bucket.would_refuse(1, 4, 1));
  EXPECT_FALSE(bucket.would_refuse(1, 3, 1));
  EXPECT_FALSE(bucket.take(1, 4, 1));
  EXPECT_TRUE(bucket.take(1, 3, 1));
  EXPECT_FALSE(bucket.take(0, 1, 1));
}

TEST(Bucket, ATakeAfterTheIntervalDoesNotUseAnOldLease) {
  Bucket bucket(2, {1000, 1000, kSecond}, 0);
  EXPECT_TRUE(bucket.take(0, 1, 1));  // leases some to core 0
  EXPECT_TRUE(bucket.take(0, 1, kSecond));
  EXPECT_EQ(bucket.level(kSecond), 999);
}

TEST(Bucket, ALeaseIsCalledBackBeforeARefusal) {
  Bucket bucket(4, {0, 1000, kSecond}, 0);
  for (uint32_t core = 0; core < 3; ++core) EXPECT_TRUE(bucket.take(core, 1, 1));
  EXPECT_TRUE(bucket.take(3, 997, 1));
  EXPECT_FALSE(bucket.take(0, 1, 1));
}

TEST(Bucket, MoreThanTheCapacityIsGivenByAFullBucketOnly) {
  Bucket bucket(2, {10, 100, kSecond}, 0);
  EXPECT_TRUE(bucket.take(0, 1, 0));
  EXPECT_FALSE(bucket.take(1, 150, 0));
  bucket.give_back(0, 1, 0);
  EXPECT_TRUE(bucket.take(1, 150, 0));
  EXPECT_EQ(bucket.level(0), -50);
  EXPECT_FALSE(bucket.take(0, 0, 0));
  EXPECT_EQ(bucket.fit_ns(-50, 150, 0), 15 * kSecond);
  EXPECT_TRUE(bucket.take(1, 150, 15 * kSecond));
}

TEST(Bucket, SettlesWithDebtOrRefund) {
  Bucket bucket(2, {10, 1000, kSecond}, 0);
  EXPECT_TRUE(bucket.take(0, 100, 0));
  bucket.settle(0, 100, 40, 0);
  EXPECT_EQ(bucket.level(0), 960);
  EXPECT_TRUE(bucket.take(0, 100, 0));
  bucket.settle(0, 100, 1000, 0);
  EXPECT_EQ(bucket.level(0), -40);
  EXPECT_FALSE(bucket.take(1, 1, 3 * kSecond));
  EXPECT_TRUE(bucket.take(1, 1, 5 * kSecond));
}

TEST(Bucket, GivesBackNoMoreThanTheCapacity) {
  Bucket bucket(2, {1000, 1000, kSecond}, 0);
  EXPECT_TRUE(bucket.take(0, 100, 0));
  bucket.give_back(0, 100, kSecond);
  EXPECT_EQ(bucket.level(kSecond), 1000);
  // What another core spent in this interval is made up for by an old refund only once.
  EXPECT_TRUE(bucket.take(0, 100, kSecond));
  bucket.give_back(1, 100, kSecond);
  bucket.give_back(0, 100, kSecond);
  EXPECT_EQ(bucket.level(kSecond), 1000);
}

TEST(Bucket, ZeroCapacityAdmitsNothingAndZeroAmountNeverRefills) {
  Bucket none(2, {5, 0, kSecond}, 0);
  EXPECT_FALSE(none.take(0, 1, 9 * kSecond));
  EXPECT_EQ(none.fit_ns(0, 1, 0), Bucket::kNever);
  Bucket once(2, {0, 2, kSecond}, 0);
  EXPECT_TRUE(once.take(0, 2, 0));
  EXPECT_FALSE(once.take(0, 1, 1000 * kSecond));
  EXPECT_EQ(once.fit_ns(0, 1, 0), Bucket::kNever);
}

TEST(Bucket, TellsWhenMoreWillFit) {
  Bucket bucket(2, {3, 10, kSecond}, 0);
  EXPECT_EQ(bucket.next_refill_ns(kSecond / 4), kSecond * 3 / 4);
  EXPECT_EQ(bucket.next_refill_ns(7 * kSecond / 2), kSecond / 2);
  EXPECT_EQ(bucket.fit_ns(10, 10, 0), 0u);
  EXPECT_EQ(bucket.fit_ns(0, 3, kSecond / 4), kSecond * 3 / 4);
  EXPECT_EQ(bucket.fit_ns(0, 4, kSecond / 4), kSecond * 7 / 4);
  EXPECT_EQ(bucket.fit_ns(-2, 2, 0), 2 * kSecond);
}

TEST(Bucket, ReconfiguringKeepsTheSmallerOfLevelAndCapacity) {
  Bucket bucket(2, {3, 1000, kSecond}, 0);
  EXPECT_TRUE(bucket.take(0, 100, 0));
  bucket.reconfigure({3, 5000, kSecond}, 0);
  EXPECT_EQ(bucket.level(0), 900);
  bucket.reconfigure({3, 500, kSecond}, 0);
  EXPECT_EQ(bucket.level(0), 500);
  bucket.give_back(0, 100, 0);
  EXPECT_EQ(bucket.level(0), 500);
  bucket.reconfigure({7, 800, 2 * kSecond}, kSecond / 2);
  EXPECT_EQ(bucket.next_refill_ns(kSecond), 3 * kSecond / 2);
  EXPECT_EQ(bucket.level(kSecond * 5 / 2), 507);
  EXPECT_EQ(bucket.spec(), (BucketSpec{7, 800, 2 * kSecond}));
}

TEST(Bucket, HostileNumbersStayInBounds) {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  Bucket bucket(1, {kHuge, kHuge, std::numeric_limits<uint64_t>::max()}, 0);
  EXPECT_EQ(bucket.level(0), BucketSpec::kMaxTokens);
  for (int i = 0; i < 10; ++i) bucket.settle(0, 0, kHuge, 0);
  EXPECT_EQ(bucket.level(0), BucketSpec::kMaxTokens - 10 * Bucket::kMaxTake);
  bucket.give_back(0, kHuge, 0);
  EXPECT_LE(bucket.level(0), BucketSpec::kMaxTokens);
}

TEST(Bucket, TheHintIsBehindByWhatOthersTookFromTheirPresentLeases) {
  Bucket bucket(2, {7, 10'000, kSecond}, 0);
  EXPECT_EQ(bucket.level_hint(0, 0), 10'000);
  for (int64_t i = 1; i < 1000; ++i) {
    EXPECT_TRUE(bucket.take(0, 1, 0));
    EXPECT_EQ(bucket.level_hint(0, 0), 10'000 - i);
  }
  EXPECT_TRUE(bucket.take(1, 1, 0));
  EXPECT_EQ(bucket.level_hint(0, 0), 9'000);
  EXPECT_TRUE(bucket.take(1, 1, 0));
  EXPECT_EQ(bucket.level_hint(0, 0), 9'000);
  EXPECT_GE(bucket.level_hint(1, 0), 8'999);
  EXPECT_LE(bucket.level_hint(1, 0), 8'999 + Bucket::kLeaseTakes);
  EXPECT_EQ(bucket.level(0), 8'999);
  EXPECT_EQ(bucket.level_hint(0, 0), 8'999);
  EXPECT_EQ(bucket.level_hint(0, 2 * kSecond), 9'013);
}

// Random calls, one at a time, by cores that a seed chooses: the same answers as a plain bucket.
template <typename Kind>
void compare(uint64_t seed, Leases leases) {
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto below = [&](int64_t n) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
  };
  const auto cores = static_cast<uint32_t>(1 + below(8));
  const auto any_spec = [&] {
    const int64_t capacity = below(4) == 0 ? below(30) : below(20'000);
    const auto seconds = static_cast<uint64_t>(1 + below(3));
    return BucketSpec{below(capacity + 10), capacity, seconds * kSecond};
  };
  BucketSpec spec = any_spec();
  Nanos now = static_cast<Nanos>(below(1'000'000));
  Kind bucket(cores, spec, now, leases);
  PlainBucket plain(spec, now);
  const int64_t largest = 1 + below(spec.capacity / 20 + 2);
  for (int i = 0; i < 3000; ++i) {
    const auto core = static_cast<uint32_t>(below(10) < 7 ? 0 : below(cores));
    if (below(50) == 0) now += static_cast<Nanos>(below(3 * kSecond));
    plain.tick(now);
    const int64_t n = below(200) == 0 ? below(2 * spec.capacity + 1) : below(largest + 1);
    switch (below(8)) {
      case 0: bucket.give_back(core, n, now); plain.give_back(n); break;
      case 1: {
        const int64_t used = below(n + n / 4 + 2);
        bucket.settle(core, n, used, now);
        plain.settle(n, used);
        break;
      }
      case 2:
        if (below(100) == 0) {
          spec = any_spec();
          bucket.reconfigure(spec, now);
          plain.reconfigure(spec, now);
        } else if (below(20) == 0) {
          ASSERT_EQ(bucket.level(now), plain.level) << "call " << i;
        }
        break;
      default: {
        const bool refuse = bucket.would_refuse(core, n, now);
        const bool given = plain.take(n);
        ASSERT_EQ(bucket.take(core, n, now), given) << "call " << i;
        ASSERT_FALSE(refuse && given) << "call " << i;
      }
    }
  }
  EXPECT_EQ(bucket.level(now), plain.level);
}

TEST(BucketRandom, DoesWhatAPlainBucketDoes) {
  const uint64_t first = std::random_device{}();
  for (uint64_t seed = first; seed < first + 60; ++seed) {
    compare<Bucket>(seed, seed % 4 == 0 ? Leases::kOff : Leases::kOn);
    compare<LightBucket>(seed, Leases::kOn);
    if (HasFatalFailure()) return;
  }
}

template <typename Body>
void run_threads(uint32_t count, const Body& body) {
  std::vector<std::thread> threads;
  std::atomic<uint32_t> ready{0};
  for (uint32_t core = 0; core < count; ++core) {
    threads.emplace_back([&, core] {
      ready.fetch_add(1);
      while (ready.load() < count) std::this_thread::yield();
      body(core);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

constexpr uint32_t kThreads = 8;

template <typename Kind>
class BucketThreads : public ::testing::Test {};
using Kinds = ::testing::Types<Bucket, LightBucket>;
TYPED_TEST_SUITE(BucketThreads, Kinds);

// 64 clients on 8 cores, each asking until it was refused ten times.
template <typename Kind>
int64_t admitted_of(int64_t capacity, bool crowded) {
  Kind bucket(kThreads, {0, capacity, kSecond}, 0);
  std::atomic<int64_t> admitted{0};
  run_threads(kThreads, [&](uint32_t core) {
    // 45 of 64 clients are on core 0 when it is crowded.
    const int clients = !crowded ? 8 : core == 0 ? 45 : core <= 5 ? 3 : 2;
    int64_t own = 0;
    for (int refused = 0; refused < 10 * clients;) {
      if (bucket.take(core, 1, 1)) {
        ++own;
      } else {
        ++refused;
      }
    }
    admitted.fetch_add(own);
  });
  EXPECT_EQ(bucket.level(1), 0);
  return admitted.load();
}

TYPED_TEST(BucketThreads, AdmitExactlyTheCapacity) {
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(admitted_of<TypeParam>(1000, false), 1000);
    EXPECT_EQ(admitted_of<TypeParam>(1000, true), 1000);
  }
}

// Takes, refunds and debt by all cores while the control thread looks and reconfigures: nothing is
// lost and nothing made.
TYPED_TEST(BucketThreads, ConserveTokens) {
  constexpr int64_t kCapacity = 200'000;
  TypeParam bucket(kThreads + 1, {0, kCapacity, kSecond}, 0);
  std::atomic<int64_t> used{0};
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  run_threads(kThreads + 1, [&](uint32_t core) {
    std::mt19937_64 random(seed + core);
    if (core == kThreads) {
      for (int i = 0; i < 200; ++i) {
        EXPECT_LE(bucket.level(1), kCapacity);
        bucket.reconfigure({0, kCapacity + i % 2, kSecond}, 1);
      }
      return;
    }
    int64_t own = 0;
    for (int i = 0; i < 5000; ++i) {
      const auto wanted = static_cast<int64_t>(random() % 20);
      if (!bucket.take(core, wanted, 1)) continue;
      const auto actual = static_cast<int64_t>(random() % 24);
      bucket.settle(core, wanted, actual, 1);
      own += actual;
    }
    used.fetch_add(own);
  });
  EXPECT_EQ(bucket.level(1), kCapacity - used.load());
}

// Intervals end while all cores take: no more than the capacity and one amount for each interval.
TYPED_TEST(BucketThreads, RefillsOnce) {
  constexpr int64_t kAmount = 300, kCapacity = 500, kIntervals = 50;
  TypeParam bucket(kThreads, {kAmount, kCapacity, kSecond}, 0);
  std::atomic<int64_t> admitted{0};
  run_threads(kThreads, [&](uint32_t core) {
    int64_t own = 0;
    for (uint64_t interval = 0; interval <= kIntervals; ++interval) {
      while (bucket.take(core, 1, interval * kSecond + core)) ++own;
    }
    admitted.fetch_add(own);
  });
  EXPECT_EQ(bucket.level(kIntervals * kSecond), 0);
  EXPECT_LE(admitted.load(), kCapacity + kIntervals * kAmount);
  EXPECT_GE(admitted.load(), kCapacity);
}

}  // namespace
}  // namespace weir
