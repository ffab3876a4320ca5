#include "route/health.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "route_fixture.h"

namespace weir {
namespace {

using Admission = TargetHealth::Admission;
using Attempt = TargetHealth::Attempt;

constexpr Attempt kProbe{0, true};
constexpr uint32_t kBase = 1000;

void fail(TargetHealth& health, Millis now, int64_t retry_after_ms = -1) {
  health.on_fault({now, false}, Fault::kTarget, kBase, retry_after_ms, now);
}

void fail_probe(TargetHealth& health, Millis now, int64_t retry_after_ms = -1) {
  health.on_fault({now, true}, Fault::kTarget, kBase, retry_after_ms, now);
}

TEST(TargetHealth, IsOpenToAllUntilAFault) {
  TargetHealth health;
  EXPECT_EQ(health.admit(0), Admission::kOpen);
  health.on_success({0, false});
  EXPECT_EQ(health.admit(5), Admission::kOpen);
  EXPECT_EQ(health.suspensions(), 0u);
}

TEST(TargetHealth, AFaultSuspendsForTheDurationThenOneProbes) {
  TargetHealth health;
  fail(health, 100);
  EXPECT_EQ(health.open_until(), 1100u);
  EXPECT_EQ(health.admit(100), Admission::kSuspended);
  EXPECT_EQ(health.admit(1099), Admission::kSuspended);
  EXPECT_EQ(health.admit(1100), Admission::kProbe);
  EXPECT_TRUE(health.probe_held(1100));
  EXPECT_EQ(health.admit(1100), Admission::kSuspended);
  EXPECT_FALSE(health.force_probe(1100));
  health.on_success({1100, true});
  EXPECT_EQ(health.admit(1101), Admission::kOpen);
  EXPECT_EQ(health.strikes(), 0u);
  EXPECT_EQ(health.open_until(), 0u);
}

TEST(TargetHealth, OnlyFaultsOfTheTargetSuspend) {
  for (const Fault fault : {Fault::kNone, Fault::kRequest, Fault::kClient, Fault::kGateway}) {
    TargetHealth health;
    health.on_fault({0, false}, fault, kBase, 5000, 0);
    EXPECT_EQ(health.admit(0), Admission::kOpen);
    EXPECT_EQ(health.last_fault(), Fault::kNone);
  }
  for (const Fault fault :
       {Fault::kTarget, Fault::kTimeout, Fault::kRateLimit, Fault::kCredential}) {
    TargetHealth health;
    health.on_fault({0, false}, fault, kBase, -1, 0);
    EXPECT_EQ(health.admit(0), Admission::kSuspended);
    EXPECT_EQ(health.last_fault(), fault);
  }
}

TEST(TargetHealth, ProbesThatFailDoubleTheDurationUpToTheLimit) {
  TargetHealth health;
  fail(health, 0);
  Millis now = 0;
  const std::vector<Millis> expected = {1000,  2000,   4000,   8000,   16000, 32000,
                                        64000, 128000, 256000, 300000, 300000};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(health.open_until() - now, expected[i]);
    EXPECT_EQ(health.strikes(), i + 1);
    now = health.open_until();
    ASSERT_EQ(health.admit(now), Admission::kProbe);
    fail_probe(health, now);
  }
  ASSERT_EQ(health.admit(health.open_until()), Admission::kProbe);
  health.on_success(kProbe);
  fail(health, now + 400'000);
  EXPECT_EQ(health.open_until(), now + 401'000);
}

TEST(TargetHealth, ADurationBeyondTheLimitIsKeptAndNotDoubled) {
  TargetHealth health;
  health.on_fault({0, false}, Fault::kTarget, 600'000, -1, 0);
  EXPECT_EQ(health.open_until(), 600'000u);
  ASSERT_EQ(health.admit(600'000), Admission::kProbe);
  health.on_fault({600'000, true}, Fault::kTarget, 600'000, -1, 600'000);
  EXPECT_EQ(health.open_until(), 1'200'000u);
}

TEST(TargetHealth, RetryAfterIsAFloor) {
  TargetHealth health;
  fail(health, 0, 5000);
  EXPECT_EQ(health.open_until(), 5000u);
  ASSERT_EQ(health.admit(5000), Admission::kProbe);
  fail_probe(health, 5000, 10);
  EXPECT_EQ(health.open_until(), 7000u);
  // Of an attempt that was under way it counts as well, but never to shorten.
  fail(health, 5100, 60'000);
  EXPECT_EQ(health.open_until(), 65'100u);
  fail(health, 5200, 100);
  EXPECT_EQ(health.open_until(), 65'100u);
  EXPECT_EQ(health.strikes(), 2u);
}

TEST(TargetHealth, AnAbsurdRetryAfterIsBounded) {
  TargetHealth health;
  fail(health, 10, INT64_MAX);
  EXPECT_EQ(health.open_until(), 10u + TargetHealth::kMaxRetryAfterMs);
}

TEST(TargetHealth, FaultsOfAttemptsUnderWayNeitherExtendNorDouble) {
  TargetHealth health;
  fail(health, 100);
  health.on_fault({50, false}, Fault::kTimeout, kBase, -1, 700);
  EXPECT_EQ(health.open_until(), 1100u);
  // Also when the time is over and a probe is under way: the probe stays claimed.
  ASSERT_EQ(health.admit(1100), Admission::kProbe);
  health.on_fault({50, false}, Fault::kTimeout, kBase, -1, 1200);
  EXPECT_EQ(health.strikes(), 1u);
  EXPECT_TRUE(health.probe_held(1200));
  health.on_success({1100, true});
  // And after the target has recovered.
  health.on_fault({50, false}, Fault::kTimeout, kBase, -1, 1300);
  EXPECT_EQ(health.admit(1300), Admission::kOpen);
  // An attempt that began after the recovery counts.
  health.on_fault({1250, false}, Fault::kTimeout, kBase, -1, 1400);
  EXPECT_EQ(health.open_until(), 2400u);
  EXPECT_EQ(health.strikes(), 1u);
}

TEST(TargetHealth, ASuccessOfAnAttemptUnderWayDoesNotClose) {
  TargetHealth health;
  fail(health, 100);
  health.on_success({50, false});
  EXPECT_EQ(health.admit(200), Admission::kSuspended);
}

TEST(TargetHealth, ZeroDurationRemembersNothing) {
  TargetHealth health;
  health.on_fault({0, false}, Fault::kRateLimit, 0, 60'000, 0);
  EXPECT_EQ(health.admit(0), Admission::kOpen);
  EXPECT_EQ(health.suspensions(), 0u);
  // A probe is given back all the same.
  fail(health, 10);
  ASSERT_EQ(health.admit(1010), Admission::kProbe);
  health.on_fault({1010, true}, Fault::kTarget, 0, -1, 1020);
  EXPECT_EQ(health.admit(1020), Admission::kProbe);
}

TEST(TargetHealth, AForcedProbeThatFailsMovesTheEndWithoutAStrike) {
  TargetHealth health;
  fail(health, 0);
  for (Millis now = 100; now < 900; now += 100) {
    ASSERT_TRUE(health.force_probe(now));
    EXPECT_FALSE(health.force_probe(now));
    fail_probe(health, now + 10);
    EXPECT_EQ(health.open_until(), now + 1010);
    EXPECT_EQ(health.strikes(), 1u);
  }
}

TEST(TargetHealth, AProbeThatNeverReportsExpires) {
  TargetHealth health;
  fail(health, 0);
  ASSERT_EQ(health.admit(1000), Admission::kProbe);
  EXPECT_EQ(health.admit(1000 + TargetHealth::kProbeLifeMs - 1), Admission::kSuspended);
  EXPECT_EQ(health.admit(1000 + TargetHealth::kProbeLifeMs), Admission::kProbe);
  EXPECT_EQ(health.admit(1001 + TargetHealth::kProbeLifeMs), Admission::kSuspended);
}

TEST(TargetHealth, AnAbandonedProbeIsFreeAgain) {
  TargetHealth health;
  fail(health, 0);
  ASSERT_EQ(health.admit(1000), Admission::kProbe);
  health.probe_abandoned();
  EXPECT_EQ(health.admit(1000), Admission::kProbe);
  health.on_fault({1000, true}, Fault::kRequest, kBase, -1, 1000);
  EXPECT_EQ(health.strikes(), 1u);
  EXPECT_EQ(health.admit(1000), Admission::kProbe);
}

TEST(TargetHealth, ClearForgets) {
  TargetHealth health;
  fail(health, 0, 100'000);
  health.clear();
  EXPECT_EQ(health.admit(1), Admission::kOpen);
  EXPECT_EQ(health.strikes(), 0u);
  EXPECT_EQ(health.last_fault(), Fault::kNone);
}

// What the header promises, told as plainly as possible, for one thread.
struct Oracle {
  bool closed = true;
  Millis until = 0, opened = 0, claimed = 0;
  uint32_t strikes = 0;
  bool held = false;

  bool claimable(Millis now) const {
    return !held || now >= claimed + TargetHealth::kProbeLifeMs;
  }
  Admission admit(Millis now) {
    if (closed) return Admission::kOpen;
    if (now < until || !claimable(now)) return Admission::kSuspended;
    held = true;
    claimed = now;
    return Admission::kProbe;
  }
  bool force(Millis now) {
    if (!claimable(now)) return false;
    held = true;
    claimed = now;
    return true;
  }
  void succeed(Attempt attempt) {
    if (!attempt.probe) return;
    closed = true;
    held = false;
    strikes = 0;
  }
  void fault(Attempt attempt, uint32_t base, int64_t retry, Millis now) {
    const Millis floor = retry > 0 ? now + static_cast<Millis>(retry) : 0;
    if (base != 0 && (attempt.probe || (closed && attempt.started >= opened))) {
      const bool strike = closed || now >= until;
      if (strike) ++strikes;
      Millis duration = base;
      for (uint32_t i = 1; i < strikes && duration < 300'000; ++i) duration *= 2;
      const Millis end = now + std::min<Millis>(duration, 300'000);
      until = std::max({closed ? 0 : until, end, floor});
      closed = false;
      opened = now;
    } else if (base != 0 && !closed) {
      until = std::max(until, floor);
    }
    if (attempt.probe) held = false;
  }
};

TEST(TargetHealth, FollowsTheOracleThroughRandomHistories) {
  std::mt19937_64 random(test_seed());
  for (int history = 0; history < 300; ++history) {
    TargetHealth health;
    Oracle oracle;
    std::vector<Attempt> running;
    Millis now = random_below(random, 3);
    for (int step = 0; step < 200; ++step) {
      now += random_below(random, 4) == 0 ? random_below(random, 20'000) : random_below(random, 30);
      if (running.empty() || random_below(random, 2) == 0) {
        const Admission admission = oracle.admit(now);
        ASSERT_EQ(health.admit(now), admission) << "step " << step;
        if (admission != Admission::kSuspended) {
          running.push_back({now, admission == Admission::kProbe});
        } else if (random_below(random, 3) == 0) {
          const bool forced = oracle.force(now);
          ASSERT_EQ(health.force_probe(now), forced) << "step " << step;
          if (forced) running.push_back({now, true});
        }
        continue;
      }
      const size_t at = random_below(random, running.size());
      const Attempt attempt = running[at];
      running.erase(running.begin() + static_cast<int64_t>(at));
      if (random_below(random, 3) == 0) {
        oracle.succeed(attempt);
        health.on_success(attempt);
      } else {
        const uint32_t base = random_below(random, 10) == 0 ? 0 : 500;
        const int64_t retry = static_cast<int64_t>(random_below(random, 4000)) - 2000;
        oracle.fault(attempt, base, retry, now);
        health.on_fault(attempt, Fault::kTarget, base, retry, now);
      }
      ASSERT_EQ(health.open_until() == 0, oracle.closed) << "step " << step;
      ASSERT_EQ(health.strikes(), oracle.closed ? 0 : oracle.strikes) << "step " << step;
      if (!oracle.closed) {
        ASSERT_EQ(health.open_until(), oracle.until) << "step " << step;
      }
    }
  }
}

// Goal: one probe at a time over all cores, and a circuit that always closes again.
// Method: threads admit and report at will. Time moves only while no probe is out, so no probe can
// expire; then two holders at once are a fault.
TEST(TargetHealth, OnlyOneCoreProbesAtATime) {
  constexpr int kThreads = 4;
  constexpr uint32_t kProbes = 2000;
  TargetHealth health;
  std::atomic<Millis> clock{1};
  std::atomic<int> holders{0};
  std::atomic<int> most{0};
  std::atomic<uint32_t> probes{0};
  const auto on_probe = [&](uint32_t number, Millis now) {
    const int mine = holders.fetch_add(1) + 1;
    int seen = most.load();
    while (seen < mine && !most.compare_exchange_weak(seen, mine)) {
    }
    std::this_thread::yield();
    holders.fetch_sub(1);
    if (number % 3 == 0) return health.on_success({now, true});
    if (number % 3 == 1) return health.probe_abandoned();
    health.on_fault({now, true}, Fault::kTarget, 2, -1, clock.load());
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      while (probes.load() < kProbes) {
        Millis now = clock.load();
        switch (health.admit(now)) {
          case Admission::kOpen:
            health.on_fault({now, false}, Fault::kTarget, 2, -1, now);
            break;
          case Admission::kProbe: on_probe(probes.fetch_add(1), now); break;
          case Admission::kSuspended:
            if (!health.probe_held(now)) clock.compare_exchange_strong(now, now + 1);
            std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most.load(), 1);
  EXPECT_GE(probes.load(), kProbes);
  EXPECT_FALSE(health.probe_held(clock.load()));
}

}  // namespace
}  // namespace weir
