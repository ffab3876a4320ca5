#include "control/registry.h"

#include "base/check.h"
#include "control/config.h"
#include "control/digest.h"
#include "control/name_key.h"

namespace weir {

namespace {

// The key may hold a password or a credential; its digest is enough to tell owners apart.
std::string digest_key(std::string_view key) {
  const KeyDigest digest = sha256_digest(key);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

template <typename Name>
uint32_t Registry::Table<Name>::hold(std::string key, bool* is_new) {
  const auto [at, added] = slots.try_emplace(std::move(key), 0);
  if (added) {
    if (free.empty()) {
      at->second = static_cast<uint32_t>(names.size());
      names.emplace_back();
      uses.emplace_back();
    } else {
      at->second = free.back();
      free.pop_back();
    }
    uses[at->second].key = at->first;
  }
  *is_new = added;
  ++uses[at->second].holders;
  return at->second;
}

template <typename Name>
void Registry::Table<Name>::let_go(uint32_t slot) {
  Use& use = uses[slot];
  WEIR_CHECK(use.holders > 0);
  if (--use.holders != 0 || use.dying) return;
  use.dying = true;
  use.clear_epoch = 0;
  dying.push_back(slot);
}

template <typename Name>
void Registry::Table<Name>::list(uint64_t epoch, std::vector<uint32_t>* out) {
  for (const uint32_t slot : dying) {
    Use& use = uses[slot];
    if (use.holders != 0) {
      use.clear_epoch = 0;  // it came back
      continue;
    }
    if (use.clear_epoch == 0) use.clear_epoch = epoch;
    out->push_back(slot);
  }
}

template <typename Name>
size_t Registry::Table<Name>::reclaim(uint64_t epoch) {
  return std::erase_if(dying, [&](uint32_t slot) {
    Use& use = uses[slot];
    if (use.holders != 0) {
      use.dying = false;
      return true;
    }
    if (use.clear_epoch == 0 || use.clear_epoch > epoch) return false;
    slots.erase(use.key);
    use = {};
    names[slot] = {};
    free.push_back(slot);
    return true;
  });
}

uint32_t Registry::route_slot(std::string_view tenant, std::string_view environment,
                              std::string_view name, int64_t now_unix_s, SlotLeases* leases) {
  bool is_new = false;
  const uint32_t slot = routes_.hold(name_key({tenant, environment, name}), &is_new);
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
  const std::string key = name_key({tenant, provider, model});
  const uint32_t slot = targets_.hold(key, &is_new);
  if (is_new) {
    ++names_version_;
    TargetName& name = targets_.names[slot];
    name.id = std::string(provider) + "/" + std::string(model);
    if (tenant != kDefaultTenant) name.id = std::string(tenant) + ":" + name.id;
    name.uuid = uuid_from_name("target/" + key);
    name.provider = provider;
    name.model = model;
    name.tenant = tenant;
    name.health = std::make_unique<TargetHealth>();
  }
  leases->slots_.emplace_back(SlotLeases::Kind::kTarget, slot);
  return slot;
}

// The price under an alias may differ by tenant and environment, so a series is of one route.
uint32_t Registry::series_slot(std::string_view tenant, std::string_view environment,
                               std::string_view alias, uint32_t target, SlotLeases* leases) {
  bool is_new = false;
  const uint32_t slot = series_.hold(
      name_key({tenant, environment, alias, std::to_string(target)}), &is_new);
  if (is_new) {
    ++names_version_;
    series_.names[slot] = {std::string(alias), target, true, {}};
  }
  leases->slots_.emplace_back(SlotLeases::Kind::kSeries, slot);
  return slot;
}

uint32_t Registry::pool_slot(const Provider& provider, SlotLeases* leases) {
  bool is_new = false;
  const uint32_t slot = pools_.hold(
      digest_key(name_key({provider.host, std::to_string(provider.port),
                           provider.tls ? "tls" : "plain", provider.ca_pem, provider.proxy_host,
                           std::to_string(provider.proxy_port), provider.proxy_authorization,
                           provider.deny_private ? "deny" : "allow"})),
      &is_new);
  leases->slots_.emplace_back(SlotLeases::Kind::kPool, slot);
  return slot;
}

uint32_t Registry::token_slot(const Provider& provider, SlotLeases* leases) {
  std::string key =
      name_key({provider.tenant, provider.name, provider.type, provider.credential, provider.host,
                std::to_string(provider.port), provider.base_path});
  for (const auto& [name, value] : provider.options) key += name_key({name, value});
  bool is_new = false;
  const uint32_t slot = tokens_.hold(digest_key(key), &is_new);
  leases->slots_.emplace_back(SlotLeases::Kind::kToken, slot);
  return slot;
}

Bucket* Registry::bucket(std::string_view id, const BucketSpec& spec, Nanos now,
                         SlotLeases* leases) {
  Bucket* bucket = limits_.hold(id, spec, now);
  leases->buckets_.push_back(bucket);
  return bucket;
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
