// From the objects of the catalog to what the routing build takes.
//
// What is orphaned, and an object of the API that does not hold any more (a provider whose address
// the file now denies), is left out; everything else is as if it stood in the file. Control thread.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "control/config_check.h"
#include "control/routing_objects.h"
#include "control/store/catalog.h"

namespace weir {

// The provider with its credentials and its address in place; what it refers to is left for
// provider_fill() (secret/provider_secrets.h), when it is known what its tenant may refer to. What
// is wrong with it is added to `problems`; paths begin with a dot.
[[nodiscard]] ProviderConfig provider_effective(const ProviderObject& provider,
                                                const ConfigOptions& options, bool deny_private,
                                                ConfigProblems* problems);
// The same for a judgement of what was sent just now: files and variables are read.
[[nodiscard]] ProviderConfig provider_judged(const ProviderObject& provider,
                                             const ConfigOptions& options, bool deny_private,
                                             ConfigProblems* problems);

// A configuration file and behind it the objects of the API, for a routing build: what is made of
// others is kept here, all else stays where it is.
class Merged {
 public:
  // Both outlive it and do not change meanwhile. One line in `left_out` for each object that is not
  // usable.
  Merged(const Config& file, const Catalog& catalog, const ConfigOptions& options,
         std::vector<std::string>* left_out);
  Merged(const Merged&) = delete;
  Merged& operator=(const Merged&) = delete;

  [[nodiscard]] const RoutingObjects& objects() const { return objects_; }
  [[nodiscard]] std::deque<ProviderConfig>& providers() { return providers_; }
  // Keys that stand nowhere else.
  void keys_add(std::vector<KeyConfig> keys);

 private:
  std::deque<ProviderConfig> providers_;
  std::deque<BalancerConfig> balancers_;
  std::deque<RateLimitConfig> limits_;
  std::deque<KeyConfig> keys_;
  RoutingObjects objects_;
};

[[nodiscard]] std::optional<RateLimitConfig> limit_effective(const Catalog& catalog,
                                                             const LimitObject& limit);
[[nodiscard]] std::optional<BalancerConfig> balancer_effective(const Catalog& catalog,
                                                               const BalancerObject& balancer);

}  // namespace weir
