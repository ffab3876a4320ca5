// The whole routing configuration at one moment: immutable, built by the control thread, read by
// workers within one turn of their loop (never kept across turns: pin the Route and the Principal).
//
// Lookup by name, by key digest and by key id are one open-addressing probe each; nothing here
// allocates after build(). Weir's decisions are functions of (snapshot, core state, request, now).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "route/route.h"

namespace weir {

using KeyDigest = std::array<uint8_t, 32>;  // SHA-256 of a client's API key

class Snapshot {
 public:
  // The record of a key, or null. The digest is compared in constant time.
  [[nodiscard]] const Principal* find_principal(const KeyDigest& digest) const;
  // The record of a key by its id (Principal::id) and the digest that it is found by. Null: none. A
  // key whose value is being changed has two of each: `nth` counts them.
  struct Key {
    const Principal* principal = nullptr;
    KeyDigest digest{};
  };
  [[nodiscard]] Key find_key(std::string_view id, size_t nth = 0) const;
  // `name` is the client's model. Null: no such name in this tenant and environment.
  [[nodiscard]] const Route* find_route(std::string_view tenant, std::string_view environment,
                                        std::string_view name) const;
  [[nodiscard]] const std::vector<std::shared_ptr<const Route>>& routes() const { return routes_; }
  [[nodiscard]] const std::vector<std::shared_ptr<const Principal>>& principals() const {
    return principals_;
  }
  [[nodiscard]] uint64_t epoch() const { return epoch_; }
  // One more than the largest slot in use, for sizing the workers' arrays.
  [[nodiscard]] uint32_t route_slots() const { return route_slots_; }
  [[nodiscard]] uint32_t target_slots() const { return target_slots_; }
  [[nodiscard]] uint32_t series_slots() const { return series_slots_; }
  [[nodiscard]] uint32_t pool_slots() const { return pool_slots_; }
  [[nodiscard]] uint32_t pin_slots() const { return pin_slots_; }
  // Whether a provider of this snapshot uses the pool slot (workers drain the others).
  [[nodiscard]] bool pool_in_use(uint32_t pool_slot) const;

 private:
  friend class SnapshotBuilder;
  Snapshot() = default;
  struct NameEntry {
    uint64_t hash = 0;
    const Route* route = nullptr;
    size_t place = 0;  // in routes_
  };
  struct KeyEntry {
    KeyDigest digest{};
    const Principal* principal = nullptr;
  };
  // Where the name is, or the empty entry where it would be.
  [[nodiscard]] size_t name_at(uint64_t hash, std::string_view tenant,
                               std::string_view environment, std::string_view name) const;
  // Powers of two, at most half full, so that a search always ends at an empty entry.
  std::vector<NameEntry> names_;
  std::vector<KeyEntry> keys_;
  std::vector<uint32_t> ids_;  // by the hash of Principal::id: one more than the place in keys_
  uint64_t seed_ = 0;
  std::vector<std::shared_ptr<const Route>> routes_;
  std::vector<std::shared_ptr<const Principal>> principals_;
  std::vector<bool> pools_in_use_;
  uint64_t epoch_ = 0;
  uint32_t route_slots_ = 0, target_slots_ = 0, series_slots_ = 0, pool_slots_ = 0, pin_slots_ = 0;
};

// What add_route() refuses of a route alone.
[[nodiscard]] Result<void> route_check(const Route& route);

// Control thread. Add everything, or begin with a former snapshot and change what is no longer
// true; then build once. Slots are given by the caller (the registry of the control plane keeps
// them stable). The hash seed is random, so that nobody can choose names that meet in the table.
class SnapshotBuilder {
 public:
  explicit SnapshotBuilder(uint64_t epoch, uint64_t hash_seed);
  // Begins with all that `former` has: a copy of its tables, whose records are shared.
  explicit SnapshotBuilder(uint64_t epoch, const Snapshot& former);
  ~SnapshotBuilder();
  SnapshotBuilder(const SnapshotBuilder&) = delete;
  SnapshotBuilder& operator=(const SnapshotBuilder&) = delete;

  // Lays out the groups and the endpoint set. Refused (kConfig): no targets, more than
  // Route::kMaxTargets, a weight of 0 or above Route::kMaxWeight, the same (tenant, environment,
  // name) twice, a slot twice.
  [[nodiscard]] Result<void> add_route(Route route);
  // Sorts allowed_routes. Refused (kConfig): the same digest twice.
  [[nodiscard]] Result<void> add_principal(const KeyDigest& digest, Principal principal);
  // Take over an unchanged record of an older snapshot as it is, with its pin slot.
  [[nodiscard]] Result<void> add_route(std::shared_ptr<const Route> route);
  [[nodiscard]] Result<void> add_principal(const KeyDigest& digest,
                                           std::shared_ptr<const Principal> principal);
  void reserve(size_t routes);
  // What was added so far.
  [[nodiscard]] std::span<const std::shared_ptr<const Route>> routes() const {
    return snapshot_->routes_;
  }
  // Null: there was none of that name.
  std::shared_ptr<const Route> drop_route(std::string_view tenant, std::string_view environment,
                                          std::string_view name);
  // Of that very name. Null: none.
  [[nodiscard]] const Route* find_exact(std::string_view tenant, std::string_view environment,
                                        std::string_view name) const;
  void drop_principals();
  // The pools of the provider are in use, whether a route leads to it or not.
  void use_pools(const Provider& provider);
  void drop_pools();
  [[nodiscard]] std::unique_ptr<const Snapshot> build();

 private:
  struct Seen;  // what was added, to find the second of a kind
  void count_slots(const Route& route);
  void names_grow(size_t size);

  std::unique_ptr<Snapshot> snapshot_;
  std::unique_ptr<Seen> seen_;
  std::vector<KeyDigest> digests_;
  bool keys_kept_ = false;  // as the former snapshot had them
};

}  // namespace weir
