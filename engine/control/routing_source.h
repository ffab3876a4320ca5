// Where the routing build finds what it makes records from: a whole Config, or the catalog when
// only a few names are made again. Also how the holders of one name become a draft of its route.
//
// Names that can be called, per tenant and environment: aliases, then "provider/id", then upstream
// ids (all holders of an id form a round-robin group); an earlier kind hides a later one.
// Control thread. Pointers last as long as what the source reads is not changed.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash_index.h"
#include "control/config_price.h"
#include "control/routing_objects.h"

namespace weir {

struct RouteKey {
  std::string tenant, environment, name;
  auto operator<=>(const RouteKey&) const = default;
};
struct RouteKeyView {
  std::string_view tenant, environment, name;
  RouteKeyView() = default;
  RouteKeyView(std::string_view t, std::string_view e, std::string_view n)
      : tenant(t), environment(e), name(n) {}
  RouteKeyView(const RouteKey& key) : RouteKeyView(key.tenant, key.environment, key.name) {}
  bool operator==(const RouteKeyView&) const = default;
};

// Who holds a name; models in the order of creation.
struct RouteHolders {
  std::span<const ModelConfig* const> by_alias, by_place, by_id;
  const BalancerConfig* balancer = nullptr;
};

struct RouteMember {
  const ModelConfig* model = nullptr;
  uint32_t weight = 1;
  uint32_t priority = 0;
};

struct RouteDraft {
  RouteKeyView key;
  bool is_alias = false;
  Algorithm algorithm = Algorithm::kWeightedRoundRobin;
  uint32_t suspend_ms = BalancerConfig().suspend_ms;
  uint32_t max_attempts = BalancerConfig().max_attempts;
  std::vector<RouteMember> members;
  // The models that go by this name, and the member that stands for each.
  std::vector<std::pair<const ModelConfig*, uint32_t>> listed;
  // Every model that a call of this name could mean, and the member it would reach.
  std::vector<std::pair<const ModelConfig*, uint32_t>> models;
  struct Balancer {  // of that name
    std::string uuid, name;
    bool lists_backends = false;
  };
  std::optional<Balancer> balancer;

  void clear(const RouteKeyView& of);  // keeps memory
};

class RoutingSource {
 public:
  virtual ~RoutingSource() = default;
  // Of a balancer's backend, by its uuid or else as "provider/id".
  [[nodiscard]] virtual const ModelConfig* backend_model(const RouteKeyView& key,
                                                         const BackendConfig& backend) const = 0;
  [[nodiscard]] virtual const ProviderConfig* provider(std::string_view tenant,
                                                       std::string_view name) const = 0;
  [[nodiscard]] virtual const RateLimitConfig* limit(LimitScope scope, std::string_view tenant,
                                                     std::string_view subject) const = 0;
  [[nodiscard]] virtual bool has_limits() const = 0;
  // Whether any model of the tenant has the alias.
  [[nodiscard]] virtual bool is_alias(std::string_view tenant, std::string_view name) const = 0;
  // Of the first model at the place of this one that has a price.
  [[nodiscard]] virtual std::optional<Price> place_price(const ModelConfig& model) const = 0;
};

// False: the name leads nowhere. The draft's key and models are borrowed.
[[nodiscard]] bool route_draft(const RoutingSource& source, const RouteKeyView& key,
                               const RouteHolders& holders, RouteDraft* draft);

// A source that is asked for single names.
class NamedSource : public RoutingSource {
 public:
  [[nodiscard]] virtual bool draft(const RouteKeyView& key, RouteDraft* draft) const = 0;
};

using LimitIndex = std::unordered_map<std::string, const RateLimitConfig*>;
[[nodiscard]] std::string limit_index_key(LimitScope scope, std::string_view tenant,
                                          std::string_view subject);

class ConfigSource final : public RoutingSource {
 public:
  // The objects outlive it and do not change.
  explicit ConfigSource(const RoutingObjects& objects);
  ConfigSource(const ConfigSource&) = delete;
  ConfigSource& operator=(const ConfigSource&) = delete;

  // Every name that is held, in the order in which their first holders were made.
  [[nodiscard]] size_t name_count() const { return names_.size(); }
  [[nodiscard]] const RouteKeyView& name(size_t number) const { return names_[number].key; }
  [[nodiscard]] RouteHolders holders(size_t number) const;

  [[nodiscard]] const ModelConfig* backend_model(const RouteKeyView& key,
                                                 const BackendConfig& backend) const override;
  [[nodiscard]] const ProviderConfig* provider(std::string_view tenant,
                                               std::string_view name) const override;
  [[nodiscard]] const RateLimitConfig* limit(LimitScope scope, std::string_view tenant,
                                             std::string_view subject) const override;
  [[nodiscard]] bool has_limits() const override { return !limits_.empty(); }
  [[nodiscard]] bool is_alias(std::string_view tenant, std::string_view name) const override;
  [[nodiscard]] std::optional<Price> place_price(const ModelConfig& model) const override;

 private:
  enum Kind : uint32_t { kAlias, kPlace, kId, kKinds };
  struct Name {
    RouteKeyView key;
    const BalancerConfig* balancer = nullptr;
  };
  struct Holder {
    uint32_t list;  // number of the name times kKinds, and the kind
    const ModelConfig* model;
  };
  struct PlacePrice {
    const ModelConfig* model;  // the first one there that has one
    Price price;
  };
  [[nodiscard]] uint32_t find_name(const RouteKeyView& key) const;
  uint32_t hold_name(const RouteKeyView& key);
  void models_add(const RoutingObjects& objects);
  void holders_sort(const std::vector<Holder>& holders);
  void price_add(const ModelConfig& model);
  [[nodiscard]] uint32_t find_price(const ModelConfig& model) const;
  [[nodiscard]] std::span<const ModelConfig* const> list(size_t number, Kind kind) const;

  std::vector<Name> names_;
  HashIndex name_index_;
  std::deque<std::string> places_;         // "provider/id" of each model, that names borrow
  std::vector<const ModelConfig*> lists_;  // the holders of all names, kind by kind
  std::vector<uint32_t> list_ends_;        // in lists_, by number of the list
  const RoutingObjects& objects_;
  HashIndex provider_index_;
  std::unordered_map<std::string_view, const ModelConfig*> models_;  // by uuid, for backends
  std::vector<PlacePrice> prices_;
  HashIndex price_index_;
  LimitIndex limits_;
};

}  // namespace weir
