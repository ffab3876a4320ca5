// Whether policies let an admin change a thing: a `deny` for `write` that names both refuses it
// (docs/policies.md). Each answers false with 403 access_denied in the call. Control thread.
#pragma once

#include "control/store/catalog.h"
#include "link/worker_link.h"

namespace weir {

// Also for one that is being made, which has no uuid yet.
[[nodiscard]] bool write_allowed(const Catalog& catalog, ManagementCall& call,
                                 const ProviderObject& provider);
[[nodiscard]] bool write_allowed(const Catalog& catalog, ManagementCall& call,
                                 const ModelObject& model);
[[nodiscard]] bool write_allowed(const Catalog& catalog, ManagementCall& call,
                                 const BalancerObject& balancer);

}  // namespace weir
