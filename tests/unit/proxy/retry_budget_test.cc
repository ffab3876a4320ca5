#include "proxy/retry_budget.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

int take_all(RetryBudget& budget, Millis now, uint32_t percent, uint32_t least) {
  int taken = 0;
  while (budget.take(now, percent, least)) ++taken;
  return taken;
}

TEST(RetryBudget, TheMinimumHoldsWithoutTraffic) {
  RetryBudget budget;
  EXPECT_EQ(take_all(budget, 5000, 20, 10), 10);
  EXPECT_EQ(take_all(budget, 5999, 20, 10), 0);
  EXPECT_EQ(take_all(budget, 6000, 20, 10), 10);
}

TEST(RetryBudget, GrowsWithTheTrafficOfThisSecondAndTheLast) {
  RetryBudget budget;
  for (int i = 0; i < 500; ++i) budget.on_request(1000);
  EXPECT_EQ(take_all(budget, 1500, 20, 10), 100);
  for (int i = 0; i < 100; ++i) budget.on_request(2000);
  EXPECT_EQ(take_all(budget, 2500, 20, 10), 120);
}

TEST(RetryBudget, OldTrafficIsForgotten) {
  RetryBudget budget;
  for (int i = 0; i < 1000; ++i) budget.on_request(1000);
  EXPECT_EQ(take_all(budget, 4000, 20, 10), 10);
}

TEST(RetryBudget, ZeroMeansNoRetries) {
  RetryBudget budget;
  for (int i = 0; i < 100; ++i) budget.on_request(1000);
  EXPECT_EQ(take_all(budget, 1000, 0, 0), 0);
}

}  // namespace
}  // namespace weir
