// Compiles the `read` policies of a configuration into what each caller may use: one Access for all
// callers that the same policies name, none where nothing is forbidden.
//
// What holds for a call of caller C that would reach model M of provider P, by the name of load
// balancer B or without one:
//   1. A deny that names C and one of M, P, B, or `*`, forbids it. Nothing else binds an admin.
//   2. Each of M, P and B that has allow policies of its own must have one that names C, or C is
//      named by an allow of `*`.
//   3. Where an allow of `*` exists at all, C must be named by one, or by an allow of M, P or B.
// A name that stands for several models of one place (provider/id, an upstream id) may be used if
// one of them may. A target that is forbidden is left out of its route; a route without targets is
// forbidden.
//
// A table is made for one set of policies, given all routes, and then told which routes change and
// what the policies are now: the records that this leaves as they were stay the same. Control
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/policy.h"
#include "control/routing_source.h"
#include "route/access.h"

namespace weir {

class PolicyTenant;

// Callers whom the same policies name.
struct PolicyGroup {
  std::shared_ptr<const Access> access;  // null: everything may be used
  bool changed = false;                  // by the last settle()
};

// Kept from one table to the next, so that what did not change stays the same record with the same
// id.
class PolicyMemory {
 public:
  using Records = std::map<std::string, std::shared_ptr<const Access>>;

 private:
  friend class PolicyTable;
  Records last_;
  uint64_t last_id_ = 0;
};

class PolicyTable {
 public:
  // The memory outlives it; the policies need not.
  PolicyTable(std::span<const PolicyConfig* const> policies, PolicyMemory* memory);
  ~PolicyTable();
  PolicyTable(const PolicyTable&) = delete;
  PolicyTable& operator=(const PolicyTable&) = delete;

  // These tenants have other policies now; all groups of theirs are to be asked for again.
  void policies_set(std::span<const PolicyConfig* const> policies,
                    const std::set<std::string>& tenants);
  // `draft`: what the route was made from.
  void route_add(const Route& route, const RouteDraft& draft);
  void route_drop(const Route& route);
  // After the routes changed, and before group_of(): brings the groups to what they are now. True:
  // some of them changed.
  [[nodiscard]] bool settle();
  // Null: the caller's tenant has no policies.
  [[nodiscard]] std::shared_ptr<const PolicyGroup> group_of(const PolicyCaller& caller,
                                                            std::string_view environment);
  // The routing was published: its records are the ones to compare the next with. Groups that
  // nobody holds are forgotten.
  void keep();

 private:
  struct Group;
  [[nodiscard]] PolicyTenant& tenant(const std::string& name);
  [[nodiscard]] std::shared_ptr<const Access> record(const std::string& key, Access access);

  PolicyMemory& memory_;
  std::vector<uint32_t> places_;  // of PolicyTenant: slots are of all tenants
  std::map<std::string, std::unique_ptr<PolicyTenant>, std::less<>> tenants_;
  std::map<std::string, std::shared_ptr<Group>> groups_;  // by who is meant
};

}  // namespace weir
