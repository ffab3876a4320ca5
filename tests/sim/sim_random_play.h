// A SimChaos driven by a seed, for the random tests. The seed is printed before the play begins, so
// that a crash names it; WEIR_SEED in the environment repeats it.
#pragma once

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "tests/sim/sim_chaos.h"

namespace weir {

inline bool play_is_repeat() { return std::getenv("WEIR_SEED") != nullptr; }
inline uint64_t play_first_seed() {
  return play_is_repeat() ? std::strtoull(std::getenv("WEIR_SEED"), nullptr, 10) : 1;
}

// Returns how many requests were begun.
inline uint64_t play_random(uint64_t seed, int steps) {
  std::fprintf(stderr, "seed %" PRIu64 "\n", seed);
  SimRandom random(seed);
  const ChaosSource source{[](void* r) { return static_cast<SimRandom*>(r)->next(); }, &random};
  SimChaos chaos(source);
  for (int i = 0; i < steps; ++i) chaos.play();
  chaos.finish();
  return chaos.requests();
}

}  // namespace weir
