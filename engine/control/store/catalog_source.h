// What the routing build needs of single names, straight from the catalog, and which names a batch
// of changes is about.
//
// Providers and limits depend on other objects; they are kept as of the last refresh(). All else is
// looked up when it is asked for. Control thread.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/config_check.h"
#include "control/routing_build.h"
#include "control/routing_source.h"
#include "control/store/catalog.h"

namespace weir {

class CatalogSource final : public NamedSource {
 public:
  CatalogSource(const Catalog* catalog, const ConfigOptions* options)
      : catalog_(*catalog), options_(*options) {}

  // What it keeps is that of a merged configuration.
  void reset(const std::deque<ProviderConfig>& providers);
  // Brings it to what the catalog says now; what changed since the catalog's last accept(). May be
  // called again with the same changes, also after they were taken back.
  [[nodiscard]] RoutingChanges refresh(bool deny_private);
  // All keys and policies.
  [[nodiscard]] RoutingWho who() const;

  [[nodiscard]] bool draft(const RouteKeyView& key, RouteDraft* draft) const override;
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
  // One for each kind: what the object was and what it is; one of them may be null.
  void changed(const TenantObject*, const TenantObject*) {}
  void changed(const PolicyObject* before, const PolicyObject* now);
  void changed(const ProviderObject* before, const ProviderObject* now);
  void changed(const ModelObject* before, const ModelObject* now);
  void changed(const BalancerObject* before, const BalancerObject* now);
  void changed(const LimitObject* before, const LimitObject* now);
  void changed(const KeyObject* before, const KeyObject* now);
  void names_of(const ModelObject& model);  // also of balancers that list it
  void names_at(const ModelObject& model);
  void limited_by(const LimitObject& limit);
  void provider_refresh(const ProviderObject& provider);
  void limits_refresh();
  [[nodiscard]] std::vector<const ModelConfig*> routable(
      const std::vector<const ModelObject*>& models, std::string_view environment) const;

  const Catalog& catalog_;
  const ConfigOptions& options_;
  std::unordered_map<std::string, ProviderConfig> providers_;  // by tenant and name
  std::unordered_map<std::string, RateLimitConfig> limits_;    // by limit_index_key()
  RoutingChanges changes_;    // while refresh() finds them
  bool deny_private_ = false;
  bool limits_stale_ = false;
};

}  // namespace weir
