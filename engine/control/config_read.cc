#include "control/config_read.h"

#include <algorithm>
#include <charconv>

#include "control/config_units.h"

namespace weir {

namespace {

constexpr uint64_t kKiB = 1 << 10, kMiB = 1 << 20, kGiB = 1 << 30;

// Reads each member of the list `field` with `read` into `out`.
template <typename T>
void list_read(ConfigReader& reader, const char* field, std::vector<T>* out,
               void (*read)(ConfigContext&, const ConfigNode&, std::string, T*)) {
  const ConfigNode* list = reader.take(field);
  if (list == nullptr || !reader.expect_list(*list, field)) return;
  for (size_t i = 0; i < list->items.size(); ++i) {
    T value;
    value.at = list->items[i].at;
    value.path = std::string(field) + "[" + std::to_string(i) + "]";
    read(reader.context(), list->items[i], value.path, &value);
    out->push_back(std::move(value));
  }
}

void listen_tls_read(ConfigReader& listen, const ConfigNode& node, ListenConfig* out) {
  ConfigContext& context = listen.context();
  ConfigReader tls(context, node, listen.path_of("tls"));
  out->tls = true;
  if (tls.need("certificate") != nullptr) tls.get_text("certificate", &out->certificate_file);
  if (tls.need("key") != nullptr) tls.get_text("key", &out->key_file);
  tls.finish();
  for (std::string* file : {&out->certificate_file, &out->key_file}) {
    if (!file->empty()) *file = path_join(context.folder, *file);
  }
}

void listen_read(ConfigContext& context, const ConfigNode& node, std::string path,
                 ListenConfig* out) {
  ConfigReader reader(context, node, std::move(path));
  out->port = 0;  // an address that cannot be read is nobody's double
  if (const ConfigNode* address = reader.need("address");
      address != nullptr && reader.expect_scalar(*address, "address", "ADDRESS:PORT")) {
    out->address = address->text;
    if (const auto parsed = listen_parse(address->text)) {
      out->host = parsed->host;
      out->port = parsed->port;
    } else {
      reader.error(*address, "address",
                   message_quote(address->text) + " " + std::string(parsed.error()));
    }
  }
  if (const ConfigNode* tls = reader.take("tls")) listen_tls_read(reader, *tls, out);
  reader.finish();
}

void workers_read(ConfigReader& root, Config* out) {
  const ConfigNode* node = root.take("workers");
  if (node == nullptr || (node->kind == ConfigNode::Kind::kScalar && node->text == "auto")) return;
  constexpr uint32_t kMaxWorkers = 1024;
  root.get_count("workers", 1, kMaxWorkers, &out->workers);
}

void limits_read(ConfigReader& root, ClientLimits* out) {
  const ConfigNode* node = root.take("limits");
  if (node == nullptr) return;
  ConfigReader limits(root.context(), *node, root.path_of("limits"));
  limits.get_duration("header_timeout", 1, &out->header_timeout_ms);
  limits.get_duration("body_timeout", 1, &out->body_timeout_ms);
  limits.get_duration("idle_timeout", 1, &out->idle_timeout_ms);
  limits.get_duration("write_stall_timeout", 1, &out->write_stall_timeout_ms);
  limits.get_duration("drain_timeout", 0, &out->drain_timeout_ms);
  uint64_t header_bytes = out->max_header_bytes;
  limits.get_size("max_header_bytes", kKiB, kMiB, &header_bytes);
  out->max_header_bytes = static_cast<uint32_t>(header_bytes);
  limits.get_size("max_body_bytes", kKiB, kGiB, &out->max_body_bytes);
  limits.get_size("max_response_bytes", kKiB, kGiB, &out->max_response_bytes);
  limits.get_size("max_buffered_bytes", kMiB, uint64_t{1} << 50, &out->max_buffered_bytes);
  limits.get_count("max_connections", 1, 100'000'000, &out->max_connections);
  if (const int choice = limits.get_choice("json_validation", {"full", "top_level"}); choice >= 0) {
    out->validate_full = choice == 0;
  }
  limits.finish();
}

void retry_budget_read(ConfigReader& root, ClientLimits* out) {
  const ConfigNode* node = root.take("retry_budget");
  if (node == nullptr) return;
  ConfigReader budget(root.context(), *node, root.path_of("retry_budget"));
  budget.get_count("percent", 0, 1000, &out->retry_budget_percent);
  budget.get_count("min_per_s", 0, 1'000'000, &out->retry_budget_min_per_s);
  budget.finish();
}

void cache_read(ConfigReader& root, CacheLimits* out) {
  const ConfigNode* node = root.take("cache");
  if (node == nullptr) return;
  ConfigReader cache(root.context(), *node, root.path_of("cache"));
  cache.get_size("max_bytes", 0, uint64_t{1} << 50, &out->max_bytes);
  cache.get_size("max_entry_bytes", kKiB, kGiB, &out->max_entry_bytes);
  uint32_t age = static_cast<uint32_t>(out->max_age_ms);
  cache.get_duration("max_age", 1, &age);
  out->max_age_ms = age;
  cache.finish();
}

void network_read(ConfigReader& root, Config* out) {
  const ConfigNode* node = root.take("network");
  if (node == nullptr) return;
  ConfigReader network(root.context(), *node, root.path_of("network"));
  if (const int choice = network.get_choice("private_upstreams", {"allow", "deny"}); choice >= 0) {
    out->deny_private_upstreams = choice == 1;
  }
  network.finish();
}

void accounting_read(ConfigReader& root, AccountingConfig* out) {
  const ConfigNode* node = root.take("accounting");
  if (node == nullptr) return;
  ConfigReader accounting(root.context(), *node, root.path_of("accounting"));
  accounting.get_flag("strict", &out->strict);
  accounting.get_duration("flush_interval", 10, &out->flush_interval_ms);
  if (const ConfigNode* kept = accounting.take("retention");
      kept != nullptr && accounting.expect_scalar(*kept, "retention", "a duration")) {
    constexpr int64_t kDayNs = 86'400'000'000'000;
    const auto ns = duration_parse_ns(kept->text);
    if (!ns || *ns < kDayNs) {
      accounting.error(*kept, "retention", "needs to be a duration of at least one day (400d)");
    } else {
      out->retention_days = static_cast<uint32_t>(*ns / kDayNs);
    }
  }
  accounting.finish();
}

void log_read(ConfigReader& root, LogConfig* out) {
  const ConfigNode* node = root.take("log");
  if (node == nullptr) return;
  ConfigContext& context = root.context();
  ConfigReader log(context, *node, root.path_of("log"));
  if (const int level = log.get_choice("level", {"error", "warn", "info", "debug"}); level >= 0) {
    out->level = static_cast<LogLevel>(level);
  }
  const ConfigNode* access = log.take("access");
  if (access != nullptr && access->kind == ConfigNode::Kind::kScalar &&
      access->text.starts_with("file:") && access->text.size() > 5) {
    out->access = "file:" + path_join(context.folder, access->text.substr(5));
  } else if (log.get_choice("access", {"stdout", "stderr", "off", "file:..."}) >= 0) {
    out->access = access->text;
  }
  log.get_secret("metrics_key", &out->metrics_key);
  const int timing = log.get_choice("server_timing", {"on_request", "always", "off"});
  if (timing >= 0) out->server_timing = static_cast<ServerTiming>(timing);
  log.finish();
}

}  // namespace

void config_read(ConfigContext& context, const ConfigNode& root, Config* out) {
  ConfigReader reader(context, root, "");
  if (reader.take("listen") != nullptr) out->listen.clear();
  list_read(reader, "listen", &out->listen, listen_read);
  workers_read(reader, out);
  reader.get_flag("pin_cpus", &out->pin_cpus);
  if (reader.take("data_dir") != nullptr) {
    reader.get_text("data_dir", &out->data_dir);
    out->data_dir = path_join(context.folder, out->data_dir);
  }
  reader.get_secret("admin_key", &out->admin_key);
  reader.get_secret("sealing_key", &out->sealing_key);
  reader.get_secret("previous_sealing_key", &out->previous_sealing_key);
  list_read(reader, "providers", &out->providers, provider_read);
  list_read(reader, "models", &out->models, model_read);
  list_read(reader, "load_balancers", &out->balancers, balancer_read);
  list_read(reader, "rate_limits", &out->rate_limits, rate_limit_read);
  list_read(reader, "keys", &out->keys, key_read);
  list_read(reader, "policies", &out->policies, policy_read);
  limits_read(reader, &out->limits);
  retry_budget_read(reader, &out->limits);
  cache_read(reader, &out->limits.cache);
  network_read(reader, out);
  accounting_read(reader, &out->accounting);
  auth_read(reader, &out->auth);
  secrets_read(reader, &out->secrets);
  log_read(reader, &out->log);
  reader.finish();
}

}  // namespace weir
