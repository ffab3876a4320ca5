// What the management API manages: plain structs, the same whether an object came over the API or
// from the configuration file (those are read-only).
//
// `config` is the object as the routing build takes it; where a name in it stands for another
// object (a model's provider), the uuid beside it is the truth and the name follows it. Kept by
// Catalog, made by whoever handles a call; plain values of the control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/config.h"

namespace weir {

enum class ObjectKind : uint8_t {
  kTenant,
  kProvider,
  kModel,
  kBalancer,
  kLimit,
  kPolicy,
  kKey,
};
constexpr size_t kObjectKinds = 7;
// "tenant", "provider", "model", "load_balancer", "rate_limit", "policy", "key".
[[nodiscard]] std::string_view object_kind_name(ObjectKind kind);

struct ObjectMeta {
  std::string uuid;                    // empty before it was created: the catalog gives one
  std::string tenant = kDefaultTenant;  // its stable name
  int64_t created_unix_s = 0, updated_unix_s = 0;
  uint64_t order = 0;      // of creation; objects of the file come before all others
  bool from_file = false;  // read-only
};

struct TenantObject : ObjectMeta {
  // ObjectMeta::tenant is the name that never changes; this is the one to show.
  std::string name;
  std::string secrets_manager;  // base URL of the tenant's secrets manager; may be empty
  bool changed = false;         // since it was made; times in seconds would not tell
};

using SecretPairs = std::vector<std::pair<std::string, Secret>>;

struct ProviderObject : ObjectMeta {
  // Name, type and all settings. Its api_key, base_url, url and data are left empty here: they are
  // made from what follows (provider_effective() in merge.h).
  ProviderConfig config;
  SecretPairs data;       // by canonical field names ("apikey", "base_url", "region"), as sent
  std::string reference;  // of data_reference.resource; empty: `data` is used
  // With a reference, or with references among the values of `data`: true. Else a value is what it
  // says, even where it looks like a reference.
  bool needs_resolving = false;
};

struct ModelObject : ObjectMeta {
  ModelConfig config;         // config.provider follows provider_uuid
  std::string provider_uuid;
  std::string metadata_json;  // as sent, for replies: a JSON object, or empty
};

struct BackendObject {
  std::string model_uuid;
  std::optional<uint32_t> weight, priority;
};

struct BalancerObject : ObjectMeta {
  BalancerConfig config;  // but for its backends
  std::vector<BackendObject> backends;
};

struct LimitObject : ObjectMeta {
  RateLimitConfig config;  // config.subject: of a file object as written there, else the alias
  // What it limits, by scope: a provider, a key, or one model (its target); empty for a tenant and
  // for an alias.
  std::string subject_uuid;
  std::string target;  // of one model: "provider uuid/upstream id"; follows subject_uuid
};

struct PolicyObject : ObjectMeta {
  PolicyConfig config;
};

struct KeyObject : ObjectMeta {
  KeyConfig config;    // of the API: the digest only; of the file: with `sha256` filled in
  std::string prefix;  // the first characters of the key, to tell keys apart; may be empty
};

// Calls `visit` with a null pointer of the kind's type.
template <typename Visit>
void object_kind_visit(ObjectKind kind, Visit visit) {
  switch (kind) {
    case ObjectKind::kTenant:
      return visit(static_cast<TenantObject*>(nullptr));
    case ObjectKind::kProvider:
      return visit(static_cast<ProviderObject*>(nullptr));
    case ObjectKind::kModel:
      return visit(static_cast<ModelObject*>(nullptr));
    case ObjectKind::kBalancer:
      return visit(static_cast<BalancerObject*>(nullptr));
    case ObjectKind::kLimit:
      return visit(static_cast<LimitObject*>(nullptr));
    case ObjectKind::kPolicy:
      return visit(static_cast<PolicyObject*>(nullptr));
    case ObjectKind::kKey:
      return visit(static_cast<KeyObject*>(nullptr));
  }
}

}  // namespace weir
