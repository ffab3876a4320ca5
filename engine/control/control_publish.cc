// How a configuration and what the API made become a publication: the control plane's truth.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>
#include <type_traits>

#include "control/control_plane.h"
#include "control/object_ids.h"
#include "control/store/merge.h"

namespace weir {

namespace {

// Beyond so many changed objects, or models that one change is about, it is quicker to make
// everything anew.
constexpr size_t kMaxUpdate = 1'000;

// How many models are to be made again when that object changes, besides itself.
template <typename T>
size_t models_concerned(const Catalog& catalog, const T& object) {
  if constexpr (std::is_same_v<T, ProviderObject>) return catalog.models_of(object.uuid).size();
  if constexpr (std::is_same_v<T, LimitObject>) {
    if (object.config.scope == LimitScope::kProvider) {
      return catalog.models_of(object.subject_uuid).size();
    }
  }
  return 0;
}

Nanos monotonic_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<Nanos>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace

std::expected<void, std::string> ControlPlane::reload() {
  LoadedConfig loaded = options_.config_file.empty()
                            ? config_embedded(options_.config)
                            : config_load(options_.config_file, options_.config);
  const RestartSettings now(loaded.config);
  auto done = apply(std::move(loaded));
  if (done && options_.started_with) {
    const std::string names = options_.started_with->changed(now);
    if (!names.empty()) {
      report(LogLevel::kWarn, "warning: changed, but only a restart applies it: " + names);
    }
  }
  ++(done ? counters_.reloads_ok : counters_.reloads_failed);
  return done;
}

std::expected<void, std::string> ControlPlane::apply(LoadedConfig loaded) {
  if (!loaded.usable()) return std::unexpected(loaded.first_error());
  object_ids_fill(&loaded.config);
  const auto fail = [&](const std::string& text) -> std::expected<void, std::string> {
    store_->rollback();
    return std::unexpected(loaded.file.empty() ? text : loaded.file + ": " + text);
  };
  const auto set = store_->catalog().set_file(loaded.config,
                                              static_cast<int64_t>(std::time(nullptr)));
  if (!set) return fail(set.error());
  // What the catalog knows of them besides: since when, and how they are shown.
  for (ModelConfig& model : loaded.config.models) {
    const auto* known = store_->catalog().by_uuid<ModelObject>(model.uuid);
    if (known == nullptr) continue;
    model.metadata_json = known->config.metadata_json;
    model.created_unix_s = known->config.created_unix_s;
    model.rank = known->config.rank;
  }
  RoutingState state;
  std::vector<std::string> left_out;
  Merged merged(loaded.config, store_->catalog(), options_.config, &left_out);
  for (const std::string& line : left_out) report(LogLevel::kWarn, line);
  auto publication = route_all(loaded.config, true, &state, &merged);
  if (!publication) return fail(publication.error());
  if (loaded.config.log.access != access_log_.destination()) {
    if (const auto opened = access_log_.open(loaded.config.log.access); !opened) {
      store_->rollback();
      return std::unexpected(opened.error());
    }
  }
  if (const auto kept = store_->commit(); !kept) return fail(kept.error().message);
  config_ = std::move(loaded.config);
  for (const ConfigProblem& problem : loaded.problems.list) {
    report(LogLevel::kWarn, problem_line(loaded.file, problem));
  }
  {
    const std::lock_guard lock(command_mutex_);
    drain_timeout_ms_ = config_.limits.drain_timeout_ms;
  }
  usage_->set_retention(config_.accounting.retention_days);
  source_->reset(merged.providers());
  routing_ = std::move(state);
  routing_whole_ = false;
  sign_in_->configure(config_);
  publish(std::move(*publication));
  secrets_.forget();
  return {};
}

Cataloged<void> ControlPlane::changes_apply() {
  if (store_->catalog().mark() == 0) return {};
  auto publication = route_changes();
  if (!publication) {
    store_->rollback();
    routing_whole_ = true;
    return std::unexpected(
        CatalogError{CatalogErrc::kInvalid, ObjectKind::kTenant, publication.error(), ""});
  }
  if (auto kept = store_->commit(); !kept) {
    store_->rollback();
    routing_whole_ = true;
    return kept;
  }
  publish(std::move(*publication));
  return {};
}

Routed ControlPlane::route_changes() {
  const Catalog& catalog = store_->catalog();
  const std::vector<Catalog::Touched> touched = catalog.touched();
  bool whole = routing_whole_ || touched.size() > kMaxUpdate;
  size_t concerned = 0;
  catalog.each_touched([&]<typename T>(const T* before, const T* now) {
    // All its models are to be made again.
    for (const T* object : {before, now}) {
      if (object != nullptr) concerned += models_concerned(catalog, *object);
    }
    whole |= concerned > kMaxUpdate;
    // What it refers to is read, and forgotten, for all providers together.
    if constexpr (std::is_same_v<T, ProviderObject>) {
      whole |= (before != nullptr && before->needs_resolving) ||
               (now != nullptr && now->needs_resolving);
    }
  });
  if (whole) return route_whole();
  return route_update(source_->refresh(config_.deny_private_upstreams));
}

Routed ControlPlane::route_callers() {
  if (routing_whole_) return route_whole();
  // A key that is not there makes the table of keys anew, also when somebody only left.
  RoutingChanges changes;
  changes.keys.insert("");
  return route_update(changes);
}

Routed ControlPlane::route_update(const RoutingChanges& changes) {
  const std::vector<KeyConfig> callers = sign_in_->callers(config_.auth);
  RoutingWho who = source_->who();
  for (const KeyConfig& caller : callers) who.keys.push_back(&caller);
  return routing_update(routing_input(config_), *source_, who, changes, *publisher_.current(),
                        &registry_, &routing_);
}

Routed ControlPlane::route_whole() {
  std::vector<std::string> left_out;
  Merged merged(config_, store_->catalog(), options_.config, &left_out);
  for (const std::string& line : left_out) report(LogLevel::kWarn, line);
  RoutingState state;
  auto publication = route_all(config_, false, &state, &merged);
  if (!publication) return publication;
  source_->reset(merged.providers());
  routing_ = std::move(state);
  routing_whole_ = false;
  return publication;
}

Routed ControlPlane::route_all(const Config& file, bool wait, RoutingState* state,
                               Merged* merged) {
  secrets_fill(file, wait, &merged->providers());
  merged->keys_add(sign_in_->callers(file.auth));
  std::map<std::string, std::string> refused;
  RoutingInput input = routing_input(file);
  input.refused = &refused;
  auto publication = routing_build(input, merged->objects(), &registry_, state);
  secrets_note(merged->providers(), std::move(refused));
  return publication;
}

RoutingInput ControlPlane::routing_input(const Config& config) {
  return {.config = config,
          .adapters = options_.config.adapters,
          .default_prepare = options_.default_prepare,
          .admin_key = admin_digest_,
          .epoch = epoch_ + 1,
          .hash_seed = hash_seed_,
          .now_unix_s = static_cast<int64_t>(std::time(nullptr)),
          .now_ns = monotonic_ns(),
          .refused = nullptr,
          .idle = [](void* self) { static_cast<ControlPlane*>(self)->ledger_drain(); },
          .idle_context = this};
}

void ControlPlane::publish(std::unique_ptr<Publication> publication) {
  counters_.epoch = ++epoch_;
  publication->clear = registry_.clear_list(epoch_);
  std::vector<std::shared_ptr<const Provider>> providers;
  for (const auto& [name, provider] : routing_.providers) providers.push_back(provider);
  tokens_.configure(providers);
  inflight_.reserve(publication->snapshot->target_slots());
  link_.cache.configure(config_.limits.cache, monotonic_ns() / kNanosPerMilli);
  publication->trust = sign_in_->trust();
  publisher_.publish(std::move(publication));
  sign_in_->published(epoch_, true);
}

// Asked for seldom, so found when it is asked for.
void ControlPlane::configured_find() {
  if (configured_epoch_ == epoch_) return;
  registry_.configured_set(*publisher_.current()->snapshot);
  configured_epoch_ = epoch_;
}

}  // namespace weir
