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

  // The buckets of whoever uses a key: the tenant's first, then the key's own. A key's name never
  // changes, and callers who signed in by tokens share one.
  [[nodiscard]] LimitSet of_key(std::string_view tenant, std::string_view name,
                                SlotLeases* leases);
  [[nodiscard]] LimitSet of_alias(std::string_view tenant, std::string_view alias,
                                  SlotLeases* leases);
  // Of a target: the provider's first, then those of "provider/id" and of the bare id. What is the
  // provider's goes by its uuid, so that another name leaves the levels as they are.
  [[nodiscard]] LimitSet of_target(const ModelConfig& model, std::string_view provider_uuid,
                                   SlotLeases* leases);

 private:
  // `lasting`: what the subject is called in the ids of buckets.
  void add(LimitScope scope, std::string_view tenant, std::string_view subject,
           std::string_view lasting, SlotLeases* leases, LimitSet* out);

  const RoutingSource& source_;
  Registry& registry_;
  Nanos now_;
};

}  // namespace weir
