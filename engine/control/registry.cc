#include "control/registry.h"

#include <cstring>

#include "base/check.h"
#include "control/config.h"
#include "control/digest.h"
#include "control/name_key.h"

namespace weir {

namespace {

// The key may hold a password or a credential; its digest is enough to tell owners apart.
uint32_t digest_hold(SlotTable<KeyDigest>* table, std::string_view key) {
  const KeyDigest digest = sha256_digest(key);
  uint64_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  bool is_new = false;
  const uint32_t slot =
      table->hold(hash, [&](const KeyDigest& other) { return other == digest; }, &is_new);
  if (is_new) table->names[slot] = digest;
  return slot;
}

}  // namespace

uint32_t Registry::route_slot(std::string_view tenant, std::string_view environment,
                              std::string_view name, int64_t now_unix_s, SlotLeases* leases) {
  bool is_new = false;
  const auto same = [&](const RouteName& other) {
    return other.name == name && other.tenant == tenant && other.environment == environment;
  };
  const uint32_t slot = routes_.hold(texts_hash({tenant, environment, name}), same, &is_new);
  if (is_new) {
    ++names_version_;
    routes_.names[slot] = {std::string(tenant), std::string(environment), std::string(name),
                           now_unix_s, std::make_unique<OutputEstimate>(cores_)};
  }
  leases->slots_.emplace_back(SlotLeases::Kind::kRoute, slot);
  return slot;
}

uint32_t Registry::target_slot(std::string_view tenant, std::string_view provider,
                               std::string_view model, SlotLeases* leases) {
  bool is_new = false;
  const auto same = [&](const TargetName& other) {
    return other.model == model && other.provider == provider && other.tenant == tenant;
  };
  const uint32_t slot = targets_.hold(texts_hash({tenant, provider, model}), same, &is_new);
  if (is_new) {
    ++names_version_;
    TargetName& name = targets_.names[slot];
    name.id = std::string(provider) + "/" + std::string(model);
    if (tenant != kDefaultTenant) name.id = std::string(tenant) + ":" + name.id;
    name.uuid = uuid_from_name("target/" + name_key({tenant, provider, model}));
    name.provider = provider;
    name.model = model;
    name.tenant = tenant;
    name.health = std::make_unique<TargetHealth>();
  }
  leases->slots_.emplace_back(SlotLeases::Kind::kTarget, slot);
  return slot;
}

void Registry::target_again(uint32_t slot, SlotLeases* leases) {
  targets_.hold_again(slot);
  leases->slots_.emplace_back(SlotLeases::Kind::kTarget, slot);
}

// The price under an alias may differ by tenant and environment, so a series is of one route.
uint32_t Registry::series_slot(uint32_t route, uint32_t target, SlotLeases* leases) {
  bool is_new = false;
  const auto same = [&](const SeriesName& other) {
    return other.route == route && other.target == target;
  };
  const uint32_t slot =
      series_.hold(number_hash(uint64_t{route} << 32 | target), same, &is_new);
  if (is_new) {
    ++names_version_;
    series_.names[slot] = {routes_.names[route].name, route, target, true, {}};
  }
  leases->slots_.emplace_back(SlotLeases::Kind::kSeries, slot);
  return slot;
}

uint32_t Registry::pool_slot(const Provider& provider, SlotLeases* leases) {
  const uint32_t slot = digest_hold(
      &pools_, name_key({provider.host, std::to_string(provider.port),
                         provider.tls ? "tls" : "plain", provider.ca_pem, provider.proxy_host,
                         std::to_string(provider.proxy_port), provider.proxy_authorization,
                         provider.deny_private ? "deny" : "allow"}));
  leases->slots_.emplace_back(SlotLeases::Kind::kPool, slot);
  return slot;
}

uint32_t Registry::token_slot(const Provider& provider, SlotLeases* leases) {
  std::string key =
      name_key({provider.tenant, provider.name, provider.type, provider.credential, provider.host,
                std::to_string(provider.port), provider.base_path});
  for (const auto& [name, value] : provider.options) key += name_key({name, value});
  const uint32_t slot = digest_hold(&tokens_, key);
  leases->slots_.emplace_back(SlotLeases::Kind::kToken, slot);
  return slot;
}

Bucket* Registry::bucket(std::string_view id, const BucketSpec& spec, Nanos now,
                         SlotLeases* leases) {
  Bucket* bucket = limits_.hold(id, spec, now);
  leases->buckets_.push_back(bucket);
  return bucket;
}

void Registry::buckets_again(const LimitSet& buckets, SlotLeases* leases) {
  for (Bucket* bucket : buckets.buckets()) {
    limits_.hold_again(bucket);
    leases->buckets_.push_back(bucket);
  }
}

SlotsToClear Registry::clear_list(uint64_t epoch) {
  SlotsToClear out;
  routes_.list(epoch, &out.routes);
  targets_.list(epoch, &out.targets);
  series_.list(epoch, &out.series);
  tokens_.list(epoch, &out.tokens);
  pools_.list(epoch, &out.pools);
  return out;
}

void Registry::reclaim(uint64_t epoch) {
  // A series names its target, so it goes first; a target's slot is not given out before that.
  names_version_ += series_.reclaim(epoch);
  names_version_ += targets_.reclaim(epoch);
  names_version_ += routes_.reclaim(epoch);
  tokens_.reclaim(epoch);
  pools_.reclaim(epoch);
}

void Registry::configured_set(const Snapshot& snapshot) {
  for (TargetName& target : targets_.names) target.configured = false;
  for (const auto& route : snapshot.routes()) {
    for (const Target& target : route->targets) targets_.names[target.slot].configured = true;
  }
}

uint32_t Registry::pin_take(KeyName name, SlotLeases* leases) {
  WEIR_CHECK(!leases->pin_);
  uint32_t slot = static_cast<uint32_t>(pins_.size());
  if (!free_pins_.empty()) {
    slot = free_pins_.back();
    free_pins_.pop_back();
  } else {
    pins_.emplace_back();
    pin_used_.push_back(false);
  }
  WEIR_CHECK(!pin_used_[slot]);
  ++names_version_;
  pins_[slot] = std::move(name);
  pin_used_[slot] = true;
  leases->pin_ = slot;
  return slot;
}

void Registry::pin_release(uint32_t slot) {
  WEIR_CHECK(slot < pins_.size());
  WEIR_CHECK(pin_used_[slot]);
  pin_used_[slot] = false;
  ++names_version_;
  pins_[slot] = {};
  free_pins_.push_back(slot);
}

const Registry::KeyName* Registry::key_name(uint32_t pin) const {
  if (pin >= pins_.size() || pins_[pin].id.empty()) return nullptr;
  return &pins_[pin];
}

SlotLeases::~SlotLeases() {
  for (const auto& [kind, slot] : slots_) {
    switch (kind) {
      case Kind::kRoute:
        registry_->routes_.let_go(slot);
        break;
      case Kind::kTarget:
        registry_->targets_.let_go(slot);
        break;
      case Kind::kSeries:
        registry_->series_.let_go(slot);
        break;
      case Kind::kToken:
        registry_->tokens_.let_go(slot);
        break;
      case Kind::kPool:
        registry_->pools_.let_go(slot);
        break;
    }
  }
  if (pin_) registry_->pin_release(*pin_);
  for (const Bucket* bucket : buckets_) registry_->limits_.let_go(bucket);
}

}  // namespace weir
