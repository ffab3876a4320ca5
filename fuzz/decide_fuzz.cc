// Goal: whatever the order of requests, faults and reports, decide() never picks a suspended target
// while another is there, never one that was tried or excluded, never one that does not serve the
// endpoint.
// Method: the first bytes build a route; the rest is a list of events, two bytes each.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"
#include "route/decide.h"
#include "route/health.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

using weir::TargetHealth;

namespace {

constexpr size_t kMost = 8;

weir::Route read_route(const uint8_t* data, size_t count, TargetHealth* health) {
  weir::Route route;
  route.algorithm = static_cast<weir::Algorithm>(data[1] % 4);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* bytes = data + 2 + 2 * i;
    weir::Target& target = route.targets.emplace_back();
    target.slot = static_cast<uint32_t>(i);
    target.weight = 1 + uint32_t{bytes[0]} * bytes[0];
    target.priority = bytes[1] >> 6;
    target.health = &health[i];
    for (size_t e = 0; e < weir::kEndpoints; ++e) {
      if ((bytes[1] >> e & 1) == 0) target.heads[e] = "head";
    }
  }
  return route;
}

struct Game {
  const weir::Route& route;
  weir::CoreState& core;
  weir::Millis now = 1;
  std::vector<std::pair<weir::Pick, weir::Millis>> running = {};

  void ask(size_t endpoint, const weir::Tried& tried, const weir::Narrowing* narrowing = nullptr) {
    const weir::TargetSet out = narrowing == nullptr ? tried : tried | narrowing->excluded;
    weir::TargetSet healthy;
    for (size_t i = 0; i < route.targets.size(); ++i) {
      const weir::Target& target = route.targets[i];
      if (out[i] || target.heads[endpoint].empty()) continue;
      if (target.health->open_until() == 0) healthy.set(i);
    }
    const auto answer =
        weir::decide(route, core, tried, static_cast<weir::Endpoint>(1u << endpoint), now,
                     narrowing);
    WEIR_CHECK(answer.has_value() || healthy.none());
    if (!answer) return;
    WEIR_CHECK(!out[answer->index]);
    WEIR_CHECK(!answer->forced || narrowing == nullptr || narrowing->forced);
    const weir::Target& target = route.targets[answer->index];
    WEIR_CHECK(!target.heads[endpoint].empty());
    // One that is neither healthy nor probed is taken only when there was nothing else at all.
    const bool beside_a_probe = answer->forced && tried.none() && healthy.none();
    WEIR_CHECK(answer->probe != healthy[answer->index] || (!answer->probe && beside_a_probe));
    // A probe goes before a healthy target only when it is due.
    WEIR_CHECK(!answer->probe || healthy.none() || !target.health->suspended(now));
    running.emplace_back(*answer, now);
  }
  void ask_narrowed(size_t endpoint, uint8_t value) {
    const weir::Narrowing narrowing{.excluded = weir::TargetSet(value & 63u),
                                    .further = (value & 64) != 0,
                                    .forced = (value & 128) != 0};
    ask(endpoint, now % 3 == 0 ? weir::Tried(value >> 3) : weir::Tried(), &narrowing);
  }
  void report(uint8_t value) {
    if (running.empty()) return;
    std::swap(running[value % running.size()], running.back());
    const auto [pick, started] = running.back();
    running.pop_back();
    const TargetHealth::Attempt attempt{started, pick.probe};
    TargetHealth& health = *route.targets[pick.index].health;
    if (value & 128) return health.on_success(attempt);
    health.on_fault(attempt, static_cast<weir::Fault>(value >> 3 & 7), 100, value & 64 ? 500 : -1,
                    now);
  }
};

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 + 2 * kMost) return 0;
  TargetHealth health[kMost];
  weir::SnapshotBuilder builder(1, 1);
  WEIR_CHECK(builder.add_route(read_route(data, 1 + data[0] % kMost, health)).has_value());
  const auto snapshot = builder.build();
  weir::CoreState core(data[0] >> 4, 16, data[1]);
  core.adopt(*snapshot);
  Game game{*snapshot->routes()[0], core};
  for (size_t at = 2 + 2 * kMost; at + 1 < size; at += 2) {
    const uint8_t kind = data[at];
    const uint8_t value = data[at + 1];
    game.now += kind >> 4;
    switch (kind % 5) {
      case 0: game.now += uint64_t{value} * 16; break;
      case 1: game.report(value); break;
      case 2: game.ask((kind >> 2) % weir::kEndpoints, {}); break;
      case 3: game.ask_narrowed((kind >> 2) % weir::kEndpoints, value); break;
      default: game.ask((kind >> 2) % weir::kEndpoints, weir::Tried(value));
    }
  }
  return 0;
}
