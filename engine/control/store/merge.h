// From the objects of the catalog to what the routing build takes.
//
// What is orphaned, and an object of the API that does not hold any more (a provider whose address
// the file now denies), is left out; everything else is as if it stood in the file. Control thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/config_check.h"
#include "control/store/catalog.h"

namespace weir {

// The provider with its credentials and its address filled in, as the file's are before references
// to elsewhere are read. What is wrong with it is added to `problems`; paths begin with a dot.
[[nodiscard]] ProviderConfig provider_effective(const ProviderObject& provider,
                                                const ConfigOptions& options, bool deny_private,
                                                ConfigProblems* problems);

// `file` and behind it the objects of the API. One line in `left_out` for each that is not usable.
[[nodiscard]] Config merge_config(const Config& file, const Catalog& catalog,
                                  const ConfigOptions& options,
                                  std::vector<std::string>* left_out);

[[nodiscard]] std::optional<RateLimitConfig> limit_effective(const Catalog& catalog,
                                                             const LimitObject& limit);
[[nodiscard]] std::optional<BalancerConfig> balancer_effective(const Catalog& catalog,
                                                               const BalancerObject& balancer);

}  // namespace weir
