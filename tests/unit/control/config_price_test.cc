// Goal: prices are read exactly and costs are rounded once. Method: amounts computed by hand.
#include "control/config_price.h"

#include <gtest/gtest.h>

#include "control/config_load.h"
#include "fake_worker.h"

namespace weir {

namespace {

Price must(const TextPairs& metadata) {
  const auto price = price_of(metadata);
  EXPECT_TRUE(price && price->has_value());
  return price && *price ? **price : Price{-1, -1, -1};
}

Usage used(int64_t prompt, int64_t completion, int64_t cached = -1) {
  Usage usage;
  usage.prompt_tokens = prompt;
  usage.completion_tokens = completion;
  usage.cached_tokens = cached;
  usage.source = UsageSource::kProvider;
  return usage;
}

TEST(ConfigPrice, OnePriceForBothWays) {
  const Price price = must({{"weight", "3"}, {"cost", "0.0006"}});
  EXPECT_EQ(price, (Price{600'000, 600'000, 600'000}));
  EXPECT_EQ(cost_of(price, used(1000, 0)), 600'000);  // 0.0006 dollars
  EXPECT_EQ(cost_of(price, used(1, 1)), 1'200);
}

TEST(ConfigPrice, PricesForAMillionGoBeforeTheCommonOne) {
  EXPECT_EQ(must({{"cost_input", "0.15"}, {"cost_output", "0.6"}, {"cost_cached", "0.075"}}),
            (Price{150'000, 600'000, 75'000}));
  EXPECT_EQ(must({{"cost_output", "2"}, {"cost", "0.001"}}),
            (Price{1'000'000, 2'000'000, 1'000'000}));
  EXPECT_EQ(must({{"cost_output", "2"}}), (Price{0, 2'000'000, 0}));
  EXPECT_EQ(must({{"cost", "0"}}), Price{});
}

TEST(ConfigPrice, NumbersAreReadAsTheyAreWritten) {
  EXPECT_EQ(must({{"cost_input", "1e-6"}}).input, 1);
  EXPECT_EQ(must({{"cost_input", "2.5E+1"}}).input, 25'000'000);
  EXPECT_EQ(must({{"cost_input", "0.0000014"}}).input, 1);
  EXPECT_EQ(must({{"cost_input", "0.0000015"}}).input, 2);
  EXPECT_EQ(must({{"cost_input", "0.00000005"}}).input, 0);
  EXPECT_EQ(must({{"cost_input", "1000000"}}).input, 1'000'000'000'000);
  EXPECT_EQ(must({{"cost_input", "00.500"}}).input, 500'000);
}

TEST(ConfigPrice, WhatIsNoPriceIsRefusedByItsName) {
  for (const char* text : {"", "-1", "free", "1,5", "1.2.3", ".", "1e", "1e-", "1e999", "nan",
                           "1000001", "1e20", "1234567890123456789"}) {
    const auto price = price_of({{"cost", "0.1"}, {"cost_cached", text}});
    ASSERT_FALSE(price) << text;
    EXPECT_EQ(price.error().param, "cost_cached");
  }
  const auto none = price_of({{"note", "cost"}});
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
}

TEST(ConfigPrice, CachedTokensAreAPartOfThePrompt) {
  const Price price{1'000'000, 4'000'000, 100'000};
  EXPECT_EQ(cost_of(price, used(100, 10, 60)), 40 * 1000 + 60 * 100 + 10 * 4000);
  EXPECT_EQ(cost_of(price, used(100, 0, 200)), 100 * 100);  // more cached than asked
  EXPECT_EQ(cost_of(price, used(-1, -1, -1)), 0);
  EXPECT_EQ(cost_of(price, used(-1, 2)), 8'000);
}

TEST(ConfigPrice, ARequestIsRoundedOnceHalvesUp) {
  const Price price{400, 100, 400};  // pico-dollars
  EXPECT_EQ(cost_of(price, used(1, 0)), 0);
  EXPECT_EQ(cost_of(price, used(1, 1)), 1);  // 0.4 and 0.1 are half a nano-dollar together
  EXPECT_EQ(cost_of(price, used(5, 4)), 2);
  EXPECT_EQ(cost_of({1'000'000'000'000, 0, 0}, used(INT64_MAX, INT64_MAX)), 10'000'000'000'000);
}

TEST(ConfigPrice, AWrongPriceIsAnErrorOfTheFile) {
  const LoadedConfig loaded = config_load_text(
      "providers: [{name: a, type: loopback}]\n"
      "models: [{provider: a, id: m, metadata: {cost_input: cheap}}]\n",
      "weir.yaml", "", test::fake_options());
  ASSERT_FALSE(loaded.usable());
  EXPECT_NE(loaded.first_error().find("models[0].metadata.cost_input"), std::string::npos)
      << loaded.first_error();
}

}  // namespace

}  // namespace weir
