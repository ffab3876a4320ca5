#include "route/decide.h"

#include <algorithm>
#include <optional>
#include <span>

#include "base/check.h"
#include "route/health.h"

namespace weir {

namespace {

// What the steps of one decision share.
struct Question {
  const Route& route;
  CoreState& core;
  const Tried& tried;  // and what is excluded
  Millis now;
};

bool target_closed(const Target& target) {
  return target.health == nullptr || target.health->open_until() == 0;
}

// Takes the target if it is healthy, or as a probe if it is due.
std::optional<Pick> admit(const Question& question, uint16_t index) {
  TargetHealth* health = question.route.targets[index].health;
  if (health == nullptr) return Pick{index, false};
  switch (health->admit(question.now)) {
    case TargetHealth::Admission::kOpen: return Pick{index, false};
    case TargetHealth::Admission::kProbe: return Pick{index, true};
    case TargetHealth::Admission::kSuspended: break;
  }
  return std::nullopt;
}

// The first untried member that is due and whose probe nobody holds, as its probe. A target that
// was closed just now by another core is as welcome.
std::optional<Pick> pick_due(const Question& question, const TargetGroup& group) {
  for (const uint16_t index : group.members) {
    if (question.tried[index] || target_closed(question.route.targets[index])) continue;
    if (auto pick = admit(question, index)) return pick;
  }
  return std::nullopt;
}

TargetSet healthy_members(const Question& question, const TargetGroup& group) {
  TargetSet set;
  for (const uint16_t index : group.members) {
    if (!question.tried[index] && target_closed(question.route.targets[index])) set.set(index);
  }
  return set;
}

uint16_t pick_healthy(const Question& question, const TargetGroup& group, const TargetSet& healthy,
                      uint16_t first, Credits& credits) {
  if (question.route.algorithm == Algorithm::kLeastInflight) {
    return pick_least_inflight(question.route, group, healthy, first, question.core.inflight());
  }
  const uint64_t random = credits.set == healthy ? 0 : question.core.next_random();
  return pick_by_credit(question.route, group, healthy, random, credits);
}

// A first attempt: along the ring, or by credit where the ring does not help.
std::optional<Pick> pick_first(const Question& question, const TargetGroup& group,
                               CoreState::GroupState& state) {
  const bool has_ring = !group.ring.empty();
  const uint16_t first = has_ring ? group.ring[state.cursor] : group.members.front();
  std::optional<Pick> pick;
  if (has_ring && question.route.algorithm != Algorithm::kLeastInflight) {
    pick = admit(question, first);
  }
  if (!pick) pick = pick_due(question, group);
  if (!pick) {
    const TargetSet healthy = healthy_members(question, group);
    if (healthy.none()) return std::nullopt;
    pick = Pick{pick_healthy(question, group, healthy, first, state.substitutes), false};
  }
  if (has_ring && ++state.cursor == group.ring.size()) state.cursor = 0;
  return pick;
}

// A first attempt of a request that may not use all targets: the ring and its place in it belong to
// those that may.
std::optional<Pick> pick_narrowed(const Question& question, const TargetGroup& group,
                                  CoreState::GroupState& state) {
  if (const std::optional<Pick> pick = pick_due(question, group)) return pick;
  const TargetSet healthy = healthy_members(question, group);
  if (healthy.none()) return std::nullopt;
  // Among equally loaded ones, the next after a random place: their order must not decide.
  const size_t size = group.members.size();
  size_t at = question.core.next_random() % size;
  while (!healthy[group.members[at]]) at = at + 1 == size ? 0 : at + 1;
  return Pick{pick_healthy(question, group, healthy, group.members[at], state.narrowed), false};
}

// A further attempt leaves the sequence of first attempts alone. Somebody's second try should not
// be spent on a probe while a healthy target is left.
std::optional<Pick> pick_again(const Question& question, const TargetGroup& group,
                               CoreState::GroupState* state) {
  const TargetSet healthy = healthy_members(question, group);
  if (healthy.none()) return pick_due(question, group);
  if (state != nullptr) {
    const uint16_t first = group.members.front();
    return Pick{pick_healthy(question, group, healthy, first, state->retries), false};
  }
  // An older route, pinned by this request alone: nothing to be fair to over time.
  size_t skip = question.core.next_random() % healthy.count();
  for (const uint16_t index : group.members) {
    if (healthy[index] && skip-- == 0) return Pick{index, false};
  }
  return std::nullopt;
}

// Every target is suspended: the one that returns first, rather than a refusal. One that nobody
// probes goes before one that is being probed, which is taken only when there is nothing else.
std::optional<Pick> pick_forced(const Question& question, const std::vector<TargetGroup>& groups) {
  const Target* best = nullptr;
  uint16_t best_index = 0;
  bool best_held = false;
  for (const TargetGroup& group : groups) {
    for (const uint16_t index : group.members) {
      const Target& target = question.route.targets[index];
      if (question.tried[index]) continue;
      if (target_closed(target)) return Pick{index, false};
      const bool held = target.health->probe_held(question.now);
      const bool sooner =
          best == nullptr || target.health->open_until() < best->health->open_until();
      if (held == best_held ? !sooner : held && best != nullptr) continue;
      best = &target;
      best_index = index;
      best_held = held;
    }
  }
  if (best == nullptr) return std::nullopt;
  return Pick{best_index, best->health->force_probe(question.now), true};
}

Millis wait_for_first(const Question& question, const std::vector<TargetGroup>& groups) {
  Millis shortest = 0;
  for (const TargetGroup& group : groups) {
    for (const uint16_t index : group.members) {
      const TargetHealth* health = question.route.targets[index].health;
      if (question.tried[index] || health == nullptr) continue;
      const Millis until = health->open_until();
      const Millis wait = until > question.now ? until - question.now : NoTarget::kProbeWaitMs;
      shortest = shortest == 0 ? wait : std::min(shortest, wait);
    }
  }
  return shortest;
}

// Whose sequence the pick belongs to.
enum class First : uint8_t {
  kWhole,     // a first attempt, with all targets to choose from
  kNarrowed,  // a first attempt, with some of them
  kNo,        // a further one
};

std::optional<Pick> pick_in(const Question& question, const TargetGroup& group, First first,
                            CoreState::GroupState* state) {
  if (state == nullptr || first == First::kNo) return pick_again(question, group, state);
  if (first == First::kNarrowed) return pick_narrowed(question, group, *state);
  return pick_first(question, group, *state);
}

std::expected<Pick, NoTarget> decide_at(const Question& question, Endpoint endpoint, First first,
                                        bool forced) {
  const size_t at = endpoint_index(endpoint);
  const std::vector<TargetGroup>& groups = question.route.groups[at];
  CoreState::RouteState* state = question.core.route_state(question.route);
  for (size_t i = 0; i < groups.size(); ++i) {
    CoreState::GroupState* group_state =
        state != nullptr ? &state->groups[state->first_group[at] + i] : nullptr;
    if (const auto pick = pick_in(question, groups[i], first, group_state)) return *pick;
  }
  if (forced) {
    if (const std::optional<Pick> pick = pick_forced(question, groups)) return *pick;
  }
  return std::unexpected(NoTarget{wait_for_first(question, groups)});
}

}  // namespace

bool serves_without(const Route& route, Endpoint endpoint, const TargetSet& excluded) {
  const std::vector<TargetGroup>& groups = route.groups[endpoint_index(endpoint)];
  return std::any_of(groups.begin(), groups.end(), [&](const TargetGroup& group) {
    return std::any_of(group.members.begin(), group.members.end(),
                       [&](uint16_t index) { return !excluded[index]; });
  });
}

std::expected<Pick, NoTarget> decide(const Route& route, CoreState& core, const Tried& tried,
                                     Endpoint endpoint, Millis now, const Narrowing* narrowing) {
  const bool fresh = tried.none();
  if (narrowing == nullptr) {
    return decide_at({route, core, tried, now}, endpoint, fresh ? First::kWhole : First::kNo,
                     fresh);
  }
  const Tried left_out = tried | narrowing->excluded;
  First first = narrowing->excluded.none() ? First::kWhole : First::kNarrowed;
  if (!fresh || narrowing->further) first = First::kNo;
  return decide_at({route, core, left_out, now}, endpoint, first, fresh && narrowing->forced);
}

CoreState::CoreState(uint32_t core, uint32_t cores, uint64_t seed)
    : core_(core), cores_(cores), random_(seed + core) {
  WEIR_CHECK(core < cores);
}

void CoreState::adopt(const Snapshot& snapshot) {
  // Never smaller: a request that pinned an older route still counts in its target's slot.
  if (inflight_.size() < snapshot.target_slots()) inflight_.resize(snapshot.target_slots(), 0);
  if (routes_.size() < snapshot.route_slots()) routes_.resize(snapshot.route_slots());
}

void CoreState::start_route(const Route& route, RouteState* state) {
  size_t group_count = 0;
  size_t credit_count = 0;
  for (const std::vector<TargetGroup>& groups : route.groups) {
    group_count += groups.size();
    for (const TargetGroup& group : groups) credit_count += 3 * group.members.size();
  }
  state->layout = route.layout;
  state->born = route.born;
  state->groups.assign(group_count, GroupState{});
  state->credits.assign(credit_count, 0);
  std::span<int64_t> credits = state->credits;
  uint32_t next = 0;
  for (size_t endpoint = 0; endpoint < kEndpoints; ++endpoint) {
    state->first_group[endpoint] = next;
    for (const TargetGroup& group : route.groups[endpoint]) {
      GroupState& group_state = state->groups[next++];
      const size_t size = group.members.size();
      const uint64_t length = group.ring.size();
      group_state.cursor = static_cast<uint32_t>(length * core_ / cores_);
      group_state.substitutes.credit = credits.first(size);
      group_state.retries.credit = credits.subspan(size, size);
      group_state.narrowed.credit = credits.subspan(2 * size, size);
      credits = credits.subspan(3 * size);
    }
  }
}

CoreState::RouteState* CoreState::route_state(const Route& route) {
  if (route.slot >= routes_.size()) return nullptr;
  RouteState& state = routes_[route.slot];
  if (state.layout == route.layout) return &state;
  if (route.born < state.born) return nullptr;
  start_route(route, &state);
  return &state;
}

uint64_t CoreState::next_random() {
  // A counter through a bijective mixer: every value comes once, and none predicts its neighbour
  // well enough to matter for balancing.
  uint64_t value = random_ += 0x9e3779b97f4a7c15ull;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
  return value ^ (value >> 31);
}

}  // namespace weir
