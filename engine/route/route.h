// What one model name leads to: targets, how to choose among them, how often to try.
// And Principal: who asks. Both are immutable records with a pin slot (pins.h); built and freed by
// the control thread, read by workers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "route/target.h"

namespace weir {

enum class Algorithm : uint8_t { kRoundRobin, kWeightedRoundRobin, kLeastInflight, kPriority };

struct Route {
  static constexpr uint32_t kMaxTargets = 256;

  std::string name;          // what the client said: alias, provider/id or upstream id
  std::string tenant;
  std::string environment;   // "production" | "sandbox"
  bool is_alias = false;     // listed by /v1/models
  int64_t created_unix_s = 0;
  Algorithm algorithm = Algorithm::kWeightedRoundRobin;
  uint32_t suspend_ms = 10'000;
  uint32_t max_attempts = 3;
  std::vector<Target> targets;
  // Smooth weighted round robin laid out once: target indices, length = sum of weights / gcd.
  std::vector<uint16_t> ring;
  uint32_t endpoints = 0;    // union of what its targets can serve
  uint32_t slot = 0;         // dense, stable by (tenant, environment, name): balancing state
  uint32_t pin = 0;          // slot in the workers' PinTable, unique to this record
};

enum class Role : uint8_t { kUser, kAdmin };

struct Principal {
  std::string id;            // key uuid
  std::string name;
  std::string tenant;
  std::string environment;
  Role role = Role::kUser;
  bool metrics_only = false;
  bool all_models = true;
  std::vector<uint32_t> allowed_routes;  // sorted Route::slot, when !all_models
  int64_t expires_unix_s = 0;            // 0: never
  uint32_t pin = 0;
};

}  // namespace weir
