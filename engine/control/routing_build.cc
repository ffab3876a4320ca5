#include "control/routing_build.h"

#include <algorithm>
#include <map>

#include "base/check.h"
#include "control/config_check.h"
#include "control/config_price.h"
#include "control/digest.h"
#include "control/policy_build.h"
#include "control/routing_limits.h"
#include "control/routing_withheld.h"
#include "json/json_write.h"

namespace weir {

namespace {

using Scope = std::pair<std::string, std::string>;  // tenant and environment
using Built = std::expected<std::unique_ptr<Publication>, std::string>;

struct Member {
  const ModelConfig* model = nullptr;
  uint32_t weight = 1;
  uint32_t priority = 0;
};

struct Draft {  // of a route
  std::string name;
  bool is_alias = false;
  Algorithm algorithm = Algorithm::kWeightedRoundRobin;
  uint32_t suspend_ms = BalancerConfig().suspend_ms;
  uint32_t max_attempts = BalancerConfig().max_attempts;
  std::vector<Member> members;
};

Member member_of(const ModelConfig& model) {
  return {&model, model.weight.value_or(1), model.priority.value_or(0)};
}

// What requests may choose by. The prices were checked when the file was read.
void metadata_read(const ModelConfig& model, Target* target) {
  if (const auto price = price_of(model.metadata); price && *price) {
    target->cost = ((*price)->input + (*price)->output) / 2;
  }
  for (const auto& [name, value] : model.metadata) {
    if (name == "model_family") target->family = value;
    if (name == "region") target->region = value;
  }
}

bool same_place(const Member& member, const ModelConfig& model) {
  return member.model->provider == model.provider && member.model->id == model.id;
}

// The routes of one tenant and environment.
class ScopeDrafts {
 public:
  ScopeDrafts(const Config& config, const Scope& scope) : config_(config), scope_(scope) {
    for (const ModelConfig& model : config.models) {
      if (scope == Scope{model.tenant, model.environment}) models_.push_back(&model);
    }
    aliases_add();
    balancers_apply();
    names_add([](const ModelConfig& m) { return m.provider + "/" + m.id; });
    names_add([](const ModelConfig& m) { return m.id; });
  }
  [[nodiscard]] const std::map<std::string, Draft>& drafts() const { return drafts_; }

 private:
  void aliases_add() {
    for (const ModelConfig* model : models_) {
      if (model->alias.empty()) continue;
      Draft& draft = drafts_[model->alias];
      draft.name = model->alias;
      // A name that ends in a star matches what begins like it; it is nothing to list.
      draft.is_alias = !model->alias.ends_with("/*");
      draft.members.push_back(member_of(*model));
    }
  }

  void balancers_apply() {
    for (const BalancerConfig& balancer : config_.balancers) {
      if (scope_ != Scope{balancer.tenant, balancer.environment}) continue;
      Draft& draft = drafts_[balancer.alias];
      draft.name = balancer.alias;
      draft.is_alias = !balancer.alias.ends_with("/*");
      draft.algorithm = balancer.algorithm;
      draft.suspend_ms = balancer.suspend_ms;
      draft.max_attempts = balancer.max_attempts;
      if (!balancer.backends.empty()) draft.members.clear();
      for (const BackendConfig& backend : balancer.backends) backend_add(backend, &draft);
    }
  }

  void backend_add(const BackendConfig& backend, Draft* draft) {
    for (const ModelConfig* model : models_) {
      if (model->provider + "/" + model->id != backend.model) continue;
      Member member = member_of(*model);
      member.weight = backend.weight.value_or(member.weight);
      member.priority = backend.priority.value_or(member.priority);
      draft->members.push_back(member);
      return;
    }
  }

  template <typename Name>
  void names_add(Name name_of) {
    std::map<std::string, Draft> added;
    for (const ModelConfig* model : models_) {
      const std::string name = name_of(*model);
      if (drafts_.contains(name)) continue;
      Draft& draft = added[name];
      draft.name = name;
      draft.algorithm = Algorithm::kRoundRobin;
      const bool known = std::any_of(draft.members.begin(), draft.members.end(),
                                     [&](const Member& m) { return same_place(m, *model); });
      if (!known) draft.members.push_back(member_of(*model));
    }
    drafts_.merge(added);
  }

  const Config& config_;
  const Scope& scope_;
  std::vector<const ModelConfig*> models_;
  std::map<std::string, Draft> drafts_;
};

class Builder {
 public:
  Builder(const RoutingInput& input, Registry* registry)
      : input_(input),
        registry_(*registry),
        limits_(input.config, registry, input.now_ns),
        snapshot_(input.epoch, input.hash_seed) {}

  Built build() {
    providers_make();
    for (auto& target : registry_.targets()) target.configured = false;
    std::map<Scope, bool> scopes;
    for (const ModelConfig& model : input_.config.models) {
      scopes[{model.tenant, model.environment}] = true;
    }
    for (const auto& [scope, unused] : scopes) {
      const ScopeDrafts drafts(input_.config, scope);
      for (const auto& [name, draft] : drafts.drafts()) {
        if (!route_add(scope, draft)) return fail();
      }
    }
    policies_.emplace(input_.config, snapshot_.routes(), &registry_.policies());
    if (!own_keys_add()) return fail();
    for (const KeyConfig& key : input_.config.keys) {
      if (!key_add(key)) return fail();
    }
    policies_->keep();
    auto publication = std::make_unique<Publication>();
    publication->snapshot = snapshot_.build();
    publication->limits = input_.config.limits;
    publication->limits.strict_accounting = input_.config.accounting.strict;
    publication->limits.server_timing = input_.config.log.server_timing;
    return publication;
  }

 private:
  Built fail() {
    for (const uint32_t pin : pins_) registry_.pin_release(pin);
    return std::unexpected(problem_);
  }

  bool refuse(const std::string& path, std::string_view text) {
    problem_ = path.empty() ? std::string(text) : path + ": " + std::string(text);
    return false;
  }

  uint32_t pin_take(Registry::KeyName name) {
    pins_.push_back(registry_.pin_take(std::move(name)));
    return pins_.back();
  }

  void providers_make() {
    for (const ProviderConfig& config : input_.config.providers) {
      providers_[{config.tenant, config.name}] = {&config, provider_make(config)};
    }
  }

  std::shared_ptr<const Provider> provider_make(const ProviderConfig& config) {
    auto out = std::make_shared<Provider>();
    out->name = config.name;
    out->type = config.type;
    out->tenant = config.tenant;
    out->uuid = config.uuid;
    out->adapter = config.unavailable ? withheld_adapter()
                                      : adapter_named(input_.adapters, config.type);
    out->tls = config.url.tls;
    out->host = config.url.host;
    out->port = config.url.port;
    out->authority = config.url.authority;
    out->base_path = config.url.path;
    out->credential = config.api_key.reveal();
    for (const auto& [name, value] : config.headers) {
      out->headers.emplace_back(name, value.reveal());
    }
    for (const auto& [name, value] : config.data) out->options.emplace_back(name, value.reveal());
    out->options.insert(out->options.end(), config.options.begin(), config.options.end());
    out->ca_pem = config.ca_pem;
    out->proxy_host = config.proxy.host;
    out->proxy_port = config.proxy.port;
    out->proxy_authorization = config.proxy.authorization.reveal();
    out->deny_private = input_.config.deny_private_upstreams;
    out->mask_auth_errors = config.mask_auth_errors;
    out->strict_params = config.strict_params;
    out->timeouts = config.timeouts;
    out->max_connections = config.max_connections;
    out->max_waiting = config.max_waiting;
    out->pool_slot = registry_.pool_slot(*out);
    if (out->adapter->token_request != nullptr) out->token_slot = registry_.token_slot(*out);
    out->second = second_place(*out);
    return out;
  }

  // What second_url() names was put together from checked parts; one that is no URL is none.
  std::shared_ptr<const Provider> second_place(const Provider& provider) {
    if (provider.adapter->second_url == nullptr) return nullptr;
    const auto url = base_url_parse(provider.adapter->second_url(provider));
    if (!url) return nullptr;
    auto out = std::make_shared<Provider>(provider);
    out->tls = url->tls;
    out->host = url->host;
    out->port = url->port;
    out->authority = url->authority;
    out->base_path = url->path;
    out->pool_slot = registry_.pool_slot(*out);
    return out;
  }

  bool heads_make(const ProviderConfig& config, Target* target) {
    const auto prepare =
        target->adapter->prepare != nullptr ? target->adapter->prepare : input_.default_prepare;
    for (const Endpoint endpoint :
         {Endpoint::kChat, Endpoint::kCompletions, Endpoint::kEmbeddings}) {
      if ((target->adapter->endpoints & endpoint_bit(endpoint)) == 0) continue;
      if (prepare == nullptr) continue;
      std::string* head = &target->heads[endpoint_index(endpoint)];
      const auto done = prepare({*target->provider, target->model, endpoint}, head);
      if (!done) {
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
    }
    return true;
  }

  // The heads say which endpoints there will be, so that the route's layout stays.
  void target_withhold(const ProviderConfig& config, Target* target) const {
    const Adapter* real = adapter_named(input_.adapters, config.type);
    target->adapter = withheld_adapter();
    for (const Endpoint endpoint :
         {Endpoint::kChat, Endpoint::kCompletions, Endpoint::kEmbeddings}) {
      std::string& head = target->heads[endpoint_index(endpoint)];
      const bool served = (real->endpoints & endpoint_bit(endpoint)) != 0;
      head = served ? provider_unavailable_text(config.name) : std::string();
    }
  }

  // The part of a target that is the same in every route.
  const Target* target_base(const ModelConfig& model) {
    const auto key = std::make_pair(model.tenant, model.provider + "/" + model.id);
    if (const auto found = targets_.find(key); found != targets_.end()) return &found->second;
    const auto& [config, provider] = providers_.at({model.tenant, model.provider});
    Target target;
    target.slot = registry_.target_slot(model.tenant, model.provider, model.id);
    Registry::TargetName& name = registry_.targets()[target.slot];
    name.configured = true;
    target.id = name.id;
    target.model = model.id;
    json_append_string(&target.model_json, model.id);
    target.provider = provider;
    target.adapter = provider->adapter;
    target.health = name.health.get();
    target.limits = limits_.of_target(model);
    WEIR_CHECK(target.adapter != nullptr);
    if (config->unavailable) {
      target_withhold(*config, &target);
    } else if (!heads_make(*config, &target)) {
      if (!config->by_reference) return nullptr;
      target_withhold(*config, &target);
    }
    return &targets_.emplace(key, std::move(target)).first->second;
  }

  bool route_add(const Scope& scope, const Draft& draft) {
    Route route;
    route.name = draft.name;
    route.tenant = scope.first;
    route.environment = scope.second;
    route.is_alias = draft.is_alias;
    route.algorithm = draft.algorithm;
    route.suspend_ms = draft.suspend_ms;
    route.max_attempts = draft.max_attempts;
    route.slot = registry_.route_slot(scope.first, scope.second, draft.name, input_.now_unix_s);
    route.created_unix_s = registry_.routes()[route.slot].created_unix_s;
    route.output = registry_.routes()[route.slot].output.get();
    if (route.is_alias) route.limits = limits_.of_alias(scope.first, draft.name);
    for (const Member& member : draft.members) {
      const Target* base = target_base(*member.model);
      if (base == nullptr) return false;
      Target target = *base;
      target.uuid = member.model->uuid;
      metadata_read(*member.model, &target);
      target.weight = member.weight;
      target.priority = member.priority;
      target.series = registry_.series_slot(draft.name, target.slot);
      route.targets.push_back(std::move(target));
    }
    route.pin = pin_take({});
    route_slots_[{scope.first + "/" + scope.second, draft.name}] = route.slot;
    const auto added = snapshot_.add_route(std::move(route));
    if (!added) return refuse("model " + message_quote(draft.name), added.error().message);
    return true;
  }

  // The first admin key and the key for metrics, which are no members of `keys`.
  bool own_keys_add() {
    if (input_.admin_key) {
      Principal admin;
      admin.id = uuid_from_name("own_key/admin");
      admin.name = "admin";
      admin.role = Role::kAdmin;
      admin.access = access_of({.key_uuid = admin.id, .key_name = admin.name, .admin = true});
      if (!principal_add("admin_key", *input_.admin_key, std::move(admin))) return false;
    }
    const Secret& metrics = input_.config.log.metrics_key;
    if (metrics.empty()) return true;
    Principal reader;
    reader.id = uuid_from_name("own_key/metrics");
    reader.name = "metrics";
    reader.metrics_only = true;
    reader.all_models = false;
    return principal_add("log.metrics_key", sha256_digest(metrics.reveal()), std::move(reader));
  }

  bool key_add(const KeyConfig& key) {
    Principal principal;
    principal.id = key.uuid;
    principal.name = key.name;
    principal.tenant = key.tenant;
    principal.environment = key.environment;
    principal.role = key.role;
    principal.expires_unix_s = key.expires_unix_s;
    principal.all_models = key.models.empty() ||
                           std::find(key.models.begin(), key.models.end(), "*") != key.models.end();
    for (const std::string& model : key.models) {
      const auto found = route_slots_.find({key.tenant + "/" + key.environment, model});
      if (!principal.all_models && found != route_slots_.end()) {
        principal.allowed_routes.push_back(found->second);
      }
    }
    principal.access = access_of(policy_caller_of(key), key.environment);
    const KeyDigest digest =
        key.sha256.empty() ? sha256_digest(key.key.reveal()) : digest_from_hex(key.sha256);
    return principal_add(key.path, digest, std::move(principal));
  }

  std::shared_ptr<const Access> access_of(const PolicyCaller& caller,
                                          const std::string& environment = kProduction) {
    return policies_->access_of(caller, environment);
  }

  bool principal_add(const std::string& path, const KeyDigest& digest, Principal principal) {
    if (principal.tenant.empty()) principal.tenant = kDefaultTenant;
    if (principal.environment.empty()) principal.environment = kProduction;
    principal.limits = limits_.of_key(principal.tenant, principal.name);
    std::sort(principal.allowed_routes.begin(), principal.allowed_routes.end());
    const auto& allowed = principal.allowed_routes;
    principal.allowed_routes.erase(std::unique(principal.allowed_routes.begin(),
                                               principal.allowed_routes.end()),
                                   allowed.end());
    principal.pin = pin_take({principal.id, principal.name, principal.tenant});
    if (snapshot_.add_principal(digest, std::move(principal))) return true;
    return refuse(path, "the same value as another key");
  }

  const RoutingInput& input_;
  Registry& registry_;
  RoutingLimits limits_;
  SnapshotBuilder snapshot_;
  std::optional<PolicyBuild> policies_;  // from when all routes are there
  std::map<Scope, std::pair<const ProviderConfig*, std::shared_ptr<const Provider>>> providers_;
  std::map<Scope, Target> targets_;  // by tenant and "provider/id"
  std::map<Scope, uint32_t> route_slots_;
  std::vector<uint32_t> pins_;
  std::string problem_;
};

}  // namespace

Built routing_build(const RoutingInput& input, Registry* registry) {
  return Builder(input, registry).build();
}

void routing_discard(std::unique_ptr<Publication> publication, Registry* registry) {
  for (const auto& route : publication->snapshot->routes()) registry->pin_release(route->pin);
  for (const auto& key : publication->snapshot->principals()) registry->pin_release(key->pin);
}

}  // namespace weir
