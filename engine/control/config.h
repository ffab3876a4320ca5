// The whole configuration file as plain values; docs/configuration.md describes every field.
//
// Defaults stand here and nowhere else. `at` and `path` say where a value was written, for errors
// that are found later. Filled by config_load() (config_load.h), read by the control plane; a plain
// value without threads of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/config_auth.h"
#include "control/config_problem.h"
#include "control/config_secret.h"
#include "control/config_url.h"
#include "control/config_vaults.h"
#include "link/worker_link.h"
#include "route/route.h"
#include "route/target.h"

namespace weir {

inline constexpr char kDefaultTenant[] = "default";
inline constexpr char kProduction[] = "production";
inline constexpr char kSandbox[] = "sandbox";

struct ListenConfig {
  std::string address = "127.0.0.1:8080";  // as written
  std::string host = "127.0.0.1";          // IPv6 without brackets
  uint16_t port = 8080;
  bool tls = false;
  std::string certificate_file, key_file;
  int fd = -1;  // never from a file: a socket that was inherited
  FilePosition at;
  std::string path;
};

using TextPairs = std::vector<std::pair<std::string, std::string>>;

struct ProxyConfig {  // HTTP CONNECT proxy; empty host: none
  std::string host;
  uint16_t port = 0;
  Secret authorization;  // value of Proxy-Authorization
};

struct ProviderConfig {
  std::string uuid;  // as in every struct below: see object_ids.h
  std::string name, type;
  std::string tenant = kDefaultTenant;
  // The secret whose value is the JSON of `data`, which is then empty: "vault:kv/openai", a CRN.
  std::string data_reference;
  Secret api_key;
  std::string base_url;  // as written; empty: the type's own
  std::string base_url_reference;  // where base_url comes from; empty: it stays
  BaseUrl url;           // what base_url or the type's default means
  std::vector<std::pair<std::string, Secret>> data;  // the other members of `data`
  std::vector<std::pair<std::string, Secret>> headers;
  TextPairs options;     // nested maps are written with dots: "deployments.gpt-4o"
  ProviderTimeouts timeouts;
  std::string ca_file, ca_pem;
  ProxyConfig proxy;
  uint32_t max_connections = 256;
  uint32_t max_waiting = 1024;
  bool mask_auth_errors = true;
  bool strict_params = false;
  // Its credentials were read from elsewhere: what is wrong with them is no fault of the file.
  bool by_reference = false;
  bool unavailable = false;  // for now: they could not be had
  FilePosition at;
  std::string path;
};

struct ModelConfig {
  static constexpr uint32_t kMaxWeight = Route::kMaxWeight;
  std::string uuid;
  std::string provider, id, alias;
  std::string tenant = kDefaultTenant;
  std::string environment = kProduction;
  std::optional<uint32_t> weight;   // the model's own, or metadata.weight
  std::optional<uint32_t> priority;
  TextPairs metadata;
  // What is shown beside them; of every object of the catalog.
  std::string metadata_json;  // an object, or empty
  int64_t created_unix_s = 0;
  uint64_t rank = 0;          // the newest has the highest
  FilePosition at;
  std::string path;
};

struct BackendConfig {
  std::string model;       // "provider/id"
  std::string model_uuid;  // of the API; goes before the name
  std::optional<uint32_t> weight, priority;
  FilePosition at;
  std::string path;
};

struct BalancerConfig {
  std::string uuid;
  std::string alias, name;
  std::string tenant = kDefaultTenant;
  std::string environment = kProduction;
  Algorithm algorithm = Algorithm::kWeightedRoundRobin;
  uint32_t suspend_ms = 10'000;
  uint32_t max_attempts = 3;
  std::vector<BackendConfig> backends;  // empty: all models of the alias
  FilePosition at;
  std::string path;
};

struct BucketConfig {
  uint64_t amount = 0, capacity = 0;
  int64_t duration_ns = 0;
};

enum class LimitScope : uint8_t { kTenant, kKey, kProvider, kModel };

struct RateLimitConfig {
  std::string uuid;
  LimitScope scope = LimitScope::kTenant;
  std::string subject;  // the key, provider or model it limits; empty for a tenant
  std::string tenant = kDefaultTenant;
  std::optional<BucketConfig> request, token;
  FilePosition at;
  std::string path;
};

struct KeyConfig {
  std::string uuid;
  std::string name;
  std::string tenant = kDefaultTenant;
  std::string environment = kProduction;
  Secret key;          // one of these two
  std::string sha256;  // 64 lower-case hex digits
  // Of the value before the last rotation, which still works until then; empty: there is none.
  std::string previous_sha256;
  int64_t previous_until_unix_s = 0;
  Role role = Role::kUser;
  std::string user;                 // whose key it is, for policies; empty: nobody's
  std::vector<std::string> groups;
  std::vector<std::string> models;  // empty or "*": all
  int64_t expires_unix_s = 0;
  FilePosition at;
  std::string path;
};

struct PolicyConfig {
  std::string uuid;
  std::string action, resource, subject;
  std::string effect = "allow";
  std::string tenant = kDefaultTenant;
  FilePosition at;
  std::string path;
};

enum class LogLevel : uint8_t { kError, kWarn, kInfo, kDebug };

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  std::string access = "stdout";  // stdout | stderr | off | file:PATH
  Secret metrics_key;
  ServerTiming server_timing = ServerTiming::kOnRequest;
};

struct AccountingConfig {
  bool strict = false;
  uint32_t flush_interval_ms = 1'000;
  uint32_t retention_days = 400;
};

struct Config {
  std::vector<ListenConfig> listen;  // never empty after config_load()
  uint32_t workers = 0;              // 0: one per available core
  bool pin_cpus = false;
  std::string data_dir = "./weir-data";
  Secret admin_key;                  // empty: WEIR_ADMIN_KEY, or made at the first start
  Secret sealing_key;                // empty: sealing.key in data_dir, made at the first start
  Secret previous_sealing_key;
  std::vector<ProviderConfig> providers;
  std::vector<ModelConfig> models;
  std::vector<BalancerConfig> balancers;
  std::vector<RateLimitConfig> rate_limits;
  std::vector<KeyConfig> keys;
  std::vector<PolicyConfig> policies;
  ClientLimits limits;  // with retry_budget in it
  bool deny_private_upstreams = false;
  AccountingConfig accounting;
  AuthConfig auth;
  SecretsConfig secrets;
  LogConfig log;
};

}  // namespace weir
