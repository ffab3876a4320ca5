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
// forbidden. Control thread, at each snapshot; the result lives as long as its principals.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "control/config.h"
#include "control/policy.h"
#include "route/access.h"

namespace weir {

// Kept from one build to the next, so that what did not change stays the same record with the same
// id.
class PolicyMemory {
 public:
  using Table = std::map<std::string, std::shared_ptr<const Access>>;

 private:
  friend class PolicyBuild;
  Table last_;
  uint64_t last_id_ = 0;
};

class PolicyBuild {
 public:
  // All three outlive the build. `routes`: all of the snapshot.
  PolicyBuild(const Config& config, std::span<const std::shared_ptr<const Route>> routes,
              PolicyMemory* memory);
  ~PolicyBuild();
  PolicyBuild(const PolicyBuild&) = delete;
  PolicyBuild& operator=(const PolicyBuild&) = delete;

  // Null: everything that the caller's environment has may be used.
  [[nodiscard]] std::shared_ptr<const Access> access_of(const PolicyCaller& caller,
                                                        const std::string& environment);
  // The build was published: its records are the ones to compare the next with.
  void keep();

 private:
  class Tenant;
  PolicyMemory& memory_;
  PolicyMemory::Table made_;  // by who is meant: tenant, environment, role, named subjects
  std::map<std::string, std::unique_ptr<Tenant>> tenants_;
};

}  // namespace weir
