// From the workers' records to the rows of the usage store: names and prices of what slots mean.
//
// Reads the registry and never makes a slot. Control thread.
#pragma once

#include "control/registry.h"
#include "control/usage/usage_store.h"

namespace weir {

// The row of a record of kind inference; its names live in the registry.
[[nodiscard]] UsageRow usage_row_of(const LedgerRecord& record, const Registry& registry);
// The same without names.
[[nodiscard]] UsageNumbers usage_numbers_of(const LedgerRecord& record, const Registry& registry);

}  // namespace weir
