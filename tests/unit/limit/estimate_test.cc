#include "limit/estimate.h"

#include <gtest/gtest.h>

#include <limits>

#include "limit/bucket.h"

namespace weir {
namespace {

TEST(OutputEstimate, BeginsWithAGuessThenThePlainMeanThenForgets) {
  OutputEstimate estimate(2);
  EXPECT_EQ(estimate.mean(0), OutputEstimate::kFirstGuess);
  estimate.observe(0, 100);
  EXPECT_EQ(estimate.mean(0), 100);
  estimate.observe(0, 300);
  EXPECT_EQ(estimate.mean(0), 200);
  for (int i = 0; i < 200; ++i) estimate.observe(0, 1000);
  EXPECT_NEAR(static_cast<double>(estimate.mean(0)), 1000, 1);
}

TEST(OutputEstimate, ACoreThatSawNothingAsksAnother) {
  OutputEstimate estimate(3);
  estimate.observe(1, 0);
  EXPECT_EQ(estimate.mean(0), 0);
  estimate.observe(2, 50);
  EXPECT_EQ(estimate.mean(2), 50);
  EXPECT_EQ(estimate.mean(0), 0);
}

TEST(OutputEstimate, HostileCountsStayInBounds) {
  OutputEstimate estimate(1);
  estimate.observe(0, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(estimate.mean(0), OutputEstimate::kLargest);
  for (int i = 0; i < 1000; ++i) estimate.observe(0, -5);
  EXPECT_GE(estimate.mean(0), 0);
  EXPECT_LE(estimate.mean(0), 1);
}

TEST(Reservation, IsThePromptAndTheCapOrABoundedGuess) {
  EXPECT_EQ(reservation_of(100, 50, 400, 8000), 150);
  EXPECT_EQ(reservation_of(100, 0, 400, 8000), 100);
  EXPECT_EQ(reservation_of(100, -1, 400, 8000), 500);
  EXPECT_EQ(reservation_of(100, -1, 4000, 8000), 1100);
  EXPECT_EQ(reservation_of(100, 100'000, 4000, 8000), 100'100);
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(reservation_of(kHuge, kHuge, kHuge, kHuge), Bucket::kMaxTake);
  EXPECT_EQ(reservation_of(-5, -1, -7, 80), 0);
}

TEST(Reservation, OnlyAGuessAsksForTheCapacity) {
  OutputEstimate output(1);
  output.observe(0, 1000);
  RequestSize size{.body_bytes = 401, .choices = 2};
  EXPECT_TRUE(size.is_open());
  EXPECT_EQ(request_reservation(size, &output, 0, 100'000), 101 + 2000);
  EXPECT_EQ(request_reservation(size, &output, 0, 800), 101 + 100);
  size.output_cap = 50;
  EXPECT_FALSE(size.is_open());
  EXPECT_EQ(request_reservation(size, &output, 0, 800), 101 + 100);
  EXPECT_EQ(request_reservation(size, &output, 0, 0), 101 + 100);
  size.output_cap = std::numeric_limits<int64_t>::max() / 2 + 1;
  EXPECT_EQ(request_reservation(size, &output, 0, 800), Bucket::kMaxTake);
  size.has_output = false;
  EXPECT_FALSE(size.is_open());
  EXPECT_EQ(request_reservation(size, &output, 0, 800), 101);
}

}  // namespace
}  // namespace weir
