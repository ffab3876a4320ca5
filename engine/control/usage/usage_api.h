// GET .../usage and .../usage/user: what a tenant or a key has used, as JSON.
//
// Who may ask is the table's to say (api/api_route.h). Answers see everything that add() took: the
// store is flushed first. Control thread.
#pragma once

#include <cstdint>

#include "control/usage/usage_store.h"
#include "link/worker_link.h"

namespace weir {

// Fills in the answer: of the call's key, or of its tenant. A call without a tenant is an
// operator's and sees all of them.
void usage_answer(UsageStore& store, ManagementCall& call, bool own, int64_t now_unix_s);

}  // namespace weir
