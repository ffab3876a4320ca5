#include "route/balance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "route_fixture.h"

namespace weir {
namespace {

Route laid_out(const std::vector<uint32_t>& weights, Algorithm algorithm) {
  Route route;
  route.algorithm = algorithm;
  for (uint32_t i = 0; i < weights.size(); ++i) {
    route.targets.push_back(make_target(i, weights[i]));
  }
  lay_out(route);
  return route;
}

Route weighted(const std::vector<uint32_t>& weights) {
  return laid_out(weights, Algorithm::kWeightedRoundRobin);
}

const TargetGroup& only_group(const Route& route) { return route.groups[0].at(0); }

double sum_of(const std::vector<uint32_t>& weights) {
  return std::accumulate(weights.begin(), weights.end(), 0.0);
}

// n*w_i/W - c_i of the target that is furthest ahead (negative) and furthest behind.
struct Deviation {
  double ahead = 0;
  double behind = 0;
};

Deviation deviation(const std::vector<uint32_t>& weights, const std::vector<uint64_t>& picks) {
  const double n = static_cast<double>(std::accumulate(picks.begin(), picks.end(), uint64_t{0}));
  Deviation worst;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double lag = n * weights[i] / sum_of(weights) - static_cast<double>(picks[i]);
    worst.ahead = std::min(worst.ahead, lag);
    worst.behind = std::max(worst.behind, lag);
  }
  return worst;
}

double credit_bound(size_t targets) {
  if (targets < 2) return 0;
  double bound = 1.0 / static_cast<double>(targets * (targets - 1));
  for (size_t i = 2; i <= targets; ++i) bound += 1.0 / static_cast<double>(i);
  return bound;
}

constexpr double kRounding = 1e-6;

TEST(Ring, EqualTargetsComeInTheirOrder) {
  EXPECT_EQ(only_group(weighted({7, 7, 7})).ring, (std::vector<uint16_t>{0, 1, 2}));
}

TEST(Ring, WeightsAreReducedAndSpread) {
  EXPECT_EQ(only_group(weighted({50, 30, 10})).ring,
            (std::vector<uint16_t>{0, 1, 0, 0, 1, 0, 1, 0, 2}));
}

TEST(Ring, RoundRobinIgnoresWeights) {
  const Route route = laid_out({5, 3, 1}, Algorithm::kRoundRobin);
  EXPECT_EQ(only_group(route).ring, (std::vector<uint16_t>{0, 1, 2}));
}

TEST(Ring, IsLeftOutWhenItWouldBeTooLong) {
  EXPECT_EQ(only_group(weighted({kMaxRing - 1, 1})).ring.size(), kMaxRing);
  EXPECT_TRUE(only_group(weighted({kMaxRing, 1})).ring.empty());
  EXPECT_EQ(only_group(weighted({Route::kMaxWeight, Route::kMaxWeight})).ring.size(), 2u);
}

TEST(Ring, StaysWithinItsBoundAtEveryStep) {
  std::mt19937_64 random(test_seed());
  for (int round = 0; round < 200; ++round) {
    std::vector<uint32_t> weights(1 + random_below(random, 12));
    const uint64_t largest = 1 + random_below(random, round % 2 == 0 ? 8 : 300);
    for (uint32_t& weight : weights) {
      weight = static_cast<uint32_t>(1 + random_below(random, largest));
    }
    const Route route = weighted(weights);
    const std::vector<uint16_t>& ring = only_group(route).ring;
    ASSERT_FALSE(ring.empty());
    std::vector<uint64_t> picks(weights.size(), 0);
    for (const uint16_t index : ring) {
      ++picks[index];
      const Deviation worst = deviation(weights, picks);
      ASSERT_LT(worst.behind, 1.0);
      ASSERT_GT(worst.ahead, -1.0);
    }
    const Deviation end = deviation(weights, picks);
    ASSERT_NEAR(end.behind - end.ahead, 0, kRounding);
    // From anywhere else: less than 2.
    std::fill(picks.begin(), picks.end(), 0);
    size_t at = random_below(random, ring.size());
    for (size_t i = 0; i < ring.size(); ++i, at = (at + 1) % ring.size()) {
      ++picks[ring[at]];
      const Deviation worst = deviation(weights, picks);
      ASSERT_LT(worst.behind, 2.0);
      ASSERT_GT(worst.ahead, -2.0);
    }
  }
}

TEST(Ring, HoldsItsBoundForManyTargets) {
  std::vector<uint32_t> weights;
  for (uint32_t i = 0; i < Route::kMaxTargets; ++i) weights.push_back(1 + i % 16);
  const Route route = weighted(weights);
  std::vector<uint64_t> picks(weights.size(), 0);
  for (const uint16_t index : only_group(route).ring) {
    ++picks[index];
    const Deviation worst = deviation(weights, picks);
    ASSERT_LT(worst.behind, 1.0);
    ASSERT_GT(worst.ahead, -1.0);
  }
}

TEST(Groups, FollowThePrioritiesOnlyWhenAskedTo) {
  Route route;
  for (uint32_t i = 0; i < 4; ++i) {
    route.targets.push_back(make_target(i));
    route.targets.back().priority = i % 2 == 0 ? 20 : 10;
  }
  route.algorithm = Algorithm::kPriority;
  lay_out(route);
  ASSERT_EQ(route.groups[0].size(), 2u);
  EXPECT_EQ(route.groups[0][0].members, (std::vector<uint16_t>{1, 3}));
  EXPECT_EQ(route.groups[0][1].members, (std::vector<uint16_t>{0, 2}));
  route.algorithm = Algorithm::kWeightedRoundRobin;
  lay_out(route);
  EXPECT_EQ(route.groups[0].size(), 1u);
}

TEST(Groups, HoldOnlyWhatServesTheEndpoint) {
  Route route;
  for (uint32_t i = 0; i < 3; ++i) route.targets.push_back(make_target(i));
  route.targets[1].heads[endpoint_index(Endpoint::kCompletions)].clear();
  for (Target& target : route.targets) {
    target.heads[endpoint_index(Endpoint::kEmbeddings)].clear();
  }
  lay_out(route);
  EXPECT_EQ(route.groups[endpoint_index(Endpoint::kCompletions)].at(0).ring,
            (std::vector<uint16_t>{0, 2}));
  EXPECT_TRUE(route.groups[endpoint_index(Endpoint::kEmbeddings)].empty());
  EXPECT_EQ(route.endpoints,
            endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kCompletions));
}

TEST(Layout, ChangesWithWhatTheStateDependsOn) {
  const uint64_t before = weighted({1, 2, 3}).layout;
  EXPECT_EQ(weighted({1, 2, 3}).layout, before);
  EXPECT_NE(weighted({1, 2, 4}).layout, before);
  EXPECT_NE(weighted({1, 2}).layout, before);
  EXPECT_NE(laid_out({1, 2, 3}, Algorithm::kPriority).layout, before);
}

TEST(Credit, StaysWithinItsBoundForAFixedSet) {
  std::mt19937_64 random(test_seed());
  for (int round = 0; round < 200; ++round) {
    std::vector<uint32_t> weights(1 + random_below(random, 10));
    const uint64_t largest = round % 2 == 0 ? 10 : Route::kMaxWeight;
    for (uint32_t& weight : weights) {
      weight = static_cast<uint32_t>(1 + random_below(random, largest));
    }
    const Route route = weighted(weights);
    // A random part of the targets is there; the others count as absent throughout.
    TargetSet available;
    available.set(random_below(random, weights.size()));
    for (size_t i = 0; i < weights.size(); ++i) {
      if (random_below(random, 3) != 0) available.set(i);
    }
    std::vector<uint32_t> there = weights;
    for (size_t i = 0; i < weights.size(); ++i) {
      if (!available[i]) there[i] = 0;
    }
    std::vector<int64_t> storage(weights.size(), 0);
    Credits credits{{}, storage};
    std::vector<uint64_t> picks(weights.size(), 0);
    for (int i = 0; i < 500; ++i) {
      const uint16_t pick =
          pick_by_credit(route, only_group(route), available, random(), credits);
      ASSERT_TRUE(available[pick]);
      ++picks[pick];
      const Deviation worst = deviation(there, picks);
      ASSERT_LE(worst.behind, credit_bound(available.count()) + kRounding);
      ASSERT_GT(worst.ahead, -1.0);
    }
  }
}

// Goal: a set that changes at every pick favours nobody.
// Method: two sets take turns, so that each pick is the first of a new set, drawn at random. The
// chance that a fair draw of 20000 strays this far is below one in a billion.
TEST(Credit, ManyChangesOfTheSetFavourNobody) {
  std::mt19937_64 random(test_seed());
  const Route route = weighted({3, 1, 1});
  std::vector<int64_t> storage(3, 0);
  Credits credits{{}, storage};
  const TargetSet two(0b011);
  const TargetSet all(0b111);
  std::vector<int64_t> of_two(3, 0);
  for (int i = 0; i < 20000; ++i) {
    ++of_two[pick_by_credit(route, only_group(route), two, random(), credits)];
    ASSERT_LT(pick_by_credit(route, only_group(route), all, random(), credits), 3);
  }
  EXPECT_NEAR(static_cast<double>(of_two[0]), 15000.0, 400.0);
  EXPECT_EQ(of_two[2], 0);
}

TEST(LeastInflight, TakesTheLeastLoadedPerWeight) {
  std::mt19937_64 random(test_seed());
  for (int round = 0; round < 500; ++round) {
    std::vector<uint32_t> weights(1 + random_below(random, 6));
    std::vector<uint32_t> inflight(weights.size());
    for (uint32_t& weight : weights) weight = static_cast<uint32_t>(1 + random_below(random, 4));
    for (uint32_t& count : inflight) count = static_cast<uint32_t>(random_below(random, 5));
    const Route route = laid_out(weights, Algorithm::kLeastInflight);
    TargetSet available;
    available.set(random_below(random, weights.size()));
    for (size_t i = 0; i < weights.size(); ++i) {
      if (random_below(random, 2) == 0) available.set(i);
    }
    const auto first = static_cast<uint16_t>(random_below(random, weights.size()));
    const uint16_t pick =
        pick_least_inflight(route, only_group(route), available, first, InflightView{inflight});
    ASSERT_TRUE(available[pick]);
    for (size_t i = 0; i < weights.size(); ++i) {
      if (!available[i]) continue;
      ASSERT_LE(inflight[pick] * weights[i], inflight[i] * weights[pick]);
      if (i == first && inflight[pick] * weights[i] == inflight[i] * weights[pick]) {
        ASSERT_EQ(pick, first);
      }
    }
  }
}

}  // namespace
}  // namespace weir
