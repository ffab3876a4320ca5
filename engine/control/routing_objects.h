// What a routing is built from, by kind: pointers to objects of a configuration, of the catalog,
// or of both. All that they point at outlives the build and does not change meanwhile.
// Plain values of the control thread.
#pragma once

#include <vector>

#include "control/config.h"

namespace weir {

struct RoutingObjects {
  std::vector<const ProviderConfig*> providers;
  std::vector<const ModelConfig*> models;
  std::vector<const BalancerConfig*> balancers;
  std::vector<const RateLimitConfig*> rate_limits;
  std::vector<const KeyConfig*> keys;
  std::vector<const PolicyConfig*> policies;

  // `objects`: a sequence of configs of one kind.
  template <typename Objects, typename T>
  static void add(const Objects& objects, std::vector<const T*>* to) {
    for (const T& object : objects) to->push_back(&object);
  }
  // Those of a configuration alone.
  static RoutingObjects of(const Config& config) {
    RoutingObjects out;
    add(config.providers, &out.providers);
    add(config.models, &out.models);
    add(config.balancers, &out.balancers);
    add(config.rate_limits, &out.rate_limits);
    add(config.keys, &out.keys);
    add(config.policies, &out.policies);
    return out;
  }
};

}  // namespace weir
