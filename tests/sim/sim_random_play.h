// A SimChaos driven by a seed, for the random tests. The seed is printed before the play begins, so
// that a crash names it; WEIR_SEED in the environment repeats it.
#pragma once

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "sim_chaos.h"

namespace weir {

inline bool play_is_repeat() {
  return std::getenv("WEIR_SEED") != nullptr;
}
inline uint64_t play_first_seed() {
  return play_is_repeat() ? std::strtoull(std::getenv("WEIR_SEED"), nullptr, 10) : 1;
}

// How the requests of all plays so far ended, by Outcome.
struct PlayTotals {
  uint64_t ended[4] = {};
  uint64_t retries = 0;
  uint64_t replays = 0;
};

inline void play_random(uint64_t seed, int steps, PlayTotals* totals) {
  std::fprintf(stderr, "seed %" PRIu64 "\n", seed);
  SimRandom random(seed);
  const ChaosSource source{[](void* r) { return static_cast<SimRandom*>(r)->next(); }, &random};
  SimChaos chaos(source);
  for (int i = 0; i < steps; ++i) chaos.play();
  chaos.finish();
  for (size_t i = 0; i < 4; ++i) totals->ended[i] += chaos.world().finished[i];
  totals->retries += chaos.world().metrics().retries;
  totals->replays += chaos.world().metrics().replays;
}

}  // namespace weir
