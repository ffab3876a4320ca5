// Small dense numbers ("slots") for the things that workers keep arrays of, and their names.
//
// Control thread only; workers see slots inside records. A target's health lives here, so it is
// reached by workers and outlives every snapshot. Invariants:
// 1. The same key gets the same slot while anything holds it (SlotLeases), so counters and health
//    survive reloads.
// 2. A slot that nothing holds any more is cleared by every worker before it is given out again:
//    clear_list() goes out with each publication until reclaim() hears that all workers run one
//    that had it. Then counts of the old owner are in the workers' sums of what is gone, its pooled
//    connections are closed and its tokens forgotten. A key that comes back before keeps its slot.
// 3. A record is freed when no worker pins it and the ledger rings were drained since. Its pin is
//    free at once, its slots are let go then.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config_price.h"
#include "control/policy_table.h"
#include "control/slot_table.h"
#include "limit/estimate.h"
#include "limit/registry.h"
#include "link/worker_link.h"
#include "route/health.h"
#include "route/snapshot.h"
#include "route/target.h"

namespace weir {

class SlotLeases;

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
    bool configured = false;  // in the snapshot that configured_set() was last told
  };
  struct SeriesName {
    std::string alias;
    uint32_t route = 0, target = 0;  // their slots
    bool used = false;               // false: a free slot
    std::optional<Price> price;      // of the target under that alias
  };
  struct KeyName {
    std::string id, name, tenant;
  };

  // Each is held by the leases until they end.
  uint32_t route_slot(std::string_view tenant, std::string_view environment, std::string_view name,
                      int64_t now_unix_s, SlotLeases* leases);
  // Makes the health object with the slot.
  uint32_t target_slot(std::string_view tenant, std::string_view provider, std::string_view model,
                       SlotLeases* leases);
  // Of something that holds them already.
  void target_again(uint32_t slot, SlotLeases* leases);
  void buckets_again(const LimitSet& buckets, SlotLeases* leases);
  // Both slots are held by the same leases, so a series never outlives them.
  uint32_t series_slot(uint32_t route, uint32_t target, SlotLeases* leases);
  uint32_t pool_slot(const Provider& provider, SlotLeases* leases);
  // One for each credential of a provider: another credential, another token.
  uint32_t token_slot(const Provider& provider, SlotLeases* leases);
  Bucket* bucket(std::string_view id, const BucketSpec& spec, Nanos now, SlotLeases* leases);
  // Empty for a route.
  uint32_t pin_take(KeyName name, SlotLeases* leases);

  // What workers must clear when they take the publication of this epoch.
  [[nodiscard]] SlotsToClear clear_list(uint64_t epoch);
  // All workers run at least this epoch, and no counts of theirs from before are still looked at.
  void reclaim(uint64_t epoch);

  void configured_set(const Snapshot& snapshot);

  [[nodiscard]] const LimitRegistry& limits() const { return limits_; }
  [[nodiscard]] PolicyMemory& policies() { return policies_; }
  [[nodiscard]] const std::vector<RouteName>& routes() const { return routes_.names; }
  [[nodiscard]] std::vector<TargetName>& targets() { return targets_.names; }
  [[nodiscard]] const std::vector<TargetName>& targets() const { return targets_.names; }
  [[nodiscard]] std::vector<SeriesName>& series() { return series_.names; }
  [[nodiscard]] const std::vector<SeriesName>& series() const { return series_.names; }
  // Another number whenever a slot got another name.
  [[nodiscard]] uint64_t names_version() const { return names_version_; }
  // Null for a slot that is free or belongs to a route.
  [[nodiscard]] const KeyName* key_name(uint32_t pin) const;

 private:
  friend class SlotLeases;
  void pin_release(uint32_t slot);

  uint32_t cores_;
  SlotTable<RouteName> routes_;
  SlotTable<TargetName> targets_;
  SlotTable<SeriesName> series_;
  SlotTable<KeyDigest> tokens_, pools_;  // by the digest of what they stand for
  LimitRegistry limits_;
  PolicyMemory policies_;
  std::vector<KeyName> pins_;
  std::vector<bool> pin_used_;
  std::vector<uint32_t> free_pins_;
  uint64_t names_version_ = 0;
};

// What one record holds of the registry; let go when the record is freed. Moved with it. The
// registry outlives it.
class SlotLeases {
 public:
  explicit SlotLeases(Registry* registry) : registry_(registry) {}
  ~SlotLeases();
  SlotLeases(SlotLeases&& other) noexcept
      : registry_(other.registry_),
        slots_(std::exchange(other.slots_, {})),
        buckets_(std::exchange(other.buckets_, {})),
        pin_(std::exchange(other.pin_, {})) {}
  SlotLeases& operator=(SlotLeases&&) = delete;
  void reserve(size_t slots) { slots_.reserve(slots); }

 private:
  friend class Registry;
  enum class Kind : uint8_t { kRoute, kTarget, kSeries, kToken, kPool };
  Registry* registry_;
  std::vector<std::pair<Kind, uint32_t>> slots_;
  std::vector<Bucket*> buckets_;
  std::optional<uint32_t> pin_;
};

}  // namespace weir
