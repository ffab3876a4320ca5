// Where the routing build finds what it makes records from: a whole Config, or the catalog when
// only a few names are made again. Also how the holders of one name become a draft of its route.
//
// Names that can be called, per tenant and environment: aliases, then "provider/id", then upstream
// ids (all holders of an id form a round-robin group); an earlier kind hides a later one.
// Control thread. Pointers last as long as what the source reads is not changed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/config.h"
#include "control/config_price.h"

namespace weir {

struct RouteKey {
  std::string tenant, environment, name;
  auto operator<=>(const RouteKey&) const = default;
};

struct RouteHolders {  // models in the order of creation
  std::vector<const ModelConfig*> by_alias, by_place, by_id;
  std::optional<BalancerConfig> balancer;
};

struct RouteMember {
  const ModelConfig* model = nullptr;
  uint32_t weight = 1;
  uint32_t priority = 0;
};

struct RouteDraft {
  RouteKey key;
  bool is_alias = false;
  Algorithm algorithm = Algorithm::kWeightedRoundRobin;
  uint32_t suspend_ms = BalancerConfig().suspend_ms;
  uint32_t max_attempts = BalancerConfig().max_attempts;
  std::vector<RouteMember> members;
  // The models that go by this name, and the member that stands for each.
  std::vector<std::pair<const ModelConfig*, uint32_t>> listed;
};

class RoutingSource {
 public:
  virtual ~RoutingSource() = default;
  [[nodiscard]] virtual RouteHolders holders(const RouteKey& key) const = 0;
  // Of a balancer's backend, by its uuid or else as "provider/id".
  [[nodiscard]] virtual const ModelConfig* backend_model(const RouteKey& key,
                                                         const BackendConfig& backend) const = 0;
  [[nodiscard]] virtual const ProviderConfig* provider(std::string_view tenant,
                                                       std::string_view name) const = 0;
  [[nodiscard]] virtual const RateLimitConfig* limit(LimitScope scope, std::string_view tenant,
                                                     std::string_view subject) const = 0;
  // Whether any model of the tenant has the alias.
  [[nodiscard]] virtual bool is_alias(std::string_view tenant, std::string_view name) const = 0;
  // Of the first model at the place of this one that has a price.
  [[nodiscard]] virtual std::optional<Price> place_price(const ModelConfig& model) const = 0;
};

// Nothing: the name leads nowhere.
[[nodiscard]] std::optional<RouteDraft> route_draft(const RoutingSource& source,
                                                    const RouteKey& key);

using LimitIndex = std::unordered_map<std::string, const RateLimitConfig*>;
[[nodiscard]] std::string limit_index_key(LimitScope scope, std::string_view tenant,
                                          std::string_view subject);

class ConfigSource final : public RoutingSource {
 public:
  // The configuration outlives it and does not change.
  explicit ConfigSource(const Config& config);
  // Every name that is held, in order.
  [[nodiscard]] const std::map<RouteKey, RouteHolders>& names() const { return names_; }

  [[nodiscard]] RouteHolders holders(const RouteKey& key) const override;
  [[nodiscard]] const ModelConfig* backend_model(const RouteKey& key,
                                                 const BackendConfig& backend) const override;
  [[nodiscard]] const ProviderConfig* provider(std::string_view tenant,
                                               std::string_view name) const override;
  [[nodiscard]] const RateLimitConfig* limit(LimitScope scope, std::string_view tenant,
                                             std::string_view subject) const override;
  [[nodiscard]] bool is_alias(std::string_view tenant, std::string_view name) const override;
  [[nodiscard]] std::optional<Price> place_price(const ModelConfig& model) const override;

 private:
  std::map<RouteKey, RouteHolders> names_;
  std::unordered_map<std::string, const ProviderConfig*> providers_;
  std::unordered_map<std::string, const ModelConfig*> models_;  // by uuid
  std::unordered_map<std::string, bool> aliases_;
  std::unordered_map<std::string, Price> prices_;
  LimitIndex limits_;
};

}  // namespace weir
