#include "control/routing_records.h"

#include <algorithm>

#include "base/check.h"
#include "control/config_check.h"
#include "control/digest.h"
#include "control/routing_listing.h"
#include "control/routing_withheld.h"
#include "json/json_write.h"
#include "route/balance.h"

namespace weir {

namespace {

// What requests may choose by. The prices were checked when the model was read.
void metadata_read(const ModelConfig& model, Target* target) {
  if (const auto price = price_of(model.metadata); price && *price) {
    target->cost = ((*price)->input + (*price)->output) / 2;
  }
  for (const auto& [name, value] : model.metadata) {
    if (name == "model_family") target->family = value;
    if (name == "region") target->region = value;
  }
}

}  // namespace

std::shared_ptr<const Provider> RoutingRecords::provider(const ProviderConfig& config) {
  std::shared_ptr<const Provider>& made = providers_[{config.tenant, config.name}];
  if (made != nullptr) return made;
  Provider out;
  out.name = config.name;
  out.type = config.type;
  out.tenant = config.tenant;
  out.uuid = config.uuid;
  out.adapter =
      config.unavailable ? withheld_adapter() : adapter_named(input_.adapters, config.type);
  out.tls = config.url.tls;
  out.host = config.url.host;
  out.port = config.url.port;
  out.authority = config.url.authority;
  out.base_path = config.url.path;
  out.credential = config.api_key.reveal();
  for (const auto& [name, value] : config.headers) {
    out.headers.emplace_back(name, value.reveal());
  }
  for (const auto& [name, value] : config.data) out.options.emplace_back(name, value.reveal());
  out.options.insert(out.options.end(), config.options.begin(), config.options.end());
  out.ca_pem = config.ca_pem;
  out.proxy_host = config.proxy.host;
  out.proxy_port = config.proxy.port;
  out.proxy_authorization = config.proxy.authorization.reveal();
  out.deny_private = input_.config.deny_private_upstreams;
  out.mask_auth_errors = config.mask_auth_errors;
  out.strict_params = config.strict_params;
  out.timeouts = config.timeouts;
  out.max_connections = config.max_connections;
  out.max_waiting = config.max_waiting;
  made = provider_at(out);
  return made;
}

// The record of the provider with its slots; also of the second place, if it has one.
std::shared_ptr<const Provider> RoutingRecords::provider_at(const Provider& provider) {
  auto held = std::make_shared<Held<Provider>>(provider, SlotLeases(&registry_));
  Provider& out = held->record;
  out.pool_slot = registry_.pool_slot(out, &held->leases);
  if (out.adapter->token_request != nullptr) {
    out.token_slot = registry_.token_slot(out, &held->leases);
  }
  if (out.adapter->second_url != nullptr) {
    // It was put together from checked parts; one that is no URL is none.
    if (const auto url = base_url_parse(out.adapter->second_url(out))) {
      auto second = std::make_shared<Held<Provider>>(out, SlotLeases(&registry_));
      second->record.tls = url->tls;
      second->record.host = url->host;
      second->record.port = url->port;
      second->record.authority = url->authority;
      second->record.base_path = url->path;
      second->record.pool_slot = registry_.pool_slot(second->record, &second->leases);
      out.second = std::shared_ptr<const Provider>(second, &second->record);
    }
  }
  return {held, &held->record};
}

bool RoutingRecords::heads_try(const ProviderConfig& config, Heads* last, Target* target) {
  const auto prepare =
      target->adapter->prepare != nullptr ? target->adapter->prepare : input_.default_prepare;
  for (const Endpoint endpoint :
       {Endpoint::kChat, Endpoint::kCompletions, Endpoint::kEmbeddings}) {
    if ((target->adapter->endpoints & endpoint_bit(endpoint)) == 0) continue;
    if (prepare == nullptr) continue;
    head_.clear();
    const auto done = prepare({*target->provider, target->model, endpoint}, &head_);
    if (done) {
      SharedText& shared = (*last)[endpoint_index(endpoint)];
      if (shared != head_) shared = SharedText(head_);
      target->heads[endpoint_index(endpoint)] = shared;
      continue;
    }
    const std::string param(done.error().param);
    if (!config.by_reference) {
      return refuse(param.empty() ? config.path : config.path + "." + param,
                    done.error().message);
    }
    if (input_.refused != nullptr) {
      (*input_.refused)[config.uuid] = param + ": " + std::string(done.error().message);
    }
    return false;
  }
  return true;
}

bool RoutingRecords::heads_make(const ProviderConfig& config, Heads* last, Target* target) {
  if (!config.unavailable && heads_try(config, last, target)) return true;
  if (!config.unavailable && !config.by_reference) return false;
  target_withhold(config, target);
  return true;
}

// The heads say which endpoints there will be, so that the route's layout stays.
void RoutingRecords::target_withhold(const ProviderConfig& config, Target* target) const {
  const Adapter* real = adapter_named(input_.adapters, config.type);
  target->adapter = withheld_adapter();
  for (const Endpoint endpoint :
       {Endpoint::kChat, Endpoint::kCompletions, Endpoint::kEmbeddings}) {
    const bool served = (real->endpoints & endpoint_bit(endpoint)) != 0;
    target->heads[endpoint_index(endpoint)] =
        served ? provider_unavailable_text(config.name) : std::string();
  }
}
RoutingRecords::Place* RoutingRecords::place(const ModelConfig& model) {
  const ProviderConfig* config = source_.provider(model.tenant, model.provider);
  WEIR_CHECK(config != nullptr);
  Place& place = places_[config];
  if (place.provider == nullptr) place = {config, provider(*config), {}};
  return &place;
}

// All of a target but what depends on the route; its slot and its buckets are held by the build.
const RoutingRecords::Made* RoutingRecords::made(const ModelConfig& model) {
  const auto [at, is_new] = made_.try_emplace(&model);
  if (!is_new) return &at->second;
  Place* place = this->place(model);
  Target* target = &at->second.target;
  target->provider = place->provider;
  target->adapter = target->provider->adapter;
  WEIR_CHECK(target->adapter != nullptr);
  target->slot = registry_.target_slot(model.tenant, model.provider, model.id, &leases_);
  const Registry::TargetName& name = registry_.targets()[target->slot];
  target->id = name.id;
  target->health = name.health.get();
  target->uuid = model.uuid;
  target->model = model.id;
  json_append_string(&target->model_json, model.id);
  target->limits = limits_.of_target(model, place->provider->uuid, &leases_);
  metadata_read(model, target);
  const auto own = price_of(model.metadata);
  at->second.price = own && *own ? *own : source_.place_price(model);
  return heads_make(*place->config, &place->heads, target) ? &at->second : nullptr;
}

std::shared_ptr<const Route> RoutingRecords::route(const RouteDraft& draft) {
  auto held = std::make_shared<Held<Route>>(Route(), SlotLeases(&registry_));
  Route& route = held->record;
  SlotLeases* leases = &held->leases;
  leases->reserve(1 + 2 * draft.members.size());
  const auto& [tenant, environment, name] = draft.key;
  route.name = name;
  route.tenant = tenant;
  route.environment = environment;
  route.is_alias = draft.is_alias;
  route.algorithm = draft.algorithm;
  route.suspend_ms = draft.suspend_ms;
  route.max_attempts = draft.max_attempts;
  route.born = input_.epoch;
  route.slot = registry_.route_slot(tenant, environment, name, input_.now_unix_s, leases);
  route.created_unix_s = registry_.routes()[route.slot].created_unix_s;
  route.output = registry_.routes()[route.slot].output.get();
  if (route.is_alias) route.limits = limits_.of_alias(tenant, name, leases);
  route.targets.reserve(draft.members.size());
  for (const RouteMember& member : draft.members) {
    const Made* known = made(*member.model);
    if (known == nullptr) return nullptr;
    Target& target = route.targets.emplace_back(known->target);
    registry_.target_again(target.slot, leases);
    registry_.buckets_again(target.limits, leases);
    target.weight = member.weight;
    target.priority = member.priority;
    target.series = registry_.series_slot(route.slot, target.slot, leases);
    registry_.series()[target.series].price = known->price;
  }
  route.listed.reserve(draft.listed.size());
  for (const auto& [model, member] : draft.listed) {
    const Provider& place = *route.targets[member].provider;
    route.listed.push_back(model_listing(*model, place.type, place.uuid, member));
  }
  if (const auto good = route_check(route); !good) {
    refuse("model " + message_quote(name), good.error().message);
    return nullptr;
  }
  lay_out(route);
  route.pin = registry_.pin_take({}, leases);
  return {held, &route};
}

Principal RoutingRecords::principal_of(const KeyConfig& key) {
  Principal out;
  out.id = key.uuid;
  out.name = key.name;
  out.tenant = key.tenant;
  out.environment = key.environment;
  out.role = key.role;
  out.expires_unix_s = key.expires_unix_s;
  out.all_models = key.models.empty() ||
                   std::find(key.models.begin(), key.models.end(), "*") != key.models.end();
  return out;
}

PolicyCaller RoutingRecords::admin_caller() {
  return {.key_uuid = uuid_from_name("own_key/admin"), .key_name = "admin", .admin = true};
}

std::shared_ptr<const Principal> RoutingRecords::admin(std::shared_ptr<const Access> access) {
  const PolicyCaller caller = admin_caller();
  Principal out;
  out.id = caller.key_uuid;
  out.name = caller.key_name;
  out.role = Role::kAdmin;
  out.access = std::move(access);
  return principal_finish(std::move(out));
}

std::shared_ptr<const Principal> RoutingRecords::metrics_reader() {
  Principal out;
  out.id = uuid_from_name("own_key/metrics");
  out.name = "metrics";
  out.metrics_only = true;
  out.all_models = false;
  return principal_finish(std::move(out));
}

std::shared_ptr<const Principal> RoutingRecords::principal_finish(Principal principal) {
  auto held = std::make_shared<Held<Principal>>(std::move(principal), SlotLeases(&registry_));
  Principal& out = held->record;
  if (out.tenant.empty()) out.tenant = kDefaultTenant;
  if (out.environment.empty()) out.environment = kProduction;
  out.limits = limits_.of_key(out.tenant, out.name, &held->leases);
  auto& allowed = out.allowed_routes;
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  out.pin = registry_.pin_take({out.id, out.name, out.tenant}, &held->leases);
  return {held, &out};
}

bool RoutingRecords::refuse(const std::string& path, std::string_view text) {
  problem_ = path.empty() ? std::string(text) : path + ": " + std::string(text);
  return false;
}

}  // namespace weir
