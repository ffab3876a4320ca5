#include "control/store/catalog_source.h"

#include "control/name_key.h"
#include "control/store/merge.h"

namespace weir {

void CatalogSource::reset(const std::deque<ProviderConfig>& providers) {
  providers_.clear();
  for (const ProviderConfig& provider : providers) {
    providers_.emplace(name_key({provider.tenant, provider.name}), provider);
  }
  limits_refresh();
}

RoutingChanges CatalogSource::refresh(bool deny_private) {
  changes_ = {};
  deny_private_ = deny_private;
  limits_stale_ = false;
  catalog_.each_touched([this](const auto* before, const auto* now) {
    // Made and removed in one batch: nobody has seen it.
    if (before != nullptr || now != nullptr) changed(before, now);
  });
  if (limits_stale_) limits_refresh();
  return std::move(changes_);
}

void CatalogSource::changed(const ProviderObject* before, const ProviderObject* now) {
  for (const ProviderObject* provider : {before, now}) {
    if (provider == nullptr) continue;
    providers_.erase(name_key({provider->tenant, provider->config.name}));
    changes_.providers.emplace(provider->tenant, provider->config.name);
    for (const ModelObject* model : catalog_.models_of(provider->uuid)) names_of(*model);
  }
  if (now != nullptr) provider_refresh(*now);
  limits_stale_ = true;  // its name may stand in one
}

void CatalogSource::provider_refresh(const ProviderObject& provider) {
  ConfigProblems problems;
  ProviderConfig config = provider_effective(provider, options_, deny_private_, &problems);
  if (problems.has_errors()) return;
  providers_[name_key({provider.tenant, config.name})] = std::move(config);
}

void CatalogSource::changed(const ModelObject* before, const ModelObject* now) {
  for (const ModelObject* model : {before, now}) {
    if (model == nullptr) continue;
    names_of(*model);
    // The first price at a place is that of all aliases without one.
    names_at(*model);
    // A limit of a bare id holds only as long as no alias has that name.
    for (const ModelObject* same : catalog_.models_by_id(model->tenant, model->config.alias)) {
      names_of(*same);
    }
  }
}

void CatalogSource::names_of(const ModelObject& model) {
  const ModelConfig& config = model.config;
  const auto add = [&](std::string name) {
    changes_.routes.insert({model.tenant, config.environment, std::move(name)});
  };
  if (!config.alias.empty()) add(config.alias);
  add(config.provider + "/" + config.id);
  add(config.id);
  for (const BalancerObject* balancer : catalog_.balancers_with(model.uuid)) {
    changed(nullptr, balancer);
  }
}

void CatalogSource::names_at(const ModelObject& model) {
  const std::string place = model.config.provider + "/" + model.config.id;
  for (const ModelObject* other : catalog_.models_at(model.tenant, place)) names_of(*other);
}

void CatalogSource::changed(const BalancerObject* before, const BalancerObject* now) {
  for (const BalancerObject* balancer : {before, now}) {
    if (balancer == nullptr) continue;
    changes_.routes.insert(
        {balancer->tenant, balancer->config.environment, balancer->config.alias});
  }
}

void CatalogSource::changed(const LimitObject* before, const LimitObject* now) {
  limits_stale_ = true;
  for (const LimitObject* limit : {before, now}) {
    if (limit != nullptr) limited_by(*limit);
  }
}

void CatalogSource::limited_by(const LimitObject& limit) {
  switch (limit.config.scope) {
    case LimitScope::kTenant:
      changes_.key_tenants.insert(limit.tenant);
      return;
    case LimitScope::kKey:
      changes_.keys.insert(limit.subject_uuid);
      return;
    case LimitScope::kProvider:
      for (const auto* model : catalog_.models_of(limit.subject_uuid)) names_of(*model);
      return;
    case LimitScope::kModel:
      if (const auto* model = catalog_.by_uuid<ModelObject>(limit.subject_uuid)) {
        return names_at(*model);
      }
      // An alias, or the bare id of models.
      for (const char* environment : {kProduction, kSandbox}) {
        changes_.routes.insert({limit.tenant, environment, limit.config.subject});
      }
      for (const auto* model : catalog_.models_by_id(limit.tenant, limit.config.subject)) {
        names_of(*model);
      }
      return;
  }
}

void CatalogSource::changed(const KeyObject* before, const KeyObject* now) {
  changes_.keys.insert((now != nullptr ? now : before)->uuid);
  limits_stale_ = true;
}

void CatalogSource::changed(const PolicyObject* before, const PolicyObject* now) {
  changes_.policy_tenants.insert((now != nullptr ? now : before)->tenant);
}

void CatalogSource::limits_refresh() {
  limits_.clear();
  catalog_.table<LimitObject>().for_each([this](const LimitObject& limit) {
    auto config = limit_effective(catalog_, limit);
    if (!config) return;
    std::string key = limit_index_key(config->scope, config->tenant, config->subject);
    limits_.emplace(std::move(key), std::move(*config));
  });
}

RoutingWho CatalogSource::who() const {
  RoutingWho out;
  catalog_.table<KeyObject>().for_each(
      [&out](const KeyObject& key) { out.keys.push_back(&key.config); });
  catalog_.table<PolicyObject>().for_each(
      [&out](const PolicyObject& policy) { out.policies.push_back(&policy.config); });
  return out;
}

std::vector<const ModelConfig*> CatalogSource::routable(
    const std::vector<const ModelObject*>& models, std::string_view environment) const {
  std::vector<const ModelConfig*> out;
  for (const ModelObject* model : models) {
    if (model->config.environment != environment || catalog_.orphaned(*model)) continue;
    if (provider(model->tenant, model->config.provider) != nullptr) out.push_back(&model->config);
  }
  return out;
}

bool CatalogSource::draft(const RouteKeyView& key, RouteDraft* draft) const {
  const auto by_alias = routable(catalog_.models_by_alias(key.tenant, key.name), key.environment);
  const auto by_place = routable(catalog_.models_at(key.tenant, key.name), key.environment);
  const auto by_id = routable(catalog_.models_by_id(key.tenant, key.name), key.environment);
  std::optional<BalancerConfig> balancer;
  if (const auto* found = catalog_.balancer_of(key.tenant, key.environment, key.name)) {
    balancer = balancer_effective(catalog_, *found);
  }
  return route_draft(*this, key, {by_alias, by_place, by_id, balancer ? &*balancer : nullptr},
                     draft);
}

const ModelConfig* CatalogSource::backend_model(const RouteKeyView&,
                                                const BackendConfig& backend) const {
  const auto* model = catalog_.by_uuid<ModelObject>(backend.model_uuid);
  if (model == nullptr || catalog_.orphaned(*model)) return nullptr;
  if (provider(model->tenant, model->config.provider) == nullptr) return nullptr;
  return &model->config;
}

const ProviderConfig* CatalogSource::provider(std::string_view tenant,
                                              std::string_view name) const {
  const auto found = providers_.find(name_key({tenant, name}));
  return found == providers_.end() ? nullptr : &found->second;
}

const RateLimitConfig* CatalogSource::limit(LimitScope scope, std::string_view tenant,
                                            std::string_view subject) const {
  if (limits_.empty()) return nullptr;
  const auto found = limits_.find(limit_index_key(scope, tenant, subject));
  return found == limits_.end() ? nullptr : &found->second;
}

bool CatalogSource::is_alias(std::string_view tenant, std::string_view name) const {
  for (const ModelObject* model : catalog_.models_by_alias(tenant, name)) {
    if (!catalog_.orphaned(*model)) return true;
  }
  return false;
}

std::optional<Price> CatalogSource::place_price(const ModelConfig& model) const {
  const std::string place = model.provider + "/" + model.id;
  for (const ModelObject* other : catalog_.models_at(model.tenant, place)) {
    if (catalog_.orphaned(*other)) continue;
    if (const auto price = price_of(other->config.metadata); price && *price) return **price;
  }
  return std::nullopt;
}

}  // namespace weir
