// Small dense numbers ("slots") for the things that workers keep arrays of, and their names.
//
// Control thread only; workers see slots inside records. A target's health lives here, so it is
// reached by workers and outlives every snapshot. Invariants:
// 1. The same key always gets the same slot, so counters and health survive reloads.
// 2. Slots of routes, targets, series and pools are never given to another key: counters and pooled
//    connections of the old owner may still be in the workers. A name costs some bytes for ever.
// 3. A pin slot is reused after pin_release(), which the caller does when no worker pins the record
//    and the ledger rings were drained since.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/policy_build.h"
#include "route/health.h"
#include "limit/estimate.h"
#include "limit/registry.h"
#include "route/target.h"

namespace weir {

class Registry {
 public:
  // `cores` is the number of workers.
  explicit Registry(uint32_t cores = 1) : cores_(cores), limits_(cores) {}

  struct RouteName {
    std::string tenant, environment, name;
    int64_t created_unix_s = 0;  // when it was first seen
    std::unique_ptr<OutputEstimate> output;
  };
  struct TargetName {
    std::string id;  // "provider/model"; "tenant:provider/model" outside the default tenant
    std::string uuid, provider, model, tenant;
    std::unique_ptr<TargetHealth> health;
    bool configured = false;  // in the newest snapshot
  };
  struct SeriesName {
    std::string alias;
    uint32_t target = 0;  // target slot
  };
  struct KeyName {
    std::string id, name, tenant;
  };

  uint32_t route_slot(std::string_view tenant, std::string_view environment, std::string_view name,
                      int64_t now_unix_s);
  // Makes the health object with the slot.
  uint32_t target_slot(std::string_view tenant, std::string_view provider, std::string_view model);
  uint32_t series_slot(std::string_view alias, uint32_t target);
  uint32_t pool_slot(const Provider& provider);
  // One for each credential of a provider: another credential, another token.
  uint32_t token_slot(const Provider& provider);
  uint32_t pin_take(KeyName name);
  void pin_release(uint32_t slot);

  [[nodiscard]] LimitRegistry& limits() { return limits_; }
  [[nodiscard]] PolicyMemory& policies() { return policies_; }
  [[nodiscard]] const std::vector<RouteName>& routes() const { return routes_.names; }
  [[nodiscard]] std::vector<TargetName>& targets() { return targets_.names; }
  [[nodiscard]] const std::vector<TargetName>& targets() const { return targets_.names; }
  [[nodiscard]] const std::vector<SeriesName>& series() const { return series_.names; }
  // Null for a slot that is free or belongs to a route.
  [[nodiscard]] const KeyName* key_name(uint32_t pin) const;

 private:
  template <typename Name>
  struct Table {
    std::map<std::string, uint32_t, std::less<>> slots;
    std::vector<Name> names;
  };
  Table<RouteName> routes_;
  Table<TargetName> targets_;
  Table<SeriesName> series_;
  Table<bool> tokens_;
  uint32_t cores_;
  LimitRegistry limits_;
  PolicyMemory policies_;
  Table<bool> pools_;
  std::vector<KeyName> pins_;
  std::vector<bool> pin_used_;
  std::vector<uint32_t> free_pins_;
};

}  // namespace weir
