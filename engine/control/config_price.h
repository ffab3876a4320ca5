// What tokens cost: the price in a model's metadata, and the cost of one request. Integers only.
//
// A price is kept in pico-dollars per token, which is micro-dollars per million tokens; a cost in
// nano-dollars. A request's parts are added exactly and rounded once, to the nearest nano-dollar,
// halves up. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include <weir/types.h>

#include "control/config.h"

namespace weir {

struct Price {
  int64_t input = 0;   // pico-dollars for each token
  int64_t output = 0;
  int64_t cached = 0;  // for the part of the input that the provider had in its cache
  bool operator==(const Price&) const = default;
};

// More tokens than this in one request are taken for a provider's mistake and cut.
inline constexpr int64_t kMaxRequestTokens = 1'000'000'000;

// `cost` is US dollars for 1000 tokens both ways; `cost_input`, `cost_output` and `cost_cached` are
// for a million tokens and go before it. Without `cost_cached` cached tokens cost what others do.
// Nothing: the metadata holds no price. The error names the field; its texts are static.
[[nodiscard]] Result<std::optional<Price>> price_of(const TextPairs& metadata);
// Counts that were not reported cost nothing. At most ten thousand dollars.
[[nodiscard]] int64_t cost_of(const Price& price, const Usage& usage);

}  // namespace weir
