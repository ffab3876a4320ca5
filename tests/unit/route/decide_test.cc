#include "route/decide.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>

#include "route_fixture.h"

namespace weir {
namespace {

using Counts = std::vector<int64_t>;

TEST(Decide, SpreadsEquallyOnOneCore) {
  OneRoute one({1, 1, 1});
  EXPECT_EQ(one.count_picks(300, 0), (Counts{100, 100, 100}));
  OneRoute other({1, 1, 1});
  EXPECT_EQ(other.count_picks(25, 0), (Counts{9, 8, 8}));
}

TEST(Decide, KeepsWeights) {
  OneRoute one({5, 3, 1});
  EXPECT_EQ(one.count_picks(900, 0), (Counts{500, 300, 100}));
  OneRoute ignored({5, 3, 1}, Algorithm::kRoundRobin);
  EXPECT_EQ(ignored.count_picks(900, 0), (Counts{300, 300, 300}));
}

TEST(Decide, KeepsWeightsThatFitNoRing) {
  OneRoute one({500'000, 300'000, 100'001});
  ASSERT_TRUE(one.route().groups[0][0].ring.empty());
  const Counts counts = one.count_picks(9000, 0);
  // Within 1 for three targets.
  EXPECT_NEAR(static_cast<double>(counts[0]), 9000 * 500'000.0 / 900'001, 1.001);
  EXPECT_NEAR(static_cast<double>(counts[1]), 9000 * 300'000.0 / 900'001, 1.001);
  EXPECT_NEAR(static_cast<double>(counts[2]), 9000 * 100'001.0 / 900'001, 1.001);
}

TEST(Decide, CoresStartAtDifferentTargets) {
  std::set<uint16_t> first;
  for (uint32_t core = 0; core < 4; ++core) {
    OneRoute one({1, 1, 1, 1}, Algorithm::kRoundRobin, core, 4);
    first.insert(one.ask(0).value().index);
  }
  EXPECT_EQ(first.size(), 4u);
}

TEST(Decide, SharesWhatASuspendedTargetLeavesByWeight) {
  OneRoute one({1, 1, 1});
  one.suspend(0, 1000, 0);
  const Counts counts = one.count_picks(300, 10);
  EXPECT_EQ(counts[0], 0);
  EXPECT_NEAR(static_cast<double>(counts[1]), 150.0, 2.0);
  EXPECT_NEAR(static_cast<double>(counts[2]), 150.0, 2.0);
}

TEST(Decide, ReturnsToTheRingAfterASuspension) {
  OneRoute one({1, 1, 1});
  one.suspend(0, 1000, 0);
  static_cast<void>(one.count_picks(100, 10));
  std::expected<Pick, NoTarget> pick = one.ask(1000);
  while (!pick.value().probe) pick = one.ask(1000);
  EXPECT_EQ(pick->index, 0);
  // While the probe is out, nobody else goes there.
  EXPECT_EQ(one.count_picks(30, 1001)[0], 0);
  one.health(0).on_success({1000, true});
  EXPECT_EQ(one.count_picks(300, 1002), (Counts{100, 100, 100}));
}

TEST(Decide, RetriesLeaveTheTurnsOfFirstAttemptsAlone) {
  OneRoute plain({5, 3, 1});
  OneRoute busy({5, 3, 1});
  for (int i = 0; i < 500; ++i) {
    const uint16_t first = plain.ask(0).value().index;
    ASSERT_EQ(busy.ask(0).value().index, first);
    Tried tried;
    tried.set(first);
    const uint16_t second = busy.ask(0, tried).value().index;
    ASSERT_NE(second, first);
    tried.set(second);
    tried.set(busy.ask(0, tried).value().index);
    ASSERT_EQ(tried.count(), 3u);
    ASSERT_FALSE(busy.ask(0, tried));
  }
}

TEST(Decide, RetriesAreSpreadOverTheOthers) {
  OneRoute one({1, 1, 1});
  Counts counts(3, 0);
  const Tried tried(0b001);
  for (int i = 0; i < 100; ++i) ++counts[one.ask(0, tried).value().index];
  EXPECT_EQ(counts, (Counts{0, 50, 50}));
}

TEST(Decide, ARetryProbesOnlyWhenNothingHealthyIsLeft) {
  OneRoute one({1, 1, 1});
  one.suspend(1, 1000, 0);
  const Pick healthy = one.ask(2000, Tried(0b001)).value();
  EXPECT_EQ(healthy.index, 2);
  EXPECT_FALSE(healthy.probe);
  const Pick probe = one.ask(2000, Tried(0b101)).value();
  EXPECT_EQ(probe.index, 1);
  EXPECT_TRUE(probe.probe);
}

TEST(Decide, WhenAllAreSuspendedTheFirstToReturnIsTried) {
  OneRoute one({1, 1, 1});
  one.suspend(0, 3000, 0);
  one.suspend(1, 1000, 0);
  one.suspend(2, 2000, 0);
  const Pick pick = one.ask(100).value();
  EXPECT_EQ(pick.index, 1);
  EXPECT_TRUE(pick.probe);
  EXPECT_TRUE(pick.forced);
  // While it is tried, others try the next, one each; then the first again, beside its probe.
  EXPECT_EQ(one.ask(100).value().index, 2);
  EXPECT_EQ(one.ask(100).value().index, 0);
  const Pick beside = one.ask(100).value();
  EXPECT_EQ(beside.index, 1);
  EXPECT_FALSE(beside.probe);
  EXPECT_TRUE(beside.forced);
  // A second attempt does not force anything.
  one.health(2).probe_abandoned();
  const auto again = one.ask(100, Tried(0b010));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().retry_after_ms, 1900u);
}

TEST(Decide, RefusalsSayHowLongToWait) {
  OneRoute one({1, 1});
  one.suspend(0, 1000, 0);
  one.suspend(1, 60'000, 0);
  ASSERT_TRUE(one.ask(1000).value().probe);
  // The first is being probed, for an unknown time.
  EXPECT_EQ(one.ask(1000, Tried(0b010)).error().retry_after_ms, NoTarget::kProbeWaitMs);
  EXPECT_EQ(one.ask(1000, Tried(0b001)).error().retry_after_ms, 59'000u);
  EXPECT_EQ(one.ask(1000, Tried(0b011)).error().retry_after_ms, 0u);
}

TEST(Decide, RefusesAnEndpointThatNobodyServes) {
  OneRoute one({1});
  Route draft = one.route();
  draft.targets[0].heads[endpoint_index(Endpoint::kEmbeddings)].clear();
  one.publish(draft);
  EXPECT_TRUE(one.ask(0, {}, Endpoint::kChat));
  const auto refused = one.ask(0, {}, Endpoint::kEmbeddings);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry_after_ms, 0u);
}

// Goal: requests of one endpoint do not take turns away from those of another.
TEST(Decide, EndpointsTakeTurnsOfTheirOwn) {
  OneRoute one({1, 1});
  Counts chat(2, 0);
  Counts embeddings(2, 0);
  for (int i = 0; i < 100; ++i) {
    ++chat[one.ask(0, {}, Endpoint::kChat).value().index];
    ++embeddings[one.ask(0, {}, Endpoint::kEmbeddings).value().index];
  }
  EXPECT_EQ(chat, (Counts{50, 50}));
  EXPECT_EQ(embeddings, (Counts{50, 50}));
}

TEST(Decide, PrioritiesFallBackInOrder) {
  OneRoute one({1, 1, 1, 1});
  Route draft = one.route();
  draft.algorithm = Algorithm::kPriority;
  for (uint32_t i = 0; i < 4; ++i) draft.targets[i].priority = i / 2;
  one.publish(draft);
  EXPECT_EQ(one.count_picks(100, 0), (Counts{50, 50, 0, 0}));
  one.suspend(0, 1000, 0);
  EXPECT_EQ(one.count_picks(100, 10), (Counts{0, 100, 0, 0}));
  one.suspend(1, 2000, 0);
  EXPECT_EQ(one.count_picks(100, 10), (Counts{0, 0, 50, 50}));
  // The better group is probed as soon as it is due, although the other is healthy.
  const Pick probe = one.ask(1000).value();
  EXPECT_EQ(probe.index, 0);
  EXPECT_TRUE(probe.probe);
  EXPECT_GE(one.ask(1000).value().index, 2);
  // A request that failed in the better group goes on to the other.
  EXPECT_GE(one.ask(1000, Tried(0b0011)).value().index, 2);
}

TEST(Decide, LeastInflightFollowsTheCountsAndElseTheRing) {
  OneRoute one({1, 1, 1}, Algorithm::kLeastInflight);
  EXPECT_EQ(one.count_picks(30, 0), (Counts{10, 10, 10}));
  const auto begin = [&one](uint32_t target, int times) {
    for (int i = 0; i < times; ++i) one.core().inflight_begin(target);
  };
  begin(0, 5);
  begin(1, 2);
  begin(2, 3);
  EXPECT_EQ(one.count_picks(30, 0), (Counts{0, 30, 0}));
  one.suspend(1, 1000, 0);
  EXPECT_EQ(one.ask(0).value().index, 2);
  EXPECT_EQ(one.ask(0, Tried(0b100)).value().index, 0);
  // Probes come at once, whatever the load.
  EXPECT_TRUE(one.ask(1000).value().probe);
}

TEST(Decide, ANarrowedRequestNeverGetsWhatIsExcluded) {
  for (const Algorithm algorithm : {Algorithm::kRoundRobin, Algorithm::kWeightedRoundRobin,
                                    Algorithm::kLeastInflight, Algorithm::kPriority}) {
    OneRoute play({3, 2, 1}, algorithm);
    const Narrowing narrowing{.excluded = TargetSet(0b001)};
    std::vector<int> counts(3, 0);
    for (int i = 0; i < 300; ++i) ++counts[play.ask_narrowed(1, narrowing).value().index];
    EXPECT_EQ(counts[0], 0);
    // By credit the shares are exact; with nothing under way only chance spreads the requests.
    const bool by_credit =
        algorithm == Algorithm::kRoundRobin || algorithm == Algorithm::kWeightedRoundRobin;
    const int share = algorithm == Algorithm::kRoundRobin ? 150 : 200;
    EXPECT_NEAR(counts[1], share, by_credit ? 2 : share - 1);
    EXPECT_GT(counts[1], 0);
    EXPECT_GT(counts[2], 0);
    // Neither suspended ones that are due, nor forced ones, nor on further attempts.
    for (uint32_t i = 0; i < 3; ++i) play.suspend(i, 100, 1);
    EXPECT_TRUE(play.ask_narrowed(50, narrowing).value().forced);
    EXPECT_NE(play.ask_narrowed(50, narrowing).value().index, 0);
    EXPECT_NE(play.ask_narrowed(300, narrowing).value().index, 0);
    EXPECT_FALSE(play.ask_narrowed(300, narrowing, Tried(0b110)).has_value());
  }
}

TEST(Decide, NarrowedRequestsLeaveTheTurnsOfTheOthersAlone) {
  OneRoute alone({1, 1, 1});
  OneRoute mixed({1, 1, 1});
  const Narrowing narrowing{.excluded = TargetSet(0b010)};
  for (int i = 0; i < 30; ++i) {
    for (int more = 0; more < i % 3; ++more) {
      EXPECT_TRUE(mixed.ask_narrowed(1, narrowing).has_value());
    }
    EXPECT_EQ(mixed.ask(1).value().index, alone.ask(1).value().index);
  }
}

TEST(Decide, ANarrowingMayForbidForcedPicks) {
  OneRoute play({1, 1});
  for (uint32_t i = 0; i < 2; ++i) play.suspend(i, 100, 1);
  const auto none = play.ask_narrowed(50, Narrowing{.forced = false});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().retry_after_ms, 51u);
  EXPECT_TRUE(play.ask_narrowed(50, Narrowing{}).value().forced);
  EXPECT_FALSE(serves_without(play.route(), Endpoint::kChat, TargetSet(0b11)));
  EXPECT_TRUE(serves_without(play.route(), Endpoint::kChat, TargetSet(0b01)));
}

// A further attempt of a request, though the first at this route, does not take the ring's turn.
TEST(Decide, AFurtherAttemptElsewhereLeavesTheRingAlone) {
  OneRoute alone({1, 1, 1});
  OneRoute mixed({1, 1, 1});
  for (int i = 0; i < 12; ++i) {
    EXPECT_TRUE(mixed.ask_narrowed(1, Narrowing{.further = true}).has_value());
    EXPECT_EQ(mixed.ask(1).value().index, alone.ask(1).value().index);
  }
}

TEST(CoreState, AReloadKeepsTheTurnsOfAnUnchangedLayout) {
  OneRoute one({1, 1, 1});
  EXPECT_EQ(one.ask(0).value().index, 0);
  Route draft = one.route();
  draft.suspend_ms = 5;
  one.publish(draft);
  EXPECT_EQ(one.ask(0).value().index, 1);
  draft = one.route();
  draft.targets[0].weight = 2;
  one.publish(draft);
  EXPECT_EQ(one.ask(0).value().index, 0);
}

TEST(CoreState, ARequestOnAnOlderRouteIsStillServed) {
  OneRoute one({1, 1, 1});
  const Route older = one.route();
  Route draft = one.route();
  draft.targets.resize(1);
  one.publish(draft);
  std::set<uint16_t> seen;
  for (int i = 0; i < 100; ++i) {
    seen.insert(decide(older, one.core(), Tried(0b001), Endpoint::kChat, 0).value().index);
    ASSERT_TRUE(decide(older, one.core(), {}, Endpoint::kChat, 0));
  }
  EXPECT_EQ(seen, (std::set<uint16_t>{1, 2}));
  EXPECT_EQ(one.count_picks(5, 0), (Counts{5}));
}

TEST(CoreState, ACoreWithoutTheSnapshotStillDecides) {
  OneRoute one({1, 1});
  CoreState stranger(0, 1, 3);
  EXPECT_TRUE(decide(one.route(), stranger, {}, Endpoint::kChat, 0));
}

TEST(Decide, IsAFunctionOfItsArguments) {
  const uint64_t seed = test_seed();
  OneRoute one({3, 2, 2, 1}, Algorithm::kWeightedRoundRobin, 1, 3, seed);
  OneRoute two({3, 2, 2, 1}, Algorithm::kWeightedRoundRobin, 1, 3, seed);
  std::mt19937_64 random(seed);
  for (Millis now = 0; now < 3000; ++now) {
    if (random_below(random, 20) == 0) {
      const auto index = static_cast<uint32_t>(random_below(random, 4));
      one.suspend(index, 50, now);
      two.suspend(index, 50, now);
    }
    const Tried tried(random_below(random, 3) == 0 ? random_below(random, 15) : 0);
    const auto a = one.ask(now, tried);
    const auto b = two.ask(now, tried);
    ASSERT_EQ(a.has_value(), b.has_value());
    if (!a) continue;
    ASSERT_EQ(a->index, b->index);
    ASSERT_EQ(a->probe, b->probe);
  }
}

// Random histories, checked from outside against plain rules: what may be picked at all, and how
// evenly.
struct Running {
  Pick pick;
  Millis started;
};

// What was there to choose from, noted before the call.
struct Options {
  TargetSet healthy, due, waiting;  // of those that serve the endpoint and were not tried
  std::optional<uint16_t> first_back;  // by the end of the suspension, nobody probing it

  Options(OneRoute& one, const Tried& tried, size_t endpoint, Millis now) {
    for (uint16_t i = 0; i < one.route().targets.size(); ++i) {
      if (tried[i] || one.route().targets[i].heads[endpoint].empty()) continue;
      const TargetHealth& health = one.health(i);
      if (health.open_until() == 0) {
        healthy.set(i);
        continue;
      }
      waiting.set(i);
      if (health.probe_held(now)) continue;
      if (!health.suspended(now)) due.set(i);
      if (!first_back || health.open_until() < one.health(*first_back).open_until()) {
        first_back = i;
      }
    }
  }
};

void check_answer(const Options& options, bool is_first, const Route& route, Millis now,
                  const std::expected<Pick, NoTarget>& answer) {
  if (!answer) {
    ASSERT_TRUE(options.healthy.none());
    ASSERT_TRUE(options.due.none());
    ASSERT_FALSE(is_first && options.waiting.any());
    ASSERT_EQ(answer.error().retry_after_ms == 0, options.waiting.none());
    return;
  }
  const uint16_t index = answer->index;
  if (options.healthy[index]) {
    ASSERT_FALSE(answer->probe);
    return;
  }
  ASSERT_TRUE(options.waiting[index]) << "tried, or not for this endpoint";
  if (options.due[index] && answer->probe) return;
  ASSERT_TRUE(is_first) << "forced on a further attempt";
  ASSERT_TRUE(answer->forced);
  // Beside a probe only when every waiting target is being probed.
  ASSERT_EQ(answer->probe, options.first_back.has_value());
  if (!answer->probe) return;
  ASSERT_TRUE(options.healthy.none());
  ASSERT_TRUE(options.due.none());
  const Millis until = route.targets[index].health->open_until();
  ASSERT_EQ(until, route.targets[*options.first_back].health->open_until());
  ASSERT_GT(until, now);
}

class RandomHistory {
 public:
  RandomHistory(std::mt19937_64& random, OneRoute& one) : random_(random), one_(one) {}

  void step() {
    now_ += random_below(random_, 5) == 0 ? random_below(random_, 400) : random_below(random_, 8);
    if (!running_.empty() && random_below(random_, 2) == 0) return finish();
    const size_t endpoint = random_below(random_, kEndpoints);
    Tried tried;
    for (size_t i = 0; i < one_.route().targets.size(); ++i) {
      if (random_below(random_, 8) == 0) tried.set(i);
    }
    const Options options(one_, tried, endpoint, now_);
    const auto answer = one_.ask(now_, tried, static_cast<Endpoint>(1u << endpoint));
    check_answer(options, tried.none(), one_.route(), now_, answer);
    if (answer) running_.push_back({*answer, now_});
  }

 private:
  void finish() {
    const size_t at = random_below(random_, running_.size());
    const Running done = running_[at];
    running_.erase(running_.begin() + static_cast<int64_t>(at));
    const TargetHealth::Attempt attempt{done.started, done.pick.probe};
    TargetHealth& health = one_.health(done.pick.index);
    switch (random_below(random_, 6)) {
      case 0:
      case 1: return health.on_fault(attempt, Fault::kTarget, 200, -1, now_);
      case 2: return health.on_fault(attempt, Fault::kRateLimit, 200, 700, now_);
      case 3: return health.on_fault(attempt, Fault::kRequest, 200, -1, now_);
      default: return health.on_success(attempt);
    }
  }

  std::mt19937_64& random_;
  OneRoute& one_;
  std::vector<Running> running_;
  Millis now_ = 1;
};

std::vector<uint32_t> random_weights(std::mt19937_64& random, size_t most, uint64_t largest) {
  std::vector<uint32_t> weights(1 + random_below(random, most));
  for (uint32_t& weight : weights) {
    weight = static_cast<uint32_t>(1 + random_below(random, largest));
  }
  return weights;
}

TEST(DecideRandom, PicksOnlyWhatMayBePicked) {
  std::mt19937_64 random(test_seed());
  for (int round = 0; round < 300; ++round) {
    const auto algorithm = static_cast<Algorithm>(random_below(random, 4));
    OneRoute one(random_weights(random, 6, round % 5 == 0 ? 100'000 : 9), algorithm);
    Route draft = one.route();
    for (Target& target : draft.targets) {
      target.priority = static_cast<uint32_t>(random_below(random, 3));
      for (SharedText& head : target.heads) {
        if (random_below(random, 6) == 0) head.clear();
      }
    }
    one.publish(draft);
    RandomHistory history(random, one);
    for (int i = 0; i < 300 && !testing::Test::HasFatalFailure(); ++i) history.step();
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "round " << round;
  }
}

double credit_bound(size_t targets) {
  if (targets < 2) return 0;
  double bound = 1.0 / static_cast<double>(targets * (targets - 1));
  for (size_t i = 2; i <= targets; ++i) bound += 1.0 / static_cast<double>(i);
  return std::max(bound, 1.0);
}

// Goal: the bound in decide.h for a constant set of suspended targets, from a core's first pick on
// (where the ring's bound is 2, as it may begin anywhere), and the ring's own bound afterwards.
TEST(DecideRandom, IsFairWhileAPartIsSuspendedAndAfterwards) {
  std::mt19937_64 random(test_seed());
  for (int round = 0; round < 300; ++round) {
    std::vector<uint32_t> weights = random_weights(random, 8, 20);
    weights.push_back(1);
    OneRoute one(weights, Algorithm::kWeightedRoundRobin,
                 static_cast<uint32_t>(random_below(random, 3)), 3, random());
    TargetSet away;
    for (size_t i = 0; i + 1 < weights.size(); ++i) {
      if (random_below(random, 2) == 0) away.set(i);
    }
    double left = 0;
    for (uint32_t i = 0; i < weights.size(); ++i) {
      if (away[i]) one.suspend(i, 1000, 0);
      if (!away[i]) left += weights[i];
    }
    const size_t there = weights.size() - away.count();
    std::vector<int64_t> counts(weights.size(), 0);
    for (int n = 1; n <= 400; ++n) {
      ++counts[one.ask(5).value().index];
      for (size_t i = 0; i < weights.size(); ++i) {
        if (away[i]) {
          ASSERT_EQ(counts[i], 0);
          continue;
        }
        const double share = weights[i] / left;
        const double bound = 2 + credit_bound(there) +
                             2 * static_cast<double>(std::min(there, away.count())) * share;
        ASSERT_LE(std::abs(n * share - static_cast<double>(counts[i])), bound);
      }
    }
    for (uint32_t i = 0; i < weights.size(); ++i) one.health(i).clear();
    const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::fill(counts.begin(), counts.end(), 0);
    for (int n = 1; n <= 400; ++n) {
      ++counts[one.ask(6).value().index];
      for (size_t i = 0; i < weights.size(); ++i) {
        ASSERT_LT(std::abs(n * weights[i] / all - static_cast<double>(counts[i])), 2.0);
      }
    }
  }
}

}  // namespace
}  // namespace weir
