// Which buckets belong to whom: the rate limits of a configuration, made ready for the routing
// build. The buckets live in the Registry and keep their level from one build to the next.
// Control thread.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "control/config.h"
#include "control/registry.h"
#include "control/routing_source.h"
#include "limit/limit_set.h"

namespace weir {

class RoutingLimits {
 public:
  // Both must outlive this; `now` is the workers' monotonic clock.
  RoutingLimits(const RoutingSource& source, Registry* registry, Nanos now)
      : source_(source), registry_(*registry), now_(now) {}

  // The buckets of whoever uses a key: the tenant's first, then the key's own.
  [[nodiscard]] LimitSet of_key(std::string_view tenant, std::string_view name,
                                SlotLeases* leases);
  [[nodiscard]] LimitSet of_alias(std::string_view tenant, std::string_view alias,
                                  SlotLeases* leases);
  // Of a target: the provider's first, then those of "provider/id" and of the bare id.
  [[nodiscard]] LimitSet of_target(const ModelConfig& model, SlotLeases* leases);

 private:
  void add(LimitScope scope, std::string_view tenant, std::string_view subject,
           SlotLeases* leases, LimitSet* out);

  const RoutingSource& source_;
  Registry& registry_;
  Nanos now_;
};

}  // namespace weir
