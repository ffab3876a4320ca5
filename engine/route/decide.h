// Chooses the target of one attempt: a pure function of (route, this core's state, what was tried,
// now), so it can be recorded, replayed and fuzzed.
//
// One CoreState per worker (or per thread of a decide-only embedder). Nothing here allocates per
// request; CoreState::adopt() may, when a snapshot with more routes arrives.
#pragma once

#include <bitset>
#include <cstdint>
#include <vector>

#include <weir/types.h>

#include "base/clock.h"
#include "route/route.h"
#include "route/snapshot.h"

namespace weir {

// Balancing state of one core. Start offsets differ per core, so that n cores which each see few
// requests do not all begin with the first target.
class CoreState {
 public:
  CoreState(uint32_t core, uint32_t cores, uint64_t seed);
  void adopt(const Snapshot& snapshot);

  struct RouteState {
    uint64_t picks = 0;
    uint32_t cursor = 0;
    bool started = false;
    uint64_t layout = 0;             // hash of targets and weights: a changed layout restarts
    std::vector<int64_t> credit;     // smooth round robin among what is available, when not all is
  };
  [[nodiscard]] RouteState& route(uint32_t slot) { return routes_[slot]; }
  // In-flight requests of a target on this core, for least-inflight.
  [[nodiscard]] uint32_t& inflight(uint32_t target_slot) { return inflight_[target_slot]; }
  [[nodiscard]] uint32_t core() const { return core_; }
  [[nodiscard]] uint64_t next_random();

 private:
  uint32_t core_;
  uint32_t cores_;
  uint64_t random_;
  std::vector<RouteState> routes_;
  std::vector<uint32_t> inflight_;
};

using Tried = std::bitset<Route::kMaxTargets>;

struct Pick {
  uint16_t index = 0;      // into route.targets
  bool probe = false;      // this attempt holds the target's probe
};

// Refusal: Errc::kNoBackend with `retry_after_ms` until the first target returns.
struct NoTarget {
  Millis retry_after_ms = 0;
};

// The next target for an attempt at `endpoint`, leaving out what was tried and what cannot serve
// the endpoint. When every remaining target is suspended and nothing was tried yet, the one that
// returns first is taken all the same (as its probe).
//
// Fairness per core, all targets available: after n picks target i had n*w_i/W picks to within 1
// for round robin, and within the bound stated in balance.h for weights.
[[nodiscard]] std::expected<Pick, NoTarget> decide(const Route& route, CoreState& core,
                                                   const Tried& tried, Endpoint endpoint,
                                                   Millis now);

}  // namespace weir
