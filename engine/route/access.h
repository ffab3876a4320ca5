// What policies leave of the routes for one set of callers: immutable, built by the control thread
// (control/policy_table.h) and shared by all keys that the same policies name.
//
// A route is in one of three states: all of it may be used, none of it, or all but some targets.
// Only the last takes memory for each route. Read by workers through a Principal, which they pin.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "route/route.h"

namespace weir {

// The answer for one route. `excluded` is borrowed from the principal; null: no target is left out.
struct Permit {
  bool allowed = true;
  const TargetSet* excluded = nullptr;
};

class Access {
 public:
  struct Part {
    uint32_t route_slot = 0;
    TargetSet excluded;  // never all targets of the route
    bool operator==(const Part&) const = default;
  };

  Access() = default;

  // Building. What `base` says, but for these routes (sorted slots): they may be used.
  static Access copy_without(const Access& base, std::span<const uint32_t> route_slots);
  // Each route once; the others may be used.
  void deny(uint32_t route_slot) { mark(route_slot); }
  void narrow(uint32_t route_slot, const TargetSet& excluded) {
    mark(route_slot);
    parts_.push_back({route_slot, excluded});
  }
  // Called once, before use. `id`: another one for each content that there ever was.
  void finish(uint64_t id);

  [[nodiscard]] Permit permit(uint32_t route_slot) const {
    if (!marked(route_slot)) return {};
    const auto part = std::lower_bound(
        parts_.begin(), parts_.end(), route_slot,
        [](const Part& p, uint32_t slot) { return p.route_slot < slot; });
    if (part == parts_.end() || part->route_slot != route_slot) return {false, nullptr};
    return {true, &part->excluded};
  }
  [[nodiscard]] uint64_t id() const { return id_; }
  // Nothing is forbidden.
  [[nodiscard]] bool empty() const { return marks_.empty(); }
  [[nodiscard]] bool same_content(const Access& other) const {
    return marks_ == other.marks_ && parts_ == other.parts_;
  }

 private:
  static constexpr uint32_t kWordBits = 64;
  [[nodiscard]] bool marked(uint32_t slot) const {
    const size_t word = slot / kWordBits;
    return word < marks_.size() && (marks_[word] >> (slot % kWordBits) & 1) != 0;
  }
  void mark(uint32_t slot);

  std::vector<uint64_t> marks_;  // bit by route slot: not all of it may be used
  std::vector<Part> parts_;      // of the marked ones those that are not denied; sorted by slot
  uint64_t id_ = 0;
};

// What this caller may use of the route: the key's own `models`, then the policies.
[[nodiscard]] inline Permit permit_of(const Principal& who, const Route& route) {
  if (!who.all_models && !std::binary_search(who.allowed_routes.begin(), who.allowed_routes.end(),
                                             route.slot)) {
    return {false, nullptr};
  }
  if (who.access == nullptr) return {};
  return who.access->permit(route.slot);
}

// Whether the caller sees target number `target` of the route in lists of models.
[[nodiscard]] inline bool may_see(const Principal& who, const Route& route, size_t target) {
  if (route.tenant != who.tenant || route.environment != who.environment) return false;
  const Permit permit = permit_of(who, route);
  return permit.allowed && (permit.excluded == nullptr || !(*permit.excluded)[target]);
}

}  // namespace weir
