#include "control/routing_source.h"

#include <algorithm>

#include "control/name_key.h"

namespace weir {

namespace {

RouteMember member_of(const ModelConfig& model) {
  return {&model, model.weight.value_or(1), model.priority.value_or(0)};
}

// A name that ends in a star matches what begins like it; it is nothing to list.
bool is_listed(std::string_view alias) { return !alias.ends_with("/*"); }

void balancer_apply(const RoutingSource& source, const BalancerConfig& balancer,
                    RouteDraft* draft) {
  draft->algorithm = balancer.algorithm;
  draft->suspend_ms = balancer.suspend_ms;
  draft->max_attempts = balancer.max_attempts;
  if (!balancer.backends.empty()) draft->members.clear();
  for (const BackendConfig& backend : balancer.backends) {
    const ModelConfig* model = source.backend_model(draft->key, backend);
    if (model == nullptr) continue;  // it left the file
    RouteMember member = member_of(*model);
    member.weight = backend.weight.value_or(member.weight);
    member.priority = backend.priority.value_or(member.priority);
    draft->members.push_back(member);
  }
}

bool same_place(const ModelConfig& a, const ModelConfig& b) {
  return a.provider == b.provider && a.id == b.id;
}

// One target for each place, whatever aliases it has.
void group_apply(const std::vector<const ModelConfig*>& models, RouteDraft* draft) {
  draft->algorithm = Algorithm::kRoundRobin;
  for (const ModelConfig* model : models) {
    const bool known = std::any_of(
        draft->members.begin(), draft->members.end(), [model](const RouteMember& member) {
          return same_place(*member.model, *model);
        });
    if (!known) draft->members.push_back(member_of(*model));
  }
}

// `models` are those that this name would list, in the order of creation.
void listing_fill(const std::vector<const ModelConfig*>& models, RouteDraft* draft) {
  if (!is_listed(draft->key.name)) return;
  for (const ModelConfig* model : models) {
    for (uint32_t i = 0; i < draft->members.size(); ++i) {
      if (!same_place(*draft->members[i].model, *model)) continue;
      draft->listed.emplace_back(model, i);
      break;
    }
  }
}

std::string place_key(const ModelConfig& model) {
  return name_key({model.tenant, model.provider, model.id});
}

}  // namespace

std::optional<RouteDraft> route_draft(const RoutingSource& source, const RouteKey& key) {
  const RouteHolders holders = source.holders(key);
  RouteDraft draft;
  draft.key = key;
  for (const ModelConfig* model : holders.by_alias) draft.members.push_back(member_of(*model));
  if (holders.balancer) balancer_apply(source, *holders.balancer, &draft);
  if (!draft.members.empty()) {
    draft.is_alias = is_listed(key.name);
    listing_fill(holders.by_alias, &draft);
    return draft;
  }
  draft = RouteDraft();
  draft.key = key;
  group_apply(holders.by_place.empty() ? holders.by_id : holders.by_place, &draft);
  if (draft.members.empty()) return std::nullopt;
  if (!holders.by_place.empty()) return draft;
  // One with an alias goes by that.
  std::vector<const ModelConfig*> nameless;
  for (const ModelConfig* model : holders.by_id) {
    if (model->alias.empty()) nameless.push_back(model);
  }
  listing_fill(nameless, &draft);
  return draft;
}

std::string limit_index_key(LimitScope scope, std::string_view tenant,
                            std::string_view subject) {
  return name_key({std::to_string(static_cast<int>(scope)), tenant, subject});
}

ConfigSource::ConfigSource(const Config& config) {
  for (const ProviderConfig& provider : config.providers) {
    providers_.emplace(name_key({provider.tenant, provider.name}), &provider);
  }
  for (const ModelConfig& model : config.models) {
    const auto add = [&](const std::string& name, auto list) {
      (names_[{model.tenant, model.environment, name}].*list).push_back(&model);
    };
    models_.emplace(model.uuid, &model);
    if (!model.alias.empty()) {
      add(model.alias, &RouteHolders::by_alias);
      aliases_[name_key({model.tenant, model.alias})] = true;
    }
    add(model.provider + "/" + model.id, &RouteHolders::by_place);
    add(model.id, &RouteHolders::by_id);
    // An error was reported when it was checked.
    if (const auto price = price_of(model.metadata); price && *price) {
      prices_.try_emplace(place_key(model), **price);
    }
  }
  for (const BalancerConfig& balancer : config.balancers) {
    names_[{balancer.tenant, balancer.environment, balancer.alias}].balancer = balancer;
  }
  for (const RateLimitConfig& limit : config.rate_limits) {
    limits_.emplace(limit_index_key(limit.scope, limit.tenant, limit.subject), &limit);
  }
}

RouteHolders ConfigSource::holders(const RouteKey& key) const {
  const auto found = names_.find(key);
  return found == names_.end() ? RouteHolders() : found->second;
}

const ModelConfig* ConfigSource::backend_model(const RouteKey& key,
                                               const BackendConfig& backend) const {
  if (!backend.model_uuid.empty()) {
    const auto found = models_.find(backend.model_uuid);
    return found == models_.end() ? nullptr : found->second;
  }
  const auto found = names_.find({key.tenant, key.environment, backend.model});
  if (found == names_.end() || found->second.by_place.empty()) return nullptr;
  return found->second.by_place.front();
}

const ProviderConfig* ConfigSource::provider(std::string_view tenant,
                                             std::string_view name) const {
  const auto found = providers_.find(name_key({tenant, name}));
  return found == providers_.end() ? nullptr : found->second;
}

const RateLimitConfig* ConfigSource::limit(LimitScope scope, std::string_view tenant,
                                           std::string_view subject) const {
  if (limits_.empty()) return nullptr;  // asked four times for each name
  const auto found = limits_.find(limit_index_key(scope, tenant, subject));
  return found == limits_.end() ? nullptr : found->second;
}

bool ConfigSource::is_alias(std::string_view tenant, std::string_view name) const {
  return aliases_.contains(name_key({tenant, name}));
}

std::optional<Price> ConfigSource::place_price(const ModelConfig& model) const {
  const auto found = prices_.find(place_key(model));
  if (found == prices_.end()) return std::nullopt;
  return found->second;
}

}  // namespace weir
