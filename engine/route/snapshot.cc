#include "route/snapshot.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/check.h"
#include "route/balance.h"

namespace weir {

namespace {

uint64_t load_u64(const void* from, size_t bytes) {
  uint64_t value = 0;
  std::memcpy(&value, from, bytes);
  return value;
}

uint64_t absorb(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9fb21c651e98df25ull;
  return hash ^ (hash >> 32);
}

uint64_t absorb(uint64_t hash, std::string_view text) {
  // The length goes first, so that ("ab", "c") and ("a", "bc") differ.
  hash = absorb(hash, text.size());
  while (text.size() >= 8) {
    hash = absorb(hash, load_u64(text.data(), 8));
    text.remove_prefix(8);
  }
  return text.empty() ? hash : absorb(hash, load_u64(text.data(), text.size()));
}

uint64_t hash_name(uint64_t seed, std::string_view tenant, std::string_view environment,
                   std::string_view name) {
  uint64_t hash = absorb(absorb(absorb(seed, tenant), environment), name);
  hash *= 0xd6e8feb86659fd93ull;
  return hash ^ (hash >> 32);
}

// A digest is as good as random already; the seed hides which entries are neighbours.
uint64_t hash_digest(uint64_t seed, const KeyDigest& digest) {
  return absorb(seed, load_u64(digest.data(), 8));
}

// Takes the same time wherever the two differ. `volatile` keeps the compiler from leaving early.
bool digests_equal(const KeyDigest& a, const KeyDigest& b) {
  static_assert(sizeof(KeyDigest) % 8 == 0);
  volatile uint64_t difference = 0;
  for (size_t i = 0; i < sizeof(KeyDigest); i += 8) {
    difference = difference | (load_u64(a.data() + i, 8) ^ load_u64(b.data() + i, 8));
  }
  return difference == 0;
}

size_t table_size(size_t entries) { return std::bit_ceil(std::max<size_t>(entries * 2, 2)); }

Error config_error(std::string_view message) { return Error{Errc::kConfig, message}; }

}  // namespace

const Principal* Snapshot::find_principal(const KeyDigest& digest) const {
  const size_t mask = keys_.size() - 1;
  for (size_t i = hash_digest(seed_, digest) & mask;; i = (i + 1) & mask) {
    const KeyEntry& entry = keys_[i];
    if (entry.principal == nullptr) return nullptr;
    if (digests_equal(entry.digest, digest)) return entry.principal;
  }
}

size_t Snapshot::name_at(uint64_t hash, std::string_view tenant, std::string_view environment,
                         std::string_view name) const {
  const size_t mask = names_.size() - 1;
  size_t i = hash & mask;
  for (; names_[i].route != nullptr; i = (i + 1) & mask) {
    const NameEntry& entry = names_[i];
    if (entry.hash != hash || entry.route->name != name) continue;
    if (entry.route->tenant == tenant && entry.route->environment == environment) break;
  }
  return i;
}

Snapshot::Key Snapshot::find_key(std::string_view id, size_t nth) const {
  const size_t mask = ids_.size() - 1;
  for (size_t i = absorb(seed_, id) & mask; ids_[i] != 0; i = (i + 1) & mask) {
    const KeyEntry& entry = keys_[ids_[i] - 1];
    if (entry.principal->id == id && nth-- == 0) return {entry.principal, entry.digest};
  }
  return {};
}

const Route* Snapshot::find_route(std::string_view tenant, std::string_view environment,
                                  std::string_view name) const {
  const uint64_t hash = hash_name(seed_, tenant, environment, name);
  if (const Route* route = names_[name_at(hash, tenant, environment, name)].route) return route;
  // One route stands for all rehearsals, whose names are made up by the client.
  constexpr std::string_view kRehearsals = "loopback/*";
  const bool rehearsal = name.starts_with(kRehearsals.substr(0, kRehearsals.size() - 1));
  if (!rehearsal || name == kRehearsals) return nullptr;
  return find_route(tenant, environment, kRehearsals);
}

bool Snapshot::pool_in_use(uint32_t pool_slot) const {
  return pool_slot < pools_in_use_.size() && pools_in_use_[pool_slot];
}

struct SnapshotBuilder::Seen {
  std::unordered_set<std::string> digests;
  std::vector<bool> route_slots;
};

SnapshotBuilder::SnapshotBuilder(uint64_t epoch, uint64_t hash_seed)
    : snapshot_(new Snapshot), seen_(std::make_unique<Seen>()) {
  snapshot_->epoch_ = epoch;
  snapshot_->seed_ = hash_seed;
  snapshot_->names_.resize(table_size(0));
}

SnapshotBuilder::SnapshotBuilder(uint64_t epoch, const Snapshot& former)
    : snapshot_(new Snapshot(former)), seen_(std::make_unique<Seen>()), keys_kept_(true) {
  snapshot_->epoch_ = epoch;
}

SnapshotBuilder::~SnapshotBuilder() = default;

Result<void> route_check(const Route& route) {
  static_assert(Route::kMaxTargets == 256 && Route::kMaxWeight == 1'000'000, "said below");
  if (route.targets.empty()) return std::unexpected(config_error("a route needs a target"));
  if (route.targets.size() > Route::kMaxTargets) {
    return std::unexpected(config_error("a route has at most 256 targets"));
  }
  for (const Target& target : route.targets) {
    if (target.weight == 0 || target.weight > Route::kMaxWeight) {
      return std::unexpected(config_error("a weight is from 1 to 1000000"));
    }
  }
  return {};
}

Result<void> SnapshotBuilder::add_route(Route route) {
  if (const auto good = route_check(route); !good) return good;
  lay_out(route);
  if (route.born == 0) route.born = snapshot_->epoch_;
  return add_route(std::make_shared<const Route>(std::move(route)));
}

Result<void> SnapshotBuilder::add_route(std::shared_ptr<const Route> route) {
  WEIR_CHECK(snapshot_ != nullptr);
  WEIR_CHECK(route->layout != 0);
  Snapshot& to = *snapshot_;
  names_grow(table_size(to.routes_.size() + 1));
  const uint64_t hash = hash_name(to.seed_, route->tenant, route->environment, route->name);
  const size_t at = to.name_at(hash, route->tenant, route->environment, route->name);
  if (to.names_[at].route != nullptr) {
    return std::unexpected(config_error("two routes of one tenant have the same name"));
  }
  if (seen_->route_slots.size() <= route->slot) {
    seen_->route_slots.resize(std::max<size_t>(route->slot + 1, 2 * seen_->route_slots.size()));
  }
  if (seen_->route_slots[route->slot]) {
    return std::unexpected(config_error("two routes have the same slot"));
  }
  seen_->route_slots[route->slot] = true;
  count_slots(*route);
  to.names_[at] = {hash, route.get(), to.routes_.size()};
  to.routes_.push_back(std::move(route));
  return {};
}

void SnapshotBuilder::reserve(size_t routes) {
  snapshot_->routes_.reserve(routes);
  names_grow(table_size(routes));
}

void SnapshotBuilder::names_grow(size_t size) {
  Snapshot& to = *snapshot_;
  if (size <= to.names_.size()) return;
  const std::vector<Snapshot::NameEntry> former = std::move(to.names_);
  to.names_.clear();
  to.names_.resize(size);
  const size_t mask = to.names_.size() - 1;
  for (const Snapshot::NameEntry& entry : former) {
    if (entry.route == nullptr) continue;
    size_t i = entry.hash & mask;
    while (to.names_[i].route != nullptr) i = (i + 1) & mask;
    to.names_[i] = entry;
  }
}

std::shared_ptr<const Route> SnapshotBuilder::drop_route(std::string_view tenant,
                                                         std::string_view environment,
                                                         std::string_view name) {
  Snapshot& to = *snapshot_;
  const uint64_t hash = hash_name(to.seed_, tenant, environment, name);
  size_t hole = to.name_at(hash, tenant, environment, name);
  if (to.names_[hole].route == nullptr) return nullptr;
  const size_t place = to.names_[hole].place;
  std::shared_ptr<const Route> dropped = std::move(to.routes_[place]);
  if (place + 1 != to.routes_.size()) {
    const Route& last = *to.routes_.back();
    const uint64_t last_hash = hash_name(to.seed_, last.tenant, last.environment, last.name);
    to.names_[to.name_at(last_hash, last.tenant, last.environment, last.name)].place = place;
    to.routes_[place] = std::move(to.routes_.back());
  }
  to.routes_.pop_back();
  // What stands behind the hole and was pushed there moves up, so that no search ends early.
  const size_t mask = to.names_.size() - 1;
  for (size_t i = (hole + 1) & mask; to.names_[i].route != nullptr; i = (i + 1) & mask) {
    const size_t home = to.names_[i].hash & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    to.names_[hole] = to.names_[i];
    hole = i;
  }
  to.names_[hole] = {};
  return dropped;
}

const Route* SnapshotBuilder::find_exact(std::string_view tenant, std::string_view environment,
                                         std::string_view name) const {
  const Snapshot& in = *snapshot_;
  const uint64_t hash = hash_name(in.seed_, tenant, environment, name);
  return in.names_[in.name_at(hash, tenant, environment, name)].route;
}

void SnapshotBuilder::drop_principals() {
  keys_kept_ = false;
  snapshot_->principals_.clear();
  digests_.clear();
}

void SnapshotBuilder::drop_pools() { snapshot_->pools_in_use_.clear(); }

Result<void> SnapshotBuilder::add_principal(const KeyDigest& digest, Principal principal) {
  std::sort(principal.allowed_routes.begin(), principal.allowed_routes.end());
  return add_principal(digest, std::make_shared<const Principal>(std::move(principal)));
}

Result<void> SnapshotBuilder::add_principal(const KeyDigest& digest,
                                            std::shared_ptr<const Principal> principal) {
  WEIR_CHECK(snapshot_ != nullptr);
  WEIR_CHECK(!keys_kept_);
  const std::string key(reinterpret_cast<const char*>(digest.data()), digest.size());
  if (!seen_->digests.insert(key).second) {
    return std::unexpected(config_error("two keys are the same"));
  }
  Snapshot& to = *snapshot_;
  to.pin_slots_ = std::max(to.pin_slots_, principal->pin + 1);
  to.principals_.push_back(std::move(principal));
  digests_.push_back(digest);
  return {};
}

std::unique_ptr<const Snapshot> SnapshotBuilder::build() {
  WEIR_CHECK(snapshot_ != nullptr);
  Snapshot& to = *snapshot_;
  if (keys_kept_) return std::move(snapshot_);
  to.keys_.clear();
  to.keys_.resize(table_size(digests_.size()));
  to.ids_.clear();
  to.ids_.resize(to.keys_.size());
  for (size_t k = 0; k < digests_.size(); ++k) {
    size_t i = hash_digest(to.seed_, digests_[k]) & (to.keys_.size() - 1);
    while (to.keys_[i].principal != nullptr) i = (i + 1) & (to.keys_.size() - 1);
    to.keys_[i] = {digests_[k], to.principals_[k].get()};
    size_t id = absorb(to.seed_, to.principals_[k]->id) & (to.ids_.size() - 1);
    while (to.ids_[id] != 0) id = (id + 1) & (to.ids_.size() - 1);
    to.ids_[id] = static_cast<uint32_t>(i + 1);
  }
  return std::move(snapshot_);
}

void SnapshotBuilder::count_slots(const Route& route) {
  Snapshot& to = *snapshot_;
  to.route_slots_ = std::max(to.route_slots_, route.slot + 1);
  to.pin_slots_ = std::max(to.pin_slots_, route.pin + 1);
  for (const Target& target : route.targets) {
    to.target_slots_ = std::max(to.target_slots_, target.slot + 1);
    to.series_slots_ = std::max(to.series_slots_, target.series + 1);
    // A program that only decides has no providers.
    if (target.provider != nullptr) use_pools(*target.provider);
  }
}

void SnapshotBuilder::use_pools(const Provider& provider) {
  Snapshot& to = *snapshot_;
  for (const Provider* place = &provider; place != nullptr; place = place->second.get()) {
    const uint32_t pool = place->pool_slot;
    to.pool_slots_ = std::max(to.pool_slots_, pool + 1);
    if (to.pools_in_use_.size() <= pool) to.pools_in_use_.resize(pool + 1);
    to.pools_in_use_[pool] = true;
  }
}

}  // namespace weir
