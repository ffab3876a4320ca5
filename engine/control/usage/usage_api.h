// GET .../usage and .../usage/user: what a tenant or a key has used, as JSON.
//
// Served as /v1/usage, /ml/gateway/v1/usage and /ml/v1/usage, each with /user behind it for the
// caller's own numbers. Answers see everything that add() took: the store is flushed first.
// Control thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "control/usage/usage_store.h"
#include "link/worker_link.h"

namespace weir {

[[nodiscard]] bool usage_path(std::string_view path);
// Fills in the answer of a call whose path is a usage_path(). A call without a tenant is an
// operator's and sees all of them.
void usage_answer(UsageStore& store, ManagementCall& call, int64_t now_unix_s);

}  // namespace weir
