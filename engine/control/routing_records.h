// Makes the records that a snapshot is put together from: providers, routes with their targets, and
// principals. Each holds its slots, its buckets and its pin in the registry until it is freed.
//
// Control thread; for one build. A function that fails leaves problem(): "path: text".
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "control/policy_build.h"
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
        providers_(former) {}

  // Null: problem() says why.
  [[nodiscard]] std::shared_ptr<const Route> route(const RouteDraft& draft);
  [[nodiscard]] std::shared_ptr<const Provider> provider(const ProviderConfig& config);
  // `slot_of(name)`: of a route that the key may use, or nothing.
  template <typename SlotOf>
  [[nodiscard]] std::shared_ptr<const Principal> principal(const KeyConfig& key, SlotOf slot_of) {
    Principal out = principal_of(key);
    for (const std::string& model : key.models) {
      const std::optional<uint32_t> slot = slot_of(model);
      if (!out.all_models && slot) out.allowed_routes.push_back(*slot);
    }
    return principal_finish(std::move(out));
  }
  // The first admin key, and the key for metrics, which are no members of `keys`.
  [[nodiscard]] std::shared_ptr<const Principal> admin();
  [[nodiscard]] std::shared_ptr<const Principal> metrics_reader();

  // From now on for principals; null: there are no policies. Outlives them.
  void set_policies(PolicyBuild* policies) { policies_ = policies; }

  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] const Providers& providers() const { return providers_; }

 private:
  template <typename Record>
  struct Held {
    Record record;
    SlotLeases leases;
  };
  [[nodiscard]] std::shared_ptr<const Provider> provider_at(const Provider& provider);
  [[nodiscard]] bool target_make(const ModelConfig& model, SlotLeases* leases, Target* target);
  [[nodiscard]] bool heads_make(const ProviderConfig& config, Target* target);
  // False: only because of credentials that were read from elsewhere.
  [[nodiscard]] bool heads_try(const ProviderConfig& config, Target* target);
  void target_withhold(const ProviderConfig& config, Target* target) const;
  [[nodiscard]] Principal principal_of(const KeyConfig& key) const;
  [[nodiscard]] std::shared_ptr<const Access> access_of(const PolicyCaller& caller,
                                                        const std::string& environment) const;
  [[nodiscard]] std::shared_ptr<const Principal> principal_finish(Principal principal);
  bool refuse(const std::string& path, std::string_view text);

  const RoutingInput& input_;
  const RoutingSource& source_;
  Registry& registry_;
  RoutingLimits limits_;
  Providers providers_;
  PolicyBuild* policies_ = nullptr;
  std::string problem_;
};

}  // namespace weir
