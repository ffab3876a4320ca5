// Chooses the target of one attempt: a function of (route, this core's state, health, what was
// tried, now) and of nothing else, so it can be recorded, replayed and fuzzed.
//
// One CoreState per worker (or per thread of a decide-only embedder), adopted before its first use
// and again with every new snapshot. decide() does not allocate; CoreState::adopt() may.
//
// First attempts follow the group's ring (balance.h). A slot whose target is suspended goes to one
// of the others, chosen by credit, so what it leaves is shared by weight, and its own share is
// back with its return. Fairness per core and endpoint, for n first attempts on one layout:
//   all targets there: as the ring;
//   the same s targets suspended, a left, of weight W' together: c_i is within
//   D + D' + D * min(s, a) * w_i/W' of n*w_i/W', D being the ring's bound and D' the credits'.
//   Each change of that set adds at most one more D', each probe one pick to the target it tries.
// Further attempts have credits of their own and leave all this untouched. So do requests that may
// use only some of the targets: their first attempts go by credit, within D' of the share while the
// set of targets stays the same from one to the next, and at random by weight where it changes.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <vector>

#include <weir/types.h>

#include "base/clock.h"
#include "route/balance.h"
#include "route/route.h"
#include "route/snapshot.h"

namespace weir {

// Balancing state of one core. Start offsets differ per core, so that n cores which each see few
// requests do not all begin with the first target.
class CoreState {
 public:
  CoreState(uint32_t core, uint32_t cores, uint64_t seed);
  void adopt(const Snapshot& snapshot);

  // One group of targets of one route.
  struct GroupState {
    uint32_t cursor = 0;   // into the ring
    Credits substitutes;   // first attempts that cannot follow the ring
    Credits retries;
    Credits narrowed;      // first attempts of requests that may not use all targets
  };
  struct RouteState {
    uint64_t layout = 0;   // of the route this was made for; another layout starts anew
    uint64_t born = 0;     // of that route
    std::vector<GroupState> groups;                  // of all endpoints, one after the other
    std::array<uint32_t, kEndpoints> first_group{};  // where an endpoint's groups begin
    std::vector<int64_t> credits;                    // what the groups' Credits borrow
  };
  // Begun when a route is asked for the first time, so that taking a snapshot costs nothing for the
  // routes in it. Null when a newer route of the slot has another layout (a retry on a pinned,
  // older one).
  [[nodiscard]] RouteState* route_state(const Route& route);
  // From now on this core tells the others what it has under way, and sees theirs. Before the first
  // attempt; the board outlives the core.
  void share(InflightBoard* board) { board_ = board; }
  // An attempt at a target begins, and ends, on this core.
  void inflight_begin(uint32_t target_slot) {
    ++inflight_[target_slot];
    if (board_ != nullptr) board_->begin(core_, target_slot);
  }
  void inflight_end(uint32_t target_slot) {
    --inflight_[target_slot];
    if (board_ != nullptr) board_->end(core_, target_slot);
  }
  [[nodiscard]] InflightView inflight() const { return {inflight_, board_}; }
  [[nodiscard]] uint32_t core() const { return core_; }
  [[nodiscard]] uint64_t next_random();

 private:
  void start_route(const Route& route, RouteState* state);

  uint32_t core_;
  uint32_t cores_;
  uint64_t random_;
  std::vector<RouteState> routes_;
  std::vector<uint32_t> inflight_;
  InflightBoard* board_ = nullptr;
};

// The indices (into route.targets) that this request has tried already.
using Tried = TargetSet;

struct Pick {
  uint16_t index = 0;      // into route.targets
  bool probe = false;      // this attempt holds the target's probe
  bool forced = false;     // every target is suspended; this one returns first
};

// Refusal: Errc::kNoBackend with `retry_after_ms` until the first target returns (kProbeWaitMs when
// it is being probed just now). 0: nothing serves the endpoint, or all that do were tried.
struct NoTarget {
  static constexpr Millis kProbeWaitMs = 1'000;
  Millis retry_after_ms = 0;
};

// Whether a target is left for the endpoint.
[[nodiscard]] bool serves_without(const Route& route, Endpoint endpoint, const TargetSet& excluded);

// What a request may not use of the route, or does not want to: by policy, or by its own filters.
struct Narrowing {
  TargetSet excluded = {};  // never picked, as if the route did not have them
  bool further = false;     // not the request's first attempt, though the first at this route
  bool forced = true;       // false: a suspended target is not taken for want of another
};

// The next target for an attempt at `endpoint`, leaving out what was tried and what cannot serve
// the endpoint. A target whose suspension is over is probed by the first attempt that comes to it;
// a further attempt of a request does so only when no healthy target is left. When every target is
// suspended and nothing was tried yet, the one that returns first is taken all the same: as its
// probe, or beside a probe that is out when that is so for all of them. `narrowing` null: the
// request may use the whole route.
[[nodiscard]] std::expected<Pick, NoTarget> decide(const Route& route, CoreState& core,
                                                   const Tried& tried, Endpoint endpoint,
                                                   Millis now,
                                                   const Narrowing* narrowing = nullptr);

}  // namespace weir
