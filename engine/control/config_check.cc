#include "control/config_check.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "control/config_price.h"
#include "control/config_read.h"
#include "control/policy.h"

namespace weir {

namespace {

using Scope = std::pair<std::string, std::string>;  // tenant and environment

// The names that exist, by where they can be used.
struct Names {
  std::map<std::string, std::set<std::string>> providers;  // by tenant
  std::map<Scope, std::map<std::string, size_t>> aliases;  // alias -> models that carry it
  std::map<Scope, std::set<std::string>> models;           // provider/id
  std::map<Scope, std::set<std::string>> ids;
};

template <typename Container>
std::vector<std::string_view> views_of(const Container& names) {
  std::vector<std::string_view> out;
  for (const auto& name : names) {
    if constexpr (requires { name.first; }) {
      out.push_back(name.first);
    } else {
      out.push_back(name);
    }
  }
  return out;
}

Names names_collect(const Config& config) {
  Names names;
  for (const auto& provider : config.providers) {
    names.providers[provider.tenant].insert(provider.name);
  }
  for (const auto& model : config.models) {
    const Scope scope{model.tenant, model.environment};
    names.models[scope].insert(model.provider + "/" + model.id);
    names.ids[scope].insert(model.id);
    if (!model.alias.empty()) ++names.aliases[scope][model.alias];
  }
  for (const auto& balancer : config.balancers) {
    if (!balancer.backends.empty()) {
      names.aliases[{balancer.tenant, balancer.environment}].try_emplace(balancer.alias, 0);
    }
  }
  return names;
}

void listen_check(const Config& config, const BuildFeatures& features, ConfigProblems* problems) {
  std::set<std::pair<std::string, uint16_t>> seen;
  for (const ListenConfig& listen : config.listen) {
    if (listen.port != 0 && !seen.emplace(listen.host, listen.port).second) {
      problems->error(listen.at, listen.path + ".address",
                      "the same address as another listener");
    }
    for (const std::string& file : {listen.certificate_file, listen.key_file}) {
      if (!file.empty() && access(file.c_str(), R_OK) != 0) {
        problems->error(listen.at, listen.path + ".tls", message_quote(file) + ": cannot be read");
      }
    }
    if (listen.tls && !features.listener_tls) {
      problems->warn(listen.at, listen.path + ".tls",
                     "this build cannot serve TLS to clients; run refuses to start with it");
    }
  }
}

void models_check(const Config& config, const Names& names, ConfigProblems* problems) {
  std::set<std::vector<std::string>> seen;
  for (const ModelConfig& model : config.models) {
    if (model.provider.empty() || model.id.empty()) continue;  // reported as missing
    const auto known = names.providers.find(model.tenant);
    if (known == names.providers.end() || !known->second.contains(model.provider)) {
      std::string text = "no provider " + message_quote(model.provider);
      if (model.tenant != kDefaultTenant) text += " in tenant " + message_quote(model.tenant);
      if (known != names.providers.end()) {
        text += did_you_mean(model.provider, views_of(known->second));
      }
      problems->error(model.at, model.path + ".provider", text);
    }
    if (!seen.insert({model.tenant, model.environment, model.provider, model.id, model.alias})
             .second) {
      problems->error(model.at, model.path, "the same model stands here twice");
    }
    if (const auto price = price_of(model.metadata); !price) {
      problems->error(model.at, model.path + ".metadata." + std::string(price.error().param),
                      std::string(price.error().message));
    }
  }
  for (const auto& [scope, aliases] : names.aliases) {
    for (const auto& [alias, count] : aliases) {
      if (count > Route::kMaxTargets) {
        problems->error({}, "models", "the alias " + message_quote(alias) + " has more than " +
                                          std::to_string(Route::kMaxTargets) + " models");
      }
    }
  }
}

void balancers_check(const Config& config, const Names& names, ConfigProblems* problems) {
  std::set<std::vector<std::string>> seen;
  for (const BalancerConfig& balancer : config.balancers) {
    if (balancer.alias.empty()) continue;
    const Scope scope{balancer.tenant, balancer.environment};
    if (!seen.insert({balancer.tenant, balancer.environment, balancer.alias}).second) {
      problems->error(balancer.at, balancer.path + ".alias",
                      "a second load balancer for " + message_quote(balancer.alias));
    }
    const auto aliases = names.aliases.find(scope);
    if (aliases == names.aliases.end() || !aliases->second.contains(balancer.alias)) {
      std::string text = "no model has the alias " + message_quote(balancer.alias);
      if (balancer.environment != kProduction) text += " in the sandbox";
      if (aliases != names.aliases.end()) {
        text += did_you_mean(balancer.alias, views_of(aliases->second));
      }
      problems->error(balancer.at, balancer.path + ".alias", text);
    }
    std::set<std::string> backends;
    for (const BackendConfig& backend : balancer.backends) {
      if (backend.model.empty()) continue;
      const auto models = names.models.find(scope);
      if (models == names.models.end() || !models->second.contains(backend.model)) {
        std::string text = "no model " + message_quote(backend.model);
        if (models != names.models.end()) {
          text += did_you_mean(backend.model, views_of(models->second));
        }
        problems->error(backend.at, backend.path + ".model", text);
      }
      if (!backends.insert(backend.model).second) {
        problems->error(backend.at, backend.path + ".model", "the same model stands here twice");
      }
    }
    if (balancer.backends.size() > Route::kMaxTargets) {
      problems->error(balancer.at, balancer.path + ".backends",
                      "more than " + std::to_string(Route::kMaxTargets) + " backends");
    }
  }
}

// Whether `name` leads to a route in either environment of the tenant.
bool model_known(const Names& names, const std::string& tenant, const std::string& name,
                 bool by_id = true) {
  for (const char* environment : {kProduction, kSandbox}) {
    const Scope scope{tenant, environment};
    const auto holds = [&](const auto& map) {
      const auto found = map.find(scope);
      return found != map.end() && found->second.contains(name);
    };
    if (holds(names.aliases) || holds(names.models) || (by_id && holds(names.ids))) return true;
  }
  return false;
}

void keys_check(const Config& config, const Names& names, ConfigProblems* problems) {
  std::set<std::pair<std::string, std::string>> seen;
  std::map<std::string, const KeyConfig*> values;
  for (const KeyConfig& key : config.keys) {
    if (!key.name.empty() && !seen.emplace(key.tenant, key.name).second) {
      problems->error(key.at, key.path + ".name", "duplicate key name " + message_quote(key.name));
    }
    const std::string value = key.sha256.empty() ? "c" + key.key.reveal() : "d" + key.sha256;
    if (value.size() > 1) {
      const auto [first, is_new] = values.emplace(value, &key);
      if (!is_new) {
        problems->error(key.at, key.path,
                        "the same key value as " + first->second->path);
      }
    }
    for (size_t i = 0; i < key.models.size(); ++i) {
      const std::string& name = key.models[i];
      if (name == "*" || model_known(names, key.tenant, name)) continue;
      problems->warn(key.at, key.path + ".models[" + std::to_string(i) + "]",
                     "no model is called " + message_quote(name));
    }
  }
}

void rate_limits_check(const Config& config, const Names& names, const BuildFeatures& features,
                       ConfigProblems* problems) {
  std::set<std::vector<std::string>> seen;
  for (const RateLimitConfig& limit : config.rate_limits) {
    const auto scope = std::to_string(static_cast<int>(limit.scope));
    if (!seen.insert({limit.tenant, scope, limit.subject}).second) {
      problems->error(limit.at, limit.path, "a second limit for the same scope");
    }
    if (limit.subject.empty()) continue;
    const auto providers = names.providers.find(limit.tenant);
    if (limit.scope == LimitScope::kProvider &&
        (providers == names.providers.end() || !providers->second.contains(limit.subject))) {
      problems->error(limit.at, limit.path + ".provider",
                      "no provider " + message_quote(limit.subject));
    }
    if (limit.scope == LimitScope::kModel && !model_known(names, limit.tenant, limit.subject)) {
      problems->error(limit.at, limit.path + ".model", "no model " + message_quote(limit.subject));
    }
  }
  if (!config.rate_limits.empty() && !features.rate_limits) {
    problems->warn(config.rate_limits.front().at, "rate_limits",
                   "this section is read and checked, but not enforced by this build");
  }
}

// Whether a policy's resource is there; a bare id and `*` are not looked for.
bool resource_known(const Config& config, const Names& names, const PolicyConfig& policy,
                    const PolicyResource& resource) {
  const std::string name(resource.name);
  const auto same_tenant = [&](const auto& object) { return object.tenant == policy.tenant; };
  if (name == "*" || policy_is_uuid(name)) return true;
  switch (resource.kind) {
    case PolicyKind::kProvider: {
      const auto providers = names.providers.find(policy.tenant);
      return providers != names.providers.end() && providers->second.contains(name);
    }
    case PolicyKind::kBalancer:
      return std::any_of(config.balancers.begin(), config.balancers.end(), [&](const auto& b) {
        return same_tenant(b) && (b.alias == name || b.name == name);
      });
    case PolicyKind::kModel:
      return model_known(names, policy.tenant, name, false);
    case PolicyKind::kAnyUuid:
    case PolicyKind::kEverything:
      return true;
  }
  return true;
}

void policies_check(const Config& config, const Names& names, ConfigProblems* problems) {
  for (const PolicyConfig& policy : config.policies) {
    policy_check(policy, problems);
    const auto resource = policy_resource_parse(policy.resource);
    if (resource && !resource_known(config, names, policy, *resource)) {
      // It may come later, over the API.
      problems->warn(policy.at, policy.path + ".resource",
                     "nothing is called " + message_quote(policy.resource) +
                         "; a model goes by its alias or provider/id");
    }
  }
}

void bounds_check(const Config& config, const BuildFeatures& features, ConfigProblems* problems) {
  const ClientLimits& limits = config.limits;
  if (limits.max_body_bytes > limits.max_buffered_bytes) {
    problems->error({}, "limits.max_body_bytes", "is larger than limits.max_buffered_bytes");
  }
  if (limits.max_response_bytes > limits.max_buffered_bytes) {
    problems->error({}, "limits.max_response_bytes", "is larger than limits.max_buffered_bytes");
  }
  if (config.accounting.strict && !features.strict_accounting) {
    problems->warn({}, "accounting.strict", "is read, but not enforced by this build");
  }
  if (config.models.empty()) {
    problems->warn({}, "models", "no model is configured: every request will be answered 404");
  }
}

}  // namespace

void policy_check(const PolicyConfig& policy, ConfigProblems* problems) {
  if (!policy.resource.empty() && !policy_resource_parse(policy.resource)) {
    problems->error(policy.at, policy.path + ".resource",
                    "needs to be model:NAME, provider:NAME or load_balancer:NAME, an id, or *");
  }
  if (!policy.subject.empty() && !policy_subject_parse(policy.subject)) {
    problems->error(policy.at, policy.path + ".subject",
                    "needs to be key:NAME, user:NAME, group:NAME, or *");
  }
}

void config_check(const ConfigOptions& options, Config* config, ConfigProblems* problems) {
  if (options.resolve_secrets) vault_from_environment(&config->secrets.vault, problems);
  providers_check(options, config, problems);
  const Names names = names_collect(*config);
  listen_check(*config, options.features, problems);
  models_check(*config, names, problems);
  balancers_check(*config, names, problems);
  keys_check(*config, names, problems);
  rate_limits_check(*config, names, options.features, problems);
  policies_check(*config, names, problems);
  auth_check(config->auth, problems);
  bounds_check(*config, options.features, problems);
}

}  // namespace weir
