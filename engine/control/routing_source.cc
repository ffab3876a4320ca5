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
  draft->balancer = {balancer.uuid, balancer.name, !balancer.backends.empty()};
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
void group_apply(std::span<const ModelConfig* const> models, RouteDraft* draft) {
  draft->algorithm = Algorithm::kRoundRobin;
  for (const ModelConfig* model : models) {
    const auto known = std::find_if(
        draft->members.begin(), draft->members.end(),
        [model](const RouteMember& member) { return same_place(*member.model, *model); });
    draft->models.emplace_back(model, static_cast<uint32_t>(known - draft->members.begin()));
    if (known == draft->members.end()) draft->members.push_back(member_of(*model));
  }
}

// `models` are those that this name would list, in the order of creation.
void listing_fill(std::span<const ModelConfig* const> models, RouteDraft* draft) {
  if (!is_listed(draft->key.name)) return;
  for (const ModelConfig* model : models) {
    for (uint32_t i = 0; i < draft->members.size(); ++i) {
      if (!same_place(*draft->members[i].model, *model)) continue;
      draft->listed.emplace_back(model, i);
      break;
    }
  }
}

uint64_t place_hash(const ModelConfig& model) {
  return texts_hash({model.tenant, model.provider, model.id});
}

}  // namespace

void RouteDraft::clear(const RouteKeyView& of) {
  key = of;
  is_alias = false;
  algorithm = Algorithm::kWeightedRoundRobin;
  suspend_ms = BalancerConfig().suspend_ms;
  max_attempts = BalancerConfig().max_attempts;
  members.clear();
  listed.clear();
  models.clear();
  balancer.reset();
}

bool route_draft(const RoutingSource& source, const RouteKeyView& key,
                 const RouteHolders& holders, RouteDraft* draft) {
  draft->clear(key);
  for (const ModelConfig* model : holders.by_alias) draft->members.push_back(member_of(*model));
  if (holders.balancer != nullptr) balancer_apply(source, *holders.balancer, draft);
  if (!draft->members.empty()) {
    for (uint32_t i = 0; i < draft->members.size(); ++i) {
      draft->models.emplace_back(draft->members[i].model, i);
    }
    draft->is_alias = is_listed(key.name);
    listing_fill(holders.by_alias, draft);
    return true;
  }
  auto balancer = std::move(draft->balancer);  // policies about it hold for the name
  draft->clear(key);
  draft->balancer = std::move(balancer);
  group_apply(holders.by_place.empty() ? holders.by_id : holders.by_place, draft);
  if (draft->members.empty()) return false;
  if (!holders.by_place.empty()) return true;
  // One with an alias goes by that.
  std::vector<const ModelConfig*> nameless;
  for (const ModelConfig* model : holders.by_id) {
    if (model->alias.empty()) nameless.push_back(model);
  }
  listing_fill(nameless, draft);
  return true;
}

std::string limit_index_key(LimitScope scope, std::string_view tenant,
                            std::string_view subject) {
  return name_key({std::to_string(static_cast<int>(scope)), tenant, subject});
}

ConfigSource::ConfigSource(const RoutingObjects& objects) : objects_(objects) {
  provider_index_.reserve(objects.providers.size());
  for (uint32_t i = 0; i < objects.providers.size(); ++i) {
    const ProviderConfig& provider = *objects.providers[i];
    provider_index_.insert(texts_hash({provider.tenant, provider.name}), i);
  }
  models_add(objects);
  bool by_uuid = false;
  for (const BalancerConfig* balancer : objects.balancers) {
    const RouteKeyView key(balancer->tenant, balancer->environment, balancer->alias);
    names_[hold_name(key)].balancer = balancer;
    by_uuid |= !balancer->backends.empty();
  }
  list_ends_.resize(names_.size() * kKinds, static_cast<uint32_t>(lists_.size()));
  for (const ModelConfig* model : objects.models) {
    if (by_uuid) models_.emplace(model->uuid, model);
  }
  for (const RateLimitConfig* limit : objects.rate_limits) {
    limits_.emplace(limit_index_key(limit->scope, limit->tenant, limit->subject), limit);
  }
}

void ConfigSource::models_add(const RoutingObjects& objects) {
  std::vector<Holder> holders;
  holders.reserve(objects.models.size() * kKinds);
  names_.reserve(objects.models.size() * kKinds);
  name_index_.reserve(objects.models.size() * kKinds);
  for (const ModelConfig* model : objects.models) {
    const auto add = [&](Kind kind, std::string_view name) {
      const uint32_t number = hold_name({model->tenant, model->environment, name});
      holders.push_back({number * kKinds + kind, model});
    };
    if (!model->alias.empty()) add(kAlias, model->alias);
    add(kPlace, places_.emplace_back(model->provider + "/" + model->id));
    add(kId, model->id);
    price_add(*model);
  }
  holders_sort(holders);
}

// By counting, so that those of one list stay in their order.
void ConfigSource::holders_sort(const std::vector<Holder>& holders) {
  list_ends_.assign(names_.size() * kKinds, 0);
  for (const Holder& holder : holders) ++list_ends_[holder.list];
  uint32_t sum = 0;
  for (uint32_t& end : list_ends_) sum += std::exchange(end, sum);  // where each begins
  lists_.resize(holders.size());
  for (const Holder& holder : holders) lists_[list_ends_[holder.list]++] = holder.model;
}

uint32_t ConfigSource::find_name(const RouteKeyView& key) const {
  return name_index_.find(texts_hash({key.tenant, key.environment, key.name}),
                          [&](uint32_t number) { return names_[number].key == key; });
}

uint32_t ConfigSource::hold_name(const RouteKeyView& key) {
  const uint64_t hash = texts_hash({key.tenant, key.environment, key.name});
  const auto same = [&](uint32_t number) { return names_[number].key == key; };
  const uint32_t found = name_index_.find(hash, same);
  if (found != HashIndex::kNone) return found;
  const auto number = static_cast<uint32_t>(names_.size());
  names_.push_back({key, nullptr});
  name_index_.insert(hash, number);
  return number;
}

std::span<const ModelConfig* const> ConfigSource::list(size_t number, Kind kind) const {
  const size_t place = number * kKinds + kind;
  const uint32_t begin = place == 0 ? 0 : list_ends_[place - 1];
  return std::span(lists_).subspan(begin, list_ends_[place] - begin);
}

RouteHolders ConfigSource::holders(size_t number) const {
  return {list(number, kAlias), list(number, kPlace), list(number, kId), names_[number].balancer};
}

const ModelConfig* ConfigSource::backend_model(const RouteKeyView& key,
                                               const BackendConfig& backend) const {
  if (!backend.model_uuid.empty()) {
    const auto found = models_.find(backend.model_uuid);
    return found == models_.end() ? nullptr : found->second;
  }
  const uint32_t found = find_name({key.tenant, key.environment, backend.model});
  if (found == HashIndex::kNone || list(found, kPlace).empty()) return nullptr;
  return list(found, kPlace).front();
}

const ProviderConfig* ConfigSource::provider(std::string_view tenant,
                                             std::string_view name) const {
  const uint32_t found =
      provider_index_.find(texts_hash({tenant, name}), [&](uint32_t number) {
        const ProviderConfig& provider = *objects_.providers[number];
        return provider.name == name && provider.tenant == tenant;
      });
  return found == HashIndex::kNone ? nullptr : objects_.providers[found];
}

const RateLimitConfig* ConfigSource::limit(LimitScope scope, std::string_view tenant,
                                           std::string_view subject) const {
  if (limits_.empty()) return nullptr;  // asked four times for each name
  const auto found = limits_.find(limit_index_key(scope, tenant, subject));
  return found == limits_.end() ? nullptr : found->second;
}

bool ConfigSource::is_alias(std::string_view tenant, std::string_view name) const {
  for (const char* environment : {kProduction, kSandbox}) {
    const uint32_t found = find_name({tenant, environment, name});
    if (found != HashIndex::kNone && !list(found, kAlias).empty()) return true;
  }
  return false;
}

uint32_t ConfigSource::find_price(const ModelConfig& model) const {
  return price_index_.find(place_hash(model), [&](uint32_t number) {
    const ModelConfig& other = *prices_[number].model;
    return same_place(other, model) && other.tenant == model.tenant;
  });
}

void ConfigSource::price_add(const ModelConfig& model) {
  // An error was reported when it was checked.
  const auto price = price_of(model.metadata);
  if (!price || !*price || find_price(model) != HashIndex::kNone) return;
  price_index_.insert(place_hash(model), static_cast<uint32_t>(prices_.size()));
  prices_.push_back({&model, **price});
}

std::optional<Price> ConfigSource::place_price(const ModelConfig& model) const {
  const uint32_t found = find_price(model);
  if (found == HashIndex::kNone) return std::nullopt;
  return prices_[found].price;
}

}  // namespace weir
