#include "control/routing_build.h"

#include <algorithm>

#include "control/digest.h"
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
  Assembly(const RoutingInput& input, RoutingRecords* records, SnapshotBuilder* snapshot,
           PolicyTable* policies)
      : input_(input), records_(*records), snapshot_(*snapshot), policies_(*policies) {}

  bool route_put(const RouteDraft& draft) {
    idle();
    auto route = records_.route(draft);
    if (route == nullptr) return refuse(records_.problem());
    policies_.route_add(*route, draft);
    return route_done(snapshot_.add_route(std::move(route)), draft.key.name);
  }

  // The bootstrap keys, as far as there are any.
  bool own_keys_put() {
    if (input_.admin_key) {
      auto group = policies_.group_of(RoutingRecords::admin_caller(), kProduction);
      auto admin = records_.admin(access_of(group));
      if (!key_put("admin_key", {*input_.admin_key, std::move(admin), std::move(group)})) {
        return false;
      }
    }
    const Secret& metrics = input_.config.log.metrics_key;
    return metrics.empty() ||
           key_put("log.metrics_key",
                   {sha256_digest(metrics.reveal()), records_.metrics_reader(), nullptr});
  }

  bool key_put(const KeyConfig& key) {
    idle();
    const auto slot_of = [&](std::string_view model) -> std::optional<uint32_t> {
      const Route* route = snapshot_.find_exact(key.tenant, key.environment, model);
      if (route == nullptr) return std::nullopt;
      return route->slot;
    };
    const auto group = group_of(key);
    if (!key_put(key.path,
                 {digest_of(key), records_.principal(key, access_of(group), slot_of), group})) {
      return false;
    }
    if (key.previous_sha256.empty() || key.previous_until_unix_s <= input_.now_unix_s) return true;
    // What it was before it was renewed is good for a while.
    KeyConfig before = key;
    before.expires_unix_s = key.expires_unix_s == 0
                                ? key.previous_until_unix_s
                                : std::min(key.expires_unix_s, key.previous_until_unix_s);
    return key_put(key.path,
                   {digest_from_hex(key.previous_sha256),
                    records_.principal(before, access_of(group), slot_of), group},
                   kPrevious);
  }

  bool key_put(const std::string& path, RoutingState::Key made, std::string_view kind = {}) {
    const std::string id = made.principal->id + std::string(kind);
    const auto [at, is_new] = keys_.try_emplace(id, std::move(made));
    if (!is_new) return refuse(path + ": the same id as another key");
    if (snapshot_.add_principal(at->second.digest, at->second.principal)) return true;
    return refuse((path.empty() ? "" : path + ": ") + "the same value as another key");
  }

  [[nodiscard]] std::shared_ptr<const PolicyGroup> group_of(const KeyConfig& key) {
    return policies_.group_of(policy_caller_of(key), key.environment);
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] std::unordered_map<std::string, RoutingState::Key>& keys() { return keys_; }

 private:
  static std::shared_ptr<const Access> access_of(
      const std::shared_ptr<const PolicyGroup>& group) {
    return group == nullptr ? nullptr : group->access;
  }
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
  PolicyTable& policies_;
  std::unordered_map<std::string, RoutingState::Key> keys_;
  std::string problem_;
  size_t made_ = 0;
};

void pools_put(const RoutingRecords::Providers& providers, SnapshotBuilder* snapshot) {
  for (const auto& [name, provider] : providers) snapshot->use_pools(*provider);
}

// A key that is bound to names is made again when one of them changed, and any key when policies
// leave it something else.
bool key_changed(const KeyConfig& key, const RoutingChanges& changes, const RoutingState& former) {
  const auto known = former.keys.find(key.uuid);
  if (known == former.keys.end() || changes.keys.contains(key.uuid)) return true;
  if (changes.policy_tenants.contains(key.tenant)) {
    const auto group = former.policies->group_of(policy_caller_of(key), key.environment);
    const auto* access = group == nullptr ? nullptr : group->access.get();
    if (known->second.principal->access.get() != access) return true;
  } else if (known->second.group != nullptr && known->second.group->changed) {
    return true;
  }
  if (changes.key_tenants.contains(key.tenant)) return true;
  return std::any_of(key.models.begin(), key.models.end(), [&](const std::string& model) {
    return changes.routes.contains({key.tenant, key.environment, model});
  });
}

// Leaves the former principals as they are when no key changed. `any`: it is known that one did.
bool keys_update(bool any, const std::vector<const KeyConfig*>& keys,
                 const RoutingChanges& changes, const RoutingState& former,
                 SnapshotBuilder* snapshot, Assembly* assembly, Publication* publication) {
  any = any || !changes.keys.empty() || !changes.key_tenants.empty() ||
        !changes.policy_tenants.empty() ||
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
      RoutingState::Key same = kept->second;
      if (changes.policy_tenants.contains(key->tenant)) same.group = assembly->group_of(*key);
      if (!assembly->key_put(key->path, std::move(same), kind)) return false;
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

Routed routing_build(const RoutingInput& input, const RoutingObjects& objects, Registry* registry,
                     RoutingState* state) {
  const ConfigSource source(objects);
  RoutingRecords records(input, source, {}, registry);
  SnapshotBuilder snapshot(input.epoch, input.hash_seed);
  records.reserve(objects.models.size());
  snapshot.reserve(source.name_count());
  auto policies = std::make_unique<PolicyTable>(objects.policies, &registry->policies());
  Assembly assembly(input, &records, &snapshot, policies.get());
  RouteDraft draft;
  for (size_t i = 0; i < source.name_count(); ++i) {
    if (!route_draft(source, source.name(i), source.holders(i), &draft)) continue;
    if (!assembly.route_put(draft)) return std::unexpected(assembly.problem());
  }
  (void)policies->settle();
  if (!assembly.own_keys_put()) return std::unexpected(assembly.problem());
  for (const KeyConfig* key : objects.keys) {
    if (!assembly.key_put(*key)) return std::unexpected(assembly.problem());
  }
  policies->keep();
  pools_put(records.providers(), &snapshot);
  auto publication = std::make_unique<Publication>();
  publication->snapshot = snapshot.build();
  limits_copy(input, publication.get());
  if (state != nullptr) {
    *state = {records.providers(), std::move(assembly.keys()), std::move(policies)};
  }
  return publication;
}

Routed routing_update(const RoutingInput& input, const NamedSource& source,
                      const RoutingWho& who, const RoutingChanges& changes,
                      const Publication& former, Registry* registry, RoutingState* state) {
  RoutingRecords::Providers kept = state->providers;
  for (const auto& name : changes.providers) kept.erase(name);
  RoutingRecords records(input, source, kept, registry);
  SnapshotBuilder snapshot(input.epoch, *former.snapshot);
  PolicyTable& policies = *state->policies;
  if (!changes.policy_tenants.empty()) policies.policies_set(who.policies, changes.policy_tenants);
  Assembly assembly(input, &records, &snapshot, &policies);
  auto publication = std::make_unique<Publication>();
  publication->keeps_former = true;
  RouteDraft draft;
  for (const RouteKey& key : changes.routes) {
    if (auto dropped = snapshot.drop_route(key.tenant, key.environment, key.name)) {
      policies.route_drop(*dropped);
      const uint32_t pin = dropped->pin;
      publication->dropped.push_back({std::move(dropped), pin});
    }
    if (!source.draft(key, &draft)) continue;
    if (!assembly.route_put(draft)) return std::unexpected(assembly.problem());
  }
  const bool regrouped = policies.settle();
  if (!keys_update(regrouped, who.keys, changes, *state, &snapshot, &assembly,
                   publication.get())) {
    return std::unexpected(assembly.problem());
  }
  snapshot.drop_pools();
  pools_put(records.providers(), &snapshot);
  publication->snapshot = snapshot.build();
  limits_copy(input, publication.get());
  state->providers = records.providers();
  if (!assembly.keys().empty()) {
    state->keys = std::move(assembly.keys());
    policies.keep();
  }
  return publication;
}

}  // namespace weir
