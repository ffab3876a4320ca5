// Makes the records that a snapshot is put together from: providers, routes with their targets, and
// principals. Each holds its slots, its buckets and its pin in the registry until it is freed.
//
// Control thread; for one build. A function that fails leaves problem(): "path: text".
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "control/policy.h"
#include "control/registry.h"
#include "control/routing_build.h"
#include "control/routing_limits.h"
#include "control/routing_source.h"

namespace weir {

class RoutingRecords {
 public:
  using Providers = std::map<std::pair<std::string, std::string>, std::shared_ptr<const Provider>>;

  // `former`: records of providers that have not changed, by tenant and name. All outlive this.
  RoutingRecords(const RoutingInput& input, const RoutingSource& source, const Providers& former,
                 Registry* registry)
      : input_(input),
        source_(source),
        registry_(*registry),
        limits_(source, registry, input.now_ns),
        providers_(former),
        leases_(registry) {}

  void reserve(size_t models) { made_.reserve(models); }
  // Null: problem() says why.
  [[nodiscard]] std::shared_ptr<const Route> route(const RouteDraft& draft);
  [[nodiscard]] std::shared_ptr<const Provider> provider(const ProviderConfig& config);
  // `slot_of(name)`: of a route that the key may use, or nothing.
  template <typename SlotOf>
  [[nodiscard]] std::shared_ptr<const Principal> principal(const KeyConfig& key,
                                                           std::shared_ptr<const Access> access,
                                                           SlotOf slot_of) {
    Principal out = principal_of(key);
    out.access = std::move(access);
    for (const std::string& model : key.models) {
      const std::optional<uint32_t> slot = slot_of(model);
      if (!out.all_models && slot) out.allowed_routes.push_back(*slot);
    }
    return principal_finish(std::move(out));
  }
  // The first admin key, and the key for metrics, which are no members of `keys`.
  [[nodiscard]] static PolicyCaller admin_caller();
  [[nodiscard]] std::shared_ptr<const Principal> admin(std::shared_ptr<const Access> access);
  [[nodiscard]] std::shared_ptr<const Principal> metrics_reader();

  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const Providers& providers() const { return providers_; }

 private:
  template <typename Record>
  struct Held {
    Record record;
    SlotLeases leases;
  };
  using Heads = std::array<SharedText, kEndpoints>;
  struct Place {
    const ProviderConfig* config = nullptr;
    std::shared_ptr<const Provider> provider;
    Heads heads;  // those of the last model: of most types they are all alike, and are shared
  };
  struct Made {  // for a model, whatever names lead to it
    Target target;
    std::optional<Price> price;
  };
  [[nodiscard]] std::shared_ptr<const Provider> provider_at(const Provider& provider);
  [[nodiscard]] Place* place(const ModelConfig& model);
  // Null: problem() says why.
  [[nodiscard]] const Made* made(const ModelConfig& model);
  [[nodiscard]] bool heads_make(const ProviderConfig& config, Heads* last, Target* target);
  // False: only because of credentials that were read from elsewhere.
  [[nodiscard]] bool heads_try(const ProviderConfig& config, Heads* last, Target* target);
  void target_withhold(const ProviderConfig& config, Target* target) const;
  [[nodiscard]] static Principal principal_of(const KeyConfig& key);
  [[nodiscard]] std::shared_ptr<const Principal> principal_finish(Principal principal);
  bool refuse(const std::string& path, std::string_view text);

  const RoutingInput& input_;
  const RoutingSource& source_;
  Registry& registry_;
  RoutingLimits limits_;
  Providers providers_;
  SlotLeases leases_;  // of what is in made_
  std::unordered_map<const ProviderConfig*, Place> places_;
  std::unordered_map<const ModelConfig*, Made> made_;
  std::string head_;  // as it is being written
  std::string problem_;
};

}  // namespace weir
