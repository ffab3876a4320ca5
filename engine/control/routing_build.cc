#include "control/routing_build.h"

#include <algorithm>

#include "control/digest.h"
#include "control/policy_build.h"
#include "control/routing_records.h"

namespace weir {

namespace {

// How many records are made between two calls of idle(): well below a millisecond's work.
constexpr size_t kIdleEvery = 64;

// Marks what a key was before it was renewed.
constexpr std::string_view kPrevious = "/previous";

KeyDigest digest_of(const KeyConfig& key) {
  return key.sha256.empty() ? sha256_digest(key.key.reveal()) : digest_from_hex(key.sha256);
}

void limits_copy(const RoutingInput& input, Publication* publication) {
  publication->limits = input.config.limits;
  publication->limits.strict_accounting = input.config.accounting.strict;
  publication->limits.server_timing = input.config.log.server_timing;
}

// What both ways of building share: records go into the snapshot and, with keys, into the state.
class Assembly {
 public:
  Assembly(const RoutingInput& input, RoutingRecords* records, SnapshotBuilder* snapshot)
      : input_(input), records_(*records), snapshot_(*snapshot) {}

  bool route_put(const RouteDraft& draft) {
    idle();
    auto route = records_.route(draft);
    if (route == nullptr) return refuse(records_.problem());
    return route_done(snapshot_.add_route(std::move(route)), draft.key.name);
  }

  // The bootstrap keys, as far as there are any.
  bool own_keys_put() {
    if (input_.admin_key && !key_put("admin_key", *input_.admin_key, records_.admin())) {
      return false;
    }
    const Secret& metrics = input_.config.log.metrics_key;
    return metrics.empty() || key_put("log.metrics_key", sha256_digest(metrics.reveal()),
                                      records_.metrics_reader());
  }

  bool key_put(const KeyConfig& key) {
    idle();
    const auto slot_of = [&](std::string_view model) -> std::optional<uint32_t> {
      const Route* route = snapshot_.find_exact(key.tenant, key.environment, model);
      if (route == nullptr) return std::nullopt;
      return route->slot;
    };
    if (!key_put(key.path, digest_of(key), records_.principal(key, slot_of))) return false;
    if (key.previous_sha256.empty() || key.previous_until_unix_s <= input_.now_unix_s) return true;
    // What it was before it was renewed is good for a while.
    KeyConfig before = key;
    before.expires_unix_s = key.expires_unix_s == 0
                                ? key.previous_until_unix_s
                                : std::min(key.expires_unix_s, key.previous_until_unix_s);
    return key_put(key.path, digest_from_hex(key.previous_sha256),
                   records_.principal(before, slot_of), kPrevious);
  }

  bool key_put(const std::string& path, const KeyDigest& digest,
               std::shared_ptr<const Principal> principal, std::string_view kind = {}) {
    const std::string id = principal->id + std::string(kind);
    if (keys_.contains(id)) return refuse(path + ": the same id as another key");
    keys_[id] = {digest, principal};
    if (snapshot_.add_principal(digest, std::move(principal))) return true;
    return refuse((path.empty() ? "" : path + ": ") + "the same value as another key");
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] std::unordered_map<std::string, RoutingState::Key>& keys() { return keys_; }

 private:
  bool route_done(Result<void> done, std::string_view name) {
    return done || refuse("model " + message_quote(name) + ": " +
                          std::string(done.error().message));
  }
  bool refuse(std::string text) {
    problem_ = std::move(text);
    return false;
  }
  void idle() {
    if (input_.idle != nullptr && ++made_ % kIdleEvery == 0) input_.idle(input_.idle_context);
  }

  const RoutingInput& input_;
  RoutingRecords& records_;
  SnapshotBuilder& snapshot_;
  std::unordered_map<std::string, RoutingState::Key> keys_;
  std::string problem_;
  size_t made_ = 0;
};

void pools_put(const RoutingRecords::Providers& providers, SnapshotBuilder* snapshot) {
  for (const auto& [name, provider] : providers) snapshot->use_pools(*provider);
}

// A key that is bound to names is made again when one of them changed.
bool key_changed(const KeyConfig& key, const RoutingChanges& changes, const RoutingState& former) {
  if (!former.keys.contains(key.uuid) || changes.keys.contains(key.uuid)) return true;
  if (changes.key_tenants.contains(key.tenant)) return true;
  return std::any_of(key.models.begin(), key.models.end(), [&](const std::string& model) {
    return changes.routes.contains({key.tenant, key.environment, model});
  });
}

// Leaves the former principals as they are when no key changed.
bool keys_update(const std::vector<const KeyConfig*>& keys,
                 const RoutingChanges& changes, const RoutingState& former,
                 SnapshotBuilder* snapshot, Assembly* assembly, Publication* publication) {
  const bool any = !changes.keys.empty() || !changes.key_tenants.empty() ||
                   std::any_of(keys.begin(), keys.end(), [&](const KeyConfig* key) {
                     return key_changed(*key, changes, former);
                   });
  if (!any) return true;
  snapshot->drop_principals();
  if (!assembly->own_keys_put()) return false;
  for (const KeyConfig* key : keys) {
    if (key_changed(*key, changes, former)) {
      if (!assembly->key_put(*key)) return false;
      continue;
    }
    for (const std::string_view kind : {std::string_view(), kPrevious}) {
      const auto kept = former.keys.find(key->uuid + std::string(kind));
      if (kept == former.keys.end()) continue;
      const RoutingState::Key& made = kept->second;
      if (!assembly->key_put(key->path, made.digest, made.principal, kind)) return false;
    }
  }
  for (const auto& [id, key] : former.keys) {
    const auto now = assembly->keys().find(id);
    if (now != assembly->keys().end() && now->second.principal == key.principal) continue;
    publication->dropped.push_back({key.principal, key.principal->pin});
  }
  return true;
}

}  // namespace

Routed routing_build(const RoutingInput& input, Registry* registry, RoutingState* state) {
  const ConfigSource source(input.config);
  RoutingRecords records(input, source, {}, registry);
  SnapshotBuilder snapshot(input.epoch, input.hash_seed);
  Assembly assembly(input, &records, &snapshot);
  for (const auto& [key, holders] : source.names()) {
    const auto draft = route_draft(source, key);
    if (draft && !assembly.route_put(*draft)) return std::unexpected(assembly.problem());
  }
  PolicyBuild policies(input.config, snapshot.routes(), &registry->policies());
  records.set_policies(&policies);
  if (!assembly.own_keys_put()) return std::unexpected(assembly.problem());
  for (const KeyConfig& key : input.config.keys) {
    if (!assembly.key_put(key)) return std::unexpected(assembly.problem());
  }
  policies.keep();
  pools_put(records.providers(), &snapshot);
  auto publication = std::make_unique<Publication>();
  publication->snapshot = snapshot.build();
  limits_copy(input, publication.get());
  if (state != nullptr) *state = {records.providers(), std::move(assembly.keys())};
  return publication;
}

Routed routing_update(const RoutingInput& input, const RoutingSource& source,
                      const std::vector<const KeyConfig*>& keys, const RoutingChanges& changes,
                      const Publication& former, Registry* registry, RoutingState* state) {
  RoutingRecords::Providers kept = state->providers;
  for (const auto& name : changes.providers) kept.erase(name);
  RoutingRecords records(input, source, kept, registry);
  SnapshotBuilder snapshot(input.epoch, *former.snapshot);
  Assembly assembly(input, &records, &snapshot);
  auto publication = std::make_unique<Publication>();
  publication->keeps_former = true;
  for (const RouteKey& key : changes.routes) {
    if (auto dropped = snapshot.drop_route(key.tenant, key.environment, key.name)) {
      const uint32_t pin = dropped->pin;
      publication->dropped.push_back({std::move(dropped), pin});
    }
    const auto draft = route_draft(source, key);
    if (draft && !assembly.route_put(*draft)) return std::unexpected(assembly.problem());
  }
  if (!keys_update(keys, changes, *state, &snapshot, &assembly, publication.get())) {
    return std::unexpected(assembly.problem());
  }
  snapshot.drop_pools();
  pools_put(records.providers(), &snapshot);
  publication->snapshot = snapshot.build();
  limits_copy(input, publication.get());
  state->providers = records.providers();
  if (!assembly.keys().empty()) state->keys = std::move(assembly.keys());
  return publication;
}

}  // namespace weir
