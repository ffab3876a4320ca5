#include "route/balance.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace weir {

namespace {

// The bounds on weights keep every product below exact in 64 bits.
static_assert(uint64_t{Route::kMaxTargets} * Route::kMaxWeight * Route::kMaxWeight < (1ull << 62));

// One period of the order described in balance.h, as positions in `weights`.
std::vector<uint16_t> order_by_limits(const std::vector<uint64_t>& weights, uint64_t sum) {
  std::vector<uint16_t> order;
  order.reserve(sum);
  std::vector<uint64_t> picks(weights.size(), 0);
  for (uint64_t step = 0; step < sum; ++step) {
    size_t best = weights.size();
    for (size_t i = 0; i < weights.size(); ++i) {
      // floor(picks*W/w) <= step, without the division.
      if (picks[i] * sum >= (step + 1) * weights[i]) continue;
      // (picks+1)*W/w is nearer than the best one's; equal limits go to the first listed.
      if (best == weights.size() ||
          (picks[i] + 1) * weights[best] < (picks[best] + 1) * weights[i]) {
        best = i;
      }
    }
    WEIR_CHECK(best < weights.size());
    ++picks[best];
    order.push_back(static_cast<uint16_t>(best));
  }
  return order;
}

void lay_out_ring(const Route& route, TargetGroup& group) {
  if (group.members.size() == 1) {  // as most are
    group.ring = group.members;
    return;
  }
  std::vector<uint64_t> weights;
  uint64_t divisor = 0;
  for (const uint16_t index : group.members) {
    weights.push_back(effective_weight(route, index));
    divisor = std::gcd(divisor, weights.back());
  }
  for (uint64_t& weight : weights) weight /= divisor;
  const uint64_t sum = std::accumulate(weights.begin(), weights.end(), uint64_t{0});
  if (sum > kMaxRing) return;
  group.ring = order_by_limits(weights, sum);
  for (uint16_t& entry : group.ring) entry = group.members[entry];
}

std::vector<TargetGroup> group_targets(const Route& route, size_t endpoint) {
  const auto priority_of = [&](uint16_t index) {
    return route.algorithm == Algorithm::kPriority ? route.targets[index].priority : 0;
  };
  std::vector<uint16_t> members;
  members.reserve(route.targets.size());
  for (size_t i = 0; i < route.targets.size(); ++i) {
    if (!route.targets[i].heads[endpoint].empty()) members.push_back(static_cast<uint16_t>(i));
  }
  // (Clang refuses libstdc++ 12's stable_sort.)
  std::sort(members.begin(), members.end(), [&](uint16_t a, uint16_t b) {
    return priority_of(a) != priority_of(b) ? priority_of(a) < priority_of(b) : a < b;
  });
  std::vector<TargetGroup> groups;
  if (!members.empty() && priority_of(members.front()) == priority_of(members.back())) {
    groups.emplace_back().members = std::move(members);  // as in most routes: one group
    lay_out_ring(route, groups.back());
    return groups;
  }
  for (size_t from = 0; from < members.size();) {
    size_t to = from + 1;
    while (to < members.size() && priority_of(members[to]) == priority_of(members[from])) ++to;
    const auto begin = members.begin();
    groups.push_back({{begin + static_cast<ptrdiff_t>(from), begin + static_cast<ptrdiff_t>(to)},
                      {}});
    lay_out_ring(route, groups.back());
    from = to;
  }
  return groups;
}

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
  return hash ^ (hash >> 29);
}

// Two routes with equal layouts can go on with each other's balancing state: the same targets in
// the same order, with the same weights, groups and endpoints.
uint64_t hash_layout(const Route& route) {
  uint64_t hash = mix(1, static_cast<uint64_t>(route.algorithm));
  for (const Target& target : route.targets) {
    hash = mix(hash, target.slot);
    hash = mix(hash, target.weight);
    hash = mix(hash, target.priority);
    for (const SharedText& head : target.heads) hash = mix(hash, head.empty() ? 0 : 1);
  }
  return hash | 1;  // 0 stands for "no state yet"
}

// A member drawn with a chance of weight/sum.
size_t draw(const Route& route, const TargetGroup& group, const TargetSet& available,
            uint64_t random, uint64_t sum) {
  uint64_t left = random % sum;
  for (size_t position = 0; position < group.members.size(); ++position) {
    const uint16_t index = group.members[position];
    if (!available[index]) continue;
    const uint32_t weight = effective_weight(route, index);
    if (left < weight) return position;
    left -= weight;
  }
  check_failed("a weight was drawn", __FILE__, __LINE__);
}

}  // namespace

void lay_out(Route& route) {
  constexpr std::array<Endpoint, kEndpoints> kAll = {Endpoint::kChat, Endpoint::kCompletions,
                                                     Endpoint::kEmbeddings};
  route.endpoints = 0;
  for (const Endpoint endpoint : kAll) {
    const size_t index = endpoint_index(endpoint);
    route.groups[index] = group_targets(route, index);
    if (!route.groups[index].empty()) route.endpoints |= endpoint_bit(endpoint);
  }
  route.layout = hash_layout(route);
}

uint32_t effective_weight(const Route& route, uint32_t index) {
  return route.algorithm == Algorithm::kRoundRobin ? 1 : route.targets[index].weight;
}

uint16_t pick_by_credit(const Route& route, const TargetGroup& group, const TargetSet& available,
                        uint64_t random, Credits& credits) {
  WEIR_DCHECK(available.any());
  WEIR_DCHECK(credits.credit.size() == group.members.size());
  const bool fresh = credits.set != available;
  if (fresh) {
    std::fill(credits.credit.begin(), credits.credit.end(), 0);
    credits.set = available;
  }
  uint64_t sum = 0;
  size_t best = group.members.size();
  for (size_t position = 0; position < group.members.size(); ++position) {
    const uint16_t index = group.members[position];
    if (!available[index]) continue;
    const uint32_t weight = effective_weight(route, index);
    sum += weight;
    credits.credit[position] += weight;
    if (best == group.members.size() || credits.credit[position] > credits.credit[best]) {
      best = position;
    }
  }
  WEIR_CHECK(best < group.members.size());
  if (fresh) best = draw(route, group, available, random, sum);
  credits.credit[best] -= static_cast<int64_t>(sum);
  return group.members[best];
}

uint16_t pick_least_inflight(const Route& route, const TargetGroup& group,
                             const TargetSet& available, uint16_t first,
                             const InflightView& inflight) {
  WEIR_DCHECK(available.any());
  const auto load_of = [&](uint16_t index) { return inflight.of(route.targets[index].slot); };
  bool found = available[first];
  uint16_t best = first;
  uint64_t best_load = found ? load_of(first) : 0;
  for (const uint16_t index : group.members) {
    if (!available[index] || (found && index == best)) continue;
    const uint64_t load = load_of(index);
    // load/weight, compared without the divisions.
    if (!found ||
        load * effective_weight(route, best) < best_load * effective_weight(route, index)) {
      best = index;
      best_load = load;
      found = true;
    }
  }
  WEIR_CHECK(found);
  return best;
}

}  // namespace weir
