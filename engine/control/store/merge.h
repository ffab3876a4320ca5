// From the objects of the catalog to what the routing build takes.
//
// Control thread.
#pragma once

#include "control/config_check.h"
#include "control/store/objects.h"

namespace weir {

// The provider with its credentials and its address filled in, from what its references stand for
// if that is known. What is wrong with it is added to `problems`; paths begin with a dot.
[[nodiscard]] ProviderConfig provider_effective(const ProviderObject& provider,
                                                const ConfigOptions& options, bool deny_private,
                                                ConfigProblems* problems);

}  // namespace weir
