#include "control/config_load.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "control/config_read.h"
#include "control/config_units.h"
#include "control/config_yaml.h"

namespace weir {

namespace {

std::string folder_of(const std::string& file) {
  const size_t slash = file.rfind('/');
  if (slash == std::string::npos) return {};
  return slash == 0 ? "/" : file.substr(0, slash);
}

// By place; of one place in the order of finding. (Clang refuses libstdc++ 12's stable_sort.)
void problems_sort(ConfigProblems* problems) {
  const std::vector<ConfigProblem> found = std::move(problems->list);
  std::vector<std::tuple<int, int, size_t>> places;
  for (size_t i = 0; i < found.size(); ++i) {
    places.emplace_back(found[i].at.line, found[i].at.column, i);
  }
  std::sort(places.begin(), places.end());
  problems->list.clear();
  for (const auto& [line, column, i] : places) problems->list.push_back(found[i]);
}

std::string flag_text(bool value) { return value ? "true" : "false"; }

std::string limits_yaml(const ClientLimits& limits) {
  return "limits:\n  header_timeout: " + duration_format_ms(limits.header_timeout_ms) +
         "\n  body_timeout: " + duration_format_ms(limits.body_timeout_ms) +
         "\n  idle_timeout: " + duration_format_ms(limits.idle_timeout_ms) +
         "\n  write_stall_timeout: " + duration_format_ms(limits.write_stall_timeout_ms) +
         "\n  drain_timeout: " + duration_format_ms(limits.drain_timeout_ms) +
         "\n  max_header_bytes: " + size_format(limits.max_header_bytes) +
         "\n  max_body_bytes: " + size_format(limits.max_body_bytes) +
         "\n  max_response_bytes: " + size_format(limits.max_response_bytes) +
         "\n  max_connections: " + std::to_string(limits.max_connections) +
         "\n  max_buffered_bytes: " + size_format(limits.max_buffered_bytes) +
         "\n  json_validation: " + (limits.validate_full ? "full" : "top_level") +
         "\nretry_budget:\n  percent: " + std::to_string(limits.retry_budget_percent) +
         "\n  min_per_s: " + std::to_string(limits.retry_budget_min_per_s) +
         "\ncache:\n  max_bytes: " + size_format(limits.cache.max_bytes) +
         "\n  max_entry_bytes: " + size_format(limits.cache.max_entry_bytes) +
         "\n  max_age: " + duration_format_ms(static_cast<uint32_t>(limits.cache.max_age_ms)) +
         "\n";
}

// Objects have no default instances, so their fields' defaults are shown as comments.
std::string objects_yaml() {
  const ProviderConfig provider;
  const ProviderTimeouts& timeouts = provider.timeouts;
  const BalancerConfig balancer;
  return "# Each member of providers:\n#   tenant: " + provider.tenant +
         "\n#   timeouts:\n#     connect: " + duration_format_ms(timeouts.connect_ms) +
         "\n#     head: " + duration_format_ms(timeouts.head_ms) +
         "\n#     idle: " + duration_format_ms(timeouts.idle_ms) +
         "\n#     total: " + duration_format_ms(timeouts.total_ms) +
         "\n#   max_connections: " + std::to_string(provider.max_connections) +
         "\n#   max_waiting: " + std::to_string(provider.max_waiting) +
         "\n#   auth_errors: " + (provider.mask_auth_errors ? "mask" : "passthrough") +
         "\n#   strict_params: " + flag_text(provider.strict_params) +
         "\n# Each member of models:\n#   tenant: " + kDefaultTenant +
         "\n#   environment: " + kProduction + "\n#   weight: 1\n#   priority: 0" +
         "\n# Each member of load_balancers:\n#   algorithm: weighted_round_robin" +
         "\n#   suspend_duration: " + duration_format_ms(balancer.suspend_ms) +
         "\n#   max_attempts: " + std::to_string(balancer.max_attempts) +
         "\n# Each member of keys:\n#   role: user\n#   models: [\"*\"]\n#   environment: " +
         kProduction + "\n# Each member of policies:\n#   effect: " + PolicyConfig().effect + "\n";
}

}  // namespace

std::string LoadedConfig::first_error() const {
  for (const ConfigProblem& problem : problems.list) {
    if (!problem.warning) return problem_line(file, problem);
  }
  return {};
}

LoadedConfig config_load(const std::string& file, const ConfigOptions& options) {
  auto text = file_read(file, LoadedConfig::kMaxFileBytes);
  if (text) return config_load_text(*text, file, folder_of(file), options);
  LoadedConfig loaded;
  // The reason begins with the name of the file.
  loaded.problems.error({}, "", "cannot read the configuration " + text.error());
  return loaded;
}

LoadedConfig config_load_text(std::string_view text, std::string_view file,
                              std::string_view folder, const ConfigOptions& options) {
  LoadedConfig loaded;
  loaded.file = file;
  loaded.config.listen.emplace_back();
  ConfigContext context{&loaded.problems, std::string(folder), options.resolve_secrets};
  const auto root = yaml_parse(text, &loaded.problems);
  if (root) {
    config_read(context, *root, &loaded.config);
    if (loaded.config.listen.empty()) {
      loaded.problems.error(root->at, "listen", "needs at least one address");
    }
    config_check(options, &loaded.config, &loaded.problems);
  }
  problems_sort(&loaded.problems);
  return loaded;
}

LoadedConfig config_embedded(const ConfigOptions& options) {
  LoadedConfig loaded;
  loaded.config.listen.emplace_back();
  ProviderConfig provider;
  provider.name = provider.type = "loopback";
  provider.path = "providers[0]";
  loaded.config.providers.push_back(provider);
  for (const char* id : {"loopback", "loopback-embed", "loopback/*"}) {
    ModelConfig model;
    model.provider = provider.name;
    model.id = id;
    model.alias = id;
    model.path = "models[" + std::to_string(loaded.config.models.size()) + "]";
    loaded.config.models.push_back(std::move(model));
  }
  // A rehearsed fault is no reason to suspend the one target of all rehearsals.
  BalancerConfig rehearsals;
  rehearsals.alias = "loopback/*";
  rehearsals.suspend_ms = 0;
  rehearsals.path = "load_balancers[0]";
  loaded.config.balancers.push_back(std::move(rehearsals));
  config_check(options, &loaded.config, &loaded.problems);
  return loaded;
}

std::string config_defaults_yaml() {
  const Config config;
  const AccountingConfig& accounting = config.accounting;
  return "# The defaults of every field.\nlisten:\n  - address: " + ListenConfig().address +
         "\nworkers: auto\npin_cpus: " + flag_text(config.pin_cpus) +
         "\ndata_dir: " + config.data_dir + "\n" + limits_yaml(config.limits) +
         "network:\n  private_upstreams: allow\naccounting:\n  strict: " +
         flag_text(accounting.strict) +
         "\n  flush_interval: " + duration_format_ms(accounting.flush_interval_ms) +
         "\n  retention: " + std::to_string(accounting.retention_days) +
         "d\n" + auth_yaml() + "log:\n  level: info\n  access: " + config.log.access +
         "\n  server_timing: on_request\n" + objects_yaml();
}

}  // namespace weir
