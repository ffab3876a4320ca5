// Turns a checked Config into what workers are given: routes, targets, keys and limits. Either all
// of it is made anew, or, after a change of the catalog, only what the change touches; the rest is
// taken over from the publication before, record by record.
//
// Control thread. The build has no effect on workers; publishing is publisher.h. A publication that
// is thrown away gives back what it holds of the registry.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <weir/adapter.h>

#include "control/config.h"
#include "control/policy_table.h"
#include "control/registry.h"
#include "control/routing_source.h"
#include "link/worker_link.h"

namespace weir {

// What an update needs of the build before. Plain value; goes with the publication it belongs to.
struct RoutingState {
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Provider>> providers;
  struct Key {
    KeyDigest digest{};
    std::shared_ptr<const Principal> principal;
    std::shared_ptr<const PolicyGroup> group;  // null: no policies
  };
  std::unordered_map<std::string, Key> keys;  // by uuid; a renewed key's former value behind it
  std::unique_ptr<PolicyTable> policies;
};

struct RoutingInput {
  const Config& config;  // only what is no object of it is read
  std::span<const Adapter* const> adapters;
  // prepare() of the adapters that leave it null.
  Result<void> (*default_prepare)(const PrepareInput& input, std::string* head) = nullptr;
  std::optional<KeyDigest> admin_key;
  uint64_t epoch = 1;
  uint64_t hash_seed = 0;
  int64_t now_unix_s = 0;
  Nanos now_ns = 0;  // of the workers' monotonic clock
  // Gets the providers that their adapter refused with credentials from elsewhere, by uuid, and
  // why. They are withheld; null: without a word.
  std::map<std::string, std::string>* refused = nullptr;
  // Called now and then during a long build.
  void (*idle)(void*) = nullptr;
  void* idle_context = nullptr;
};

// What is no longer as in the publication before.
struct RoutingChanges {
  std::set<RouteKey> routes;  // names, whether they still lead anywhere or not
  std::set<std::pair<std::string, std::string>> providers;  // tenant and name
  std::set<std::string> keys;                               // uuids
  std::set<std::string> key_tenants;                        // all keys of these tenants
  std::set<std::string> policy_tenants;                     // they have other policies
};

using Routed = std::expected<std::unique_ptr<Publication>, std::string>;

// The error is one line: "path: text". `state`, if given, is filled for updates.
[[nodiscard]] Routed routing_build(const RoutingInput& input, const RoutingObjects& objects,
                                   Registry* registry, RoutingState* state = nullptr);

// All keys and all policies that there are now.
struct RoutingWho {
  std::vector<const KeyConfig*> keys;
  std::vector<const PolicyConfig*> policies;  // looked at for changes.policy_tenants only
};

// The caller publishes the result, or else begins again with routing_build().
[[nodiscard]] Routed routing_update(const RoutingInput& input, const NamedSource& source,
                                    const RoutingWho& who, const RoutingChanges& changes,
                                    const Publication& former, Registry* registry,
                                    RoutingState* state);

}  // namespace weir
