// Stands in for the adapter of a provider that cannot be used for now: every request fails at once,
// with the text that is in the target's head, as if the provider had refused Weir's credential. So
// another target takes over, and this one is suspended like any that fails.
//
// A constant; workers call it.
#pragma once

#include <weir/adapter.h>

namespace weir {

[[nodiscard]] const Adapter* withheld_adapter();

}  // namespace weir
