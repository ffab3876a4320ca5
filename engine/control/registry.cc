#include "control/registry.h"

#include "base/check.h"
#include "control/config.h"
#include "control/digest.h"

namespace weir {

namespace {

// Sizes in front of the parts, so that no two lists of parts make the same text.
std::string key_of(std::initializer_list<std::string_view> parts) {
  std::string key;
  for (const std::string_view part : parts) {
    key += std::to_string(part.size()) + ":";
    key += part;
  }
  return key;
}

}  // namespace

uint32_t Registry::route_slot(std::string_view tenant, std::string_view environment,
                              std::string_view name, int64_t now_unix_s) {
  const auto next = static_cast<uint32_t>(routes_.names.size());
  const auto [at, is_new] = routes_.slots.try_emplace(key_of({tenant, environment, name}), next);
  if (is_new) {
    routes_.names.push_back(
        {std::string(tenant), std::string(environment), std::string(name), now_unix_s,
         std::make_unique<OutputEstimate>(cores_)});
  }
  return at->second;
}

uint32_t Registry::target_slot(std::string_view tenant, std::string_view provider,
                               std::string_view model) {
  const auto next = static_cast<uint32_t>(targets_.names.size());
  const auto [at, is_new] = targets_.slots.try_emplace(key_of({tenant, provider, model}), next);
  if (is_new) {
    TargetName name;
    name.id = std::string(provider) + "/" + std::string(model);
    if (tenant != kDefaultTenant) name.id = std::string(tenant) + ":" + name.id;
    name.uuid = uuid_from_name("target/" + key_of({tenant, provider, model}));
    name.provider = provider;
    name.model = model;
    name.tenant = tenant;
    name.health = std::make_unique<TargetHealth>();
    targets_.names.push_back(std::move(name));
  }
  return at->second;
}

uint32_t Registry::series_slot(std::string_view alias, uint32_t target) {
  const auto next = static_cast<uint32_t>(series_.names.size());
  const auto [at, is_new] =
      series_.slots.try_emplace(key_of({alias, std::to_string(target)}), next);
  if (is_new) series_.names.push_back({std::string(alias), target});
  return at->second;
}

uint32_t Registry::pool_slot(const Provider& provider) {
  const std::string key =
      key_of({provider.host, std::to_string(provider.port), provider.tls ? "tls" : "plain",
              provider.ca_pem, provider.proxy_host, std::to_string(provider.proxy_port),
              provider.proxy_authorization, provider.deny_private ? "deny" : "allow"});
  // The key may hold a password of a proxy; its digest is enough to tell places apart.
  const KeyDigest digest = sha256_digest(key);
  const auto next = static_cast<uint32_t>(pools_.names.size());
  const auto [at, is_new] = pools_.slots.try_emplace(
      std::string(reinterpret_cast<const char*>(digest.data()), digest.size()), next);
  if (is_new) pools_.names.push_back(true);
  return at->second;
}

uint32_t Registry::token_slot(const Provider& provider) {
  std::string key =
      key_of({provider.tenant, provider.name, provider.type, provider.credential,
              provider.host, std::to_string(provider.port), provider.base_path});
  for (const auto& [name, value] : provider.options) key += key_of({name, value});
  const KeyDigest digest = sha256_digest(key);
  const auto next = static_cast<uint32_t>(tokens_.names.size());
  const auto [at, is_new] = tokens_.slots.try_emplace(
      std::string(reinterpret_cast<const char*>(digest.data()), digest.size()), next);
  if (is_new) tokens_.names.push_back(true);
  return at->second;
}

uint32_t Registry::pin_take(KeyName name) {
  uint32_t slot = static_cast<uint32_t>(pins_.size());
  if (!free_pins_.empty()) {
    slot = free_pins_.back();
    free_pins_.pop_back();
  } else {
    pins_.emplace_back();
    pin_used_.push_back(false);
  }
  WEIR_CHECK(!pin_used_[slot]);
  pins_[slot] = std::move(name);
  pin_used_[slot] = true;
  return slot;
}

void Registry::pin_release(uint32_t slot) {
  WEIR_CHECK(slot < pins_.size());
  WEIR_CHECK(pin_used_[slot]);
  pin_used_[slot] = false;
  pins_[slot] = {};
  free_pins_.push_back(slot);
}

const Registry::KeyName* Registry::key_name(uint32_t pin) const {
  if (pin >= pins_.size() || pins_[pin].id.empty()) return nullptr;
  return &pins_[pin];
}

}  // namespace weir
