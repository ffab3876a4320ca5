#include <algorithm>

#include "base/sha.h"
#include "control/config_load.h"
#include "control/object_ids.h"
#include "control/routing_build.h"
#include "decide/adapter_facts.h"
#include "decide/router_parts.h"

namespace weir {

namespace {

constexpr uint32_t kMostThreads = 1024;

ConfigOptions config_options() {
  ConfigOptions options;
  options.adapters = adapter_facts();
  options.resolve_secrets = false;
  options.features.listener_tls = true;
  options.features.rate_limits = true;
  options.features.strict_accounting = true;
  return options;
}

}  // namespace

KeyDigest key_sha256(std::string_view key) { return sha256(key); }

std::expected<void, std::string> Router::Parts::load(std::string_view text, uint64_t now_ns) {
  LoadedConfig loaded = config_load_text(text, "config", ".", config_options());
  if (!loaded.usable()) return std::unexpected(loaded.first_error());
  // A key whose value was not read is one that nobody can be known by.
  std::erase_if(loaded.config.keys, [](const KeyConfig& key) { return key.sha256.empty(); });
  loaded.config.log.metrics_key = Secret();
  object_ids_fill(&loaded.config);  // policies may name them
  const RoutingInput input{.config = loaded.config,
                           .adapters = adapter_facts(),
                           .admin_key = kOwnerKey,
                           .epoch = epoch + 1,
                           .hash_seed = seed,
                           .now_ns = now_ns};
  auto built = routing_build(input, RoutingObjects::of(loaded.config), &registry);
  if (!built) return std::unexpected("config: " + built.error());
  ++epoch;
  const std::shared_ptr<const Snapshot> snapshot((*built)->snapshot.release());
  inflight.reserve(snapshot->target_slots());
  newest.put(snapshot);
  std::erase_if(kept, [](const auto& old) { return old.use_count() == 1; });
  kept.push_back(snapshot);
  return {};
}

Router::Router(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Router::~Router() = default;

std::expected<std::unique_ptr<Router>, std::string> Router::create(std::string_view config,
                                                                   const RouterOptions& options) {
  if (options.threads == 0 || options.threads > kMostThreads) {
    return std::unexpected("threads: must be 1 to 1024");
  }
  auto parts = std::make_unique<Parts>(options.threads, options.seed);
  if (const auto loaded = parts->load(config, options.now_ns); !loaded) {
    return std::unexpected(loaded.error());
  }
  return std::unique_ptr<Router>(new Router(std::move(parts)));
}

std::expected<void, std::string> Router::update(std::string_view config, uint64_t now_ns) {
  return parts_->load(config, now_ns);
}

}  // namespace weir
