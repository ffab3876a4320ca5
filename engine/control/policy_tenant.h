// One tenant of a PolicyTable: what its `read` policies say, and its routes as these policies see
// them.
//
// Policies may change while the routes stay: what a route leads to is kept as numbers of things
// (models, providers, balancers), and each thing has the rules about it. Control thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/hash_index.h"
#include "control/policy.h"
#include "control/routing_source.h"
#include "route/access.h"

namespace weir {

// A caller as the policies tell callers apart: numbers of the subjects that they name, sorted.
using PolicySubjects = std::vector<uint32_t>;

class PolicyTenant {
 public:
  // `places`: by slot, for all tenants of a table; it outlives this.
  explicit PolicyTenant(std::vector<uint32_t>* places) : places_(*places) {}
  PolicyTenant(const PolicyTenant&) = delete;
  PolicyTenant& operator=(const PolicyTenant&) = delete;

  // Other policies: clear, add each, done. The policies need not outlive this. What callers were
  // given before means nothing then.
  void policies_clear();
  void policy_add(const PolicyConfig& policy);
  void policies_done();
  [[nodiscard]] bool has_policies() const { return !subjects_.empty(); }

  // `draft`: what the route was made from.
  void route_add(const Route& route, const RouteDraft& draft);
  void route_drop(uint32_t slot);

  [[nodiscard]] PolicySubjects subjects_of(const PolicyCaller& caller) const;
  // The same for the same subjects, whatever their numbers.
  [[nodiscard]] std::string text_of(const PolicySubjects& subjects) const;
  // Of all routes. Most are the same for a caller as for one whom no policy names but those of
  // everyone.
  [[nodiscard]] Access access(const PolicySubjects& caller, bool admin,
                              std::string_view environment);
  // Slots of the routes that came or went since the last settled(), sorted.
  [[nodiscard]] const std::vector<uint32_t>& stale();
  // What of these routes such a caller may not use.
  void judge(const std::vector<uint32_t>& slots, const PolicySubjects& caller, bool admin,
             std::string_view environment, Access* out) const;
  void settled();

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Statement {
    PolicyResource resource;
    uint32_t subject = 0;
    bool deny = false;
  };
  // The policies that name one thing, by their subjects: sorted numbers.
  struct Rules {
    PolicySubjects allow, deny;
    [[nodiscard]] bool empty() const { return allow.empty() && deny.empty(); }
  };
  struct Thing {
    PolicyKind kind = PolicyKind::kModel;
    bool lists_backends = false;
    std::string text;  // uuid, name, alias and place of PolicyThing, in one allocation
    std::array<uint32_t, 4> ends{};
    uint64_t hash = 0;
    uint32_t holders = 0;  // members of routes; 0: a free number
    Rules rules;
  };
  struct Member {  // a model that a call of the route may mean
    uint32_t target, model, provider;
  };
  struct View {
    uint32_t slot = 0;
    uint32_t targets = 0;
    uint32_t balancer = kNone;
    bool ruled = false;  // something of it has rules of its own
    uint8_t environment = 0;
    Member first{};  // most have one
    std::vector<Member> others;
  };

  uint32_t subject_number(const PolicySubject& subject);
  [[nodiscard]] uint32_t thing_hold(const PolicyThing& thing);
  [[nodiscard]] uint32_t provider_hold(const Provider& provider);
  void thing_drop(uint32_t number);
  [[nodiscard]] Rules rules_of(const PolicyThing& thing) const;
  [[nodiscard]] static PolicyThing thing_of(const Thing& thing);
  [[nodiscard]] const View* view(uint32_t slot) const;
  [[nodiscard]] uint8_t environment_number(std::string_view name);
  template <typename Visit>
  static void each_member(const View& view, Visit visit);
  template <typename Visit>
  void each_thing(const View& view, Visit visit) const;
  // The subjects of the rules about the route, but for those that are everywhere.
  template <typename Visit>
  void each_subject(const View& view, Visit visit) const;
  void view_rule(View* view);
  [[nodiscard]] PolicySubjects everyone() const;
  [[nodiscard]] const Access& base(bool admin, std::string_view environment);
  [[nodiscard]] bool permitted(const View& view, const Member& member,
                               const PolicySubjects& caller, bool admin) const;
  void judge(const View& view, const PolicySubjects& caller, bool admin,
             std::string_view environment, Access* out) const;

  // Of the policies.
  Rules everything_;
  std::vector<Statement> about_all_;                                 // of a kind
  std::unordered_map<std::string, std::vector<Statement>> by_name_;  // folded
  std::deque<std::string> texts_;  // that statements and subjects borrow
  std::map<PolicySubject, uint32_t> subjects_;
  std::vector<PolicySubject> subject_list_;  // by number
  std::vector<bool> everywhere_;             // by number: named by a policy about every route
  // Of the routes.
  std::vector<Thing> things_;
  std::vector<uint32_t> free_things_;
  HashIndex thing_index_;
  uint32_t last_provider_ = kNone;  // that was held: most routes lead to few
  std::vector<std::string> environments_;
  std::vector<View> views_;
  std::vector<uint32_t>& places_;  // in views_, by slot
  std::string place_;              // as it is being put together
  // Of both.
  std::vector<std::unordered_set<uint32_t>> touched_;     // by subject: slots
  std::map<std::pair<std::string, bool>, Access> bases_;  // by environment and role
  std::vector<uint32_t> stale_;
};

}  // namespace weir
