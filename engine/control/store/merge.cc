#include "control/store/merge.h"

namespace weir {

ProviderConfig provider_effective(const ProviderObject& provider, const ConfigOptions& options,
                                  bool deny_private, ConfigProblems* problems) {
  if (provider.from_file && !provider.resolved) return provider.config;
  ProviderConfig config = provider.config;
  config.uuid = provider.uuid;
  config.tenant = provider.tenant;
  config.api_key = {};
  config.base_url.clear();
  config.data.clear();
  for (const auto& [name, value] : provider.resolved ? *provider.resolved : provider.data) {
    if (name == "apikey") {
      config.api_key = value;
    } else if (name == "base_url") {
      config.base_url = value.reveal();
    } else {
      config.data.emplace_back(name, value);
    }
  }
  const bool waits = provider.needs_resolving && !provider.resolved;
  ConfigOptions now = options;
  // Until the references are read only the type can be judged.
  now.resolve_secrets = options.resolve_secrets && !waits;
  Config alone;
  alone.deny_private_upstreams = deny_private;
  alone.providers.push_back(std::move(config));
  ConfigProblems found;
  providers_check(now, &alone, &found);
  for (ConfigProblem& problem : found.list) {
    if (waits && problem.path.starts_with(".data")) continue;
    problems->list.push_back(std::move(problem));
  }
  return std::move(alone.providers.front());
}

}  // namespace weir
