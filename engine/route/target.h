// One upstream deployment: which provider, which model there, with which weight.
//
// Provider and Target are immutable once their snapshot is published, built and freed by the
// control thread and only read by workers. Health is the shared, changing part: it is owned by the
// control plane's registry, keyed by a stable id, and outlives snapshots.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <weir/types.h>

#include "base/shared_text.h"
#include "limit/limit_set.h"

namespace weir {

struct Adapter;
class TargetHealth;

struct ProviderTimeouts {
  uint32_t connect_ms = 5'000;  // DNS, TCP and TLS together
  uint32_t head_ms = 600'000;   // request sent to end of the reply's head
  uint32_t idle_ms = 120'000;   // between two reads of a reply's body
  uint32_t total_ms = 0;        // whole attempt; 0 = none
};

struct Provider {
  std::string name;
  std::string type;
  std::string tenant;
  std::string uuid;
  const Adapter* adapter = nullptr;
  // Where it is. `authority` is the Host field; base_path has no slash at its end.
  bool tls = false;
  std::string host;       // a name, IPv4, or IPv6 without brackets
  uint16_t port = 0;
  std::string authority;
  std::string base_path;
  std::string credential; // resolved API key; never printed
  std::vector<std::pair<std::string, std::string>> headers;  // extra fields, validated
  std::vector<std::pair<std::string, std::string>> options;  // quirk flags, as text
  std::string ca_pem;     // added to the system's certificates; empty: none
  // HTTP CONNECT proxy; empty host: none.
  std::string proxy_host;
  uint16_t proxy_port = 0;
  std::string proxy_authorization;  // value of Proxy-Authorization, empty: none
  bool deny_private = false;
  bool mask_auth_errors = true;
  bool strict_params = false;
  ProviderTimeouts timeouts;
  uint32_t max_connections = 256;   // per worker
  uint32_t max_waiting = 1024;      // requests that wait for a connection, per worker
  // Dense index of the connection pool; the same (address, TLS, proxy, credential-free) place keeps
  // its slot over reloads.
  uint32_t pool_slot = 0;
  // Dense, stable by (provider, credential): the short-lived token. kNoSlot: it needs none.
  uint32_t token_slot = UINT32_MAX;
  // The place that Adapter::second_url names, with the same credential and bounds. Null: none.
  std::shared_ptr<const Provider> second;

  [[nodiscard]] std::string_view option(std::string_view key) const {
    for (const auto& [name_, value] : options) {
      if (name_ == key) return value;
    }
    return {};
  }
};

// kEndpoints prepared heads, indexed by endpoint_index().
constexpr size_t kEndpoints = 3;
constexpr size_t endpoint_index(Endpoint endpoint) {
  return endpoint == Endpoint::kChat ? 0 : endpoint == Endpoint::kCompletions ? 1 : 2;
}

struct Target {
  std::string id;            // "provider/model", the name in metrics and logs
  std::string uuid;          // of the model object
  std::string model;         // the provider's own name
  std::string model_json;    // the same as a JSON string token
  std::shared_ptr<const Provider> provider;  // released on the control thread only
  const Adapter* adapter = nullptr;
  std::array<SharedText, kEndpoints> heads;  // empty: endpoint not served
  uint32_t weight = 1;
  uint32_t priority = 0;     // lower is tried first
  // Of the model's metadata, for requests that choose by it.
  int64_t cost = -1;         // pico-dollars for a token, the mean of both ways; -1: not known
  std::string family, region;
  uint32_t slot = 0;         // dense, stable by (tenant, provider, model): health, metrics
  uint32_t series = 0;       // dense, stable by (alias, target): request metrics
  LimitSet limits;           // of the provider and of the model there; buckets borrowed
  TargetHealth* health = nullptr;
};

}  // namespace weir
