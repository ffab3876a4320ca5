// What one model name leads to: targets, how to choose among them, how often to try.
// And Principal: who asks. Both are immutable records with a pin slot (pins.h); built and freed by
// the control thread, read by workers.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "limit/limit_set.h"
#include "route/target.h"

namespace weir {

class Access;
class OutputEstimate;

enum class Algorithm : uint8_t { kRoundRobin, kWeightedRoundRobin, kLeastInflight, kPriority };

// Targets of one endpoint and one priority, laid out by balance.h when the snapshot is built.
struct TargetGroup {
  std::vector<uint16_t> members;  // indices into Route::targets, ascending
  std::vector<uint16_t> ring;     // the order of first picks; empty: picked by credit
};

// A model object as /v1/models shows it.
struct ListedModel {
  std::string json;
  std::string uuid;
  uint64_t rank = 0;    // the newest has the highest
  uint32_t target = 0;  // index into Route::targets: who may use that one sees the model
};

struct Route {
  static constexpr uint32_t kMaxTargets = 256;
  static constexpr uint32_t kMaxWeight = 1'000'000;

  std::string name;          // what the client said: alias, provider/id or upstream id
  std::string tenant;
  std::string environment;   // "production" | "sandbox"
  bool is_alias = false;     // to be listed even when no model goes by it
  int64_t created_unix_s = 0;
  Algorithm algorithm = Algorithm::kWeightedRoundRobin;
  uint32_t suspend_ms = 10'000;
  uint32_t max_attempts = 3;
  std::vector<Target> targets;
  // Filled by SnapshotBuilder: per endpoint the groups in the order in which they are tried.
  std::array<std::vector<TargetGroup>, kEndpoints> groups;
  uint64_t layout = 0;       // hash of what the balancing state depends on
  uint64_t born = 0;         // epoch of the snapshot for which the record was made
  std::vector<ListedModel> listed;  // the models that go by this name
  LimitSet limits;           // of the alias; buckets borrowed from the control plane
  OutputEstimate* output = nullptr;  // mean answer of this model; borrowed alike
  uint32_t endpoints = 0;    // union of what its targets can serve
  uint32_t slot = 0;         // dense, stable by (tenant, environment, name): balancing state
  uint32_t pin = 0;          // slot in the workers' PinTable, unique to this record
};

// A set of indices into Route::targets.
using TargetSet = std::bitset<Route::kMaxTargets>;

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
  // Released on the control thread only. Null: no policy of the tenant narrows anything.
  std::shared_ptr<const Access> access;
  LimitSet limits;                       // of the tenant and of the key; buckets borrowed
  uint32_t pin = 0;
};

}  // namespace weir
