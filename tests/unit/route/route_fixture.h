// What the tests of route/ share: a seed that is printed, and routes built by hand together with
// the health of their targets.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "route/decide.h"
#include "route/health.h"
#include "route/snapshot.h"

namespace weir {

// A fresh seed for each run, printed; WEIR_TEST_SEED repeats a run.
inline uint64_t test_seed() {
  const char* given = std::getenv("WEIR_TEST_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : (std::random_device{})();
  std::printf("WEIR_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

inline uint64_t random_below(std::mt19937_64& random, uint64_t limit) { return random() % limit; }

// A target that serves every endpoint.
inline Target make_target(uint32_t slot, uint32_t weight = 1, TargetHealth* health = nullptr) {
  Target target;
  target.id = "provider/model-" + std::to_string(slot);
  target.slot = slot;
  target.weight = weight;
  target.health = health;
  target.heads.fill("head");
  return target;
}

// One route "alias" in a snapshot of its own, with a core that has adopted it.
class OneRoute {
 public:
  explicit OneRoute(const std::vector<uint32_t>& weights,
                    Algorithm algorithm = Algorithm::kWeightedRoundRobin, uint32_t core = 0,
                    uint32_t cores = 1, uint64_t seed = 1)
      : health_(new TargetHealth[weights.size()]), core_(core, cores, seed) {
    Route draft;
    draft.name = "alias";
    draft.tenant = "default";
    draft.environment = "production";
    draft.algorithm = algorithm;
    for (uint32_t i = 0; i < weights.size(); ++i) {
      draft.targets.push_back(make_target(i, weights[i], &health_[i]));
    }
    publish(std::move(draft));
  }
  // Builds and adopts a snapshot with this route alone.
  void publish(Route draft) {
    SnapshotBuilder builder(1, 7);
    if (!builder.add_route(std::move(draft))) std::abort();
    snapshot_ = builder.build();
    core_.adopt(*snapshot_);
  }
  [[nodiscard]] const Route& route() const { return *snapshot_->routes().front(); }
  [[nodiscard]] TargetHealth& health(uint32_t index) { return health_[index]; }
  [[nodiscard]] CoreState& core() { return core_; }
  [[nodiscard]] std::expected<Pick, NoTarget> ask(Millis now, const Tried& tried = {},
                                                  Endpoint endpoint = Endpoint::kChat) {
    return decide(route(), core_, tried, endpoint, now);
  }
  [[nodiscard]] std::expected<Pick, NoTarget> ask_narrowed(Millis now, const Narrowing& narrowing,
                                                           const Tried& tried = {}) {
    return decide(route(), core_, tried, Endpoint::kChat, now, &narrowing);
  }
  // Opens the target's circuit at `now` for `duration_ms`.
  void suspend(uint32_t index, uint32_t duration_ms, Millis now) {
    health_[index].on_fault({now, false}, Fault::kTarget, duration_ms, -1, now);
  }
  // How often each target is picked by `count` first attempts.
  [[nodiscard]] std::vector<int64_t> count_picks(uint64_t count, Millis now) {
    std::vector<int64_t> counts(route().targets.size(), 0);
    for (uint64_t i = 0; i < count; ++i) ++counts[ask(now).value().index];
    return counts;
  }

 private:
  std::unique_ptr<TargetHealth[]> health_;
  std::unique_ptr<const Snapshot> snapshot_;
  CoreState core_;
};

}  // namespace weir
