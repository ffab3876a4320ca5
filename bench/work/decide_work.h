// Routes, keys and limits as a core sees them, and one whole decision: what decide_bench times and
// path_count counts. One thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "bench/bodies.h"
#include "json/request_scan.h"
#include "limit/limit_set.h"
#include "limit/registry.h"
#include "route/decide.h"
#include "route/health.h"

namespace weir::bench {

constexpr int64_t kAmple = int64_t{1} << 50;

// `scopes` subjects, each with a bucket of requests and one of tokens that never run dry.
inline LimitSet ample_limits(LimitRegistry& registry, int scopes) {
  constexpr uint64_t kHour = 3'600'000'000'000;
  LimitSet set;
  for (int scope = 0; scope < scopes; ++scope) {
    const auto name = std::to_string(scope);
    const BucketSpec spec{0, kAmple, kHour};
    set.add({registry.get_or_create(name + "/request", spec, 0),
             BucketScope{static_cast<uint8_t>(scope)}, BucketUnit::kRequests});
    set.add({registry.get_or_create(name + "/token", spec, 0),
             BucketScope{static_cast<uint8_t>(scope)}, BucketUnit::kTokens});
  }
  return set;
}

inline KeyDigest make_digest(uint64_t number) {
  KeyDigest digest;
  for (size_t i = 0; i < digest.size(); ++i) {
    number = number * 6364136223846793005ull + 1442695040888963407ull;
    digest[i] = static_cast<uint8_t>(number >> 56);
  }
  return digest;
}

// `routes` aliases of `targets` targets each, with their health, and 10,000 keys; adopted by one
// core.
struct RouteSetup {
  static constexpr uint32_t kKeys = 10'000;
  std::vector<std::unique_ptr<TargetHealth>> health;
  std::vector<std::string> names;
  LimitSet limits;  // of every key
  std::unique_ptr<const Snapshot> snapshot;
  CoreState core{0, 2, 1};

  RouteSetup(uint32_t routes, uint32_t targets, Algorithm algorithm, const LimitSet& of_keys = {})
      : limits(of_keys) {
    SnapshotBuilder builder(1, 42);
    for (uint32_t r = 0; r < routes; ++r) add_route(builder, r, targets, algorithm);
    for (uint32_t k = 0; k < kKeys; ++k) {
      Principal principal;
      principal.tenant = "default";
      principal.environment = "production";
      principal.limits = limits;
      if (!builder.add_principal(make_digest(k), std::move(principal))) std::abort();
    }
    snapshot = builder.build();
    core.adopt(*snapshot);
  }
  void add_route(SnapshotBuilder& builder, uint32_t slot, uint32_t targets, Algorithm algorithm) {
    Route route;
    char name[32];
    std::snprintf(name, sizeof(name), "team-model-%05u", slot * 7919 % 100'000);
    route.name = names.emplace_back(name);
    route.tenant = "default";
    route.environment = "production";
    route.slot = slot;
    route.algorithm = algorithm;
    for (uint32_t i = 0; i < targets; ++i) {
      Target& target = route.targets.emplace_back();
      target.slot = slot * targets + i;
      target.weight = 1 + i % 5;
      target.heads.fill("head");
      target.health = health.emplace_back(std::make_unique<TargetHealth>()).get();
    }
    if (!builder.add_route(std::move(route))) std::abort();
  }
};

// The whole of a decision: the body of 4 KB is checked and read, the key's digest and the model's
// name are looked up, the key's three buckets (requests and tokens of its own, requests of its
// tenant) are debited, and a target is chosen. Keys, names and bodies come in an order that no
// cache likes. Hashing the key is not in it: a connection keeps the result.
class DecideWork {
 public:
  explicit DecideWork(uint32_t routes, size_t bytes = 4096)
      : setup_(routes, 3, Algorithm::kWeightedRoundRobin, three()) {
    for (size_t i = 0; i < kBodies; ++i) {
      std::string body = chat_body(bytes, true);
      const std::string_view from = "gpt-4o-mini-2024-07-18";
      const std::string& name = setup_.names[i * 7919 % setup_.names.size()];
      body.replace(body.find(from), from.size(), name);
      sizes_.push_back(body.size());
      body.append(RequestScanner::kPadding, ' ');
      bodies_.push_back(std::move(body));
    }
    for (uint32_t k = 0; k < RouteSetup::kKeys; ++k) digests_.push_back(make_digest(k));
  }
  bool run() {
    next_ = next_ * 6364136223846793005ull + 1442695040888963407ull;
    const size_t at = (next_ >> 33) % kBodies;
    RequestView view;
    if (!scanner_.scan({bodies_[at].data(), sizes_[at]}, {}, &view)) return false;
    const Principal* who =
        setup_.snapshot->find_principal(digests_[(next_ >> 40) % RouteSetup::kKeys]);
    if (who == nullptr) return false;
    const Route* route = setup_.snapshot->find_route(who->tenant, who->environment, view.model);
    if (route == nullptr || who->limits.take_all(0, 1000, 1) != LimitSet::kPassed) return false;
    return decide(*route, setup_.core, {}, Endpoint::kChat, 2).has_value();
  }

 private:
  static constexpr size_t kBodies = 64;
  LimitSet three() {
    const LimitSet four = ample_limits(registry_, 2);
    LimitSet set;
    for (size_t i = 0; i < 3; ++i) set.add(four[i]);
    return set;
  }

  LimitRegistry registry_{1};
  RouteSetup setup_;
  RequestScanner scanner_;
  std::vector<std::string> bodies_;
  std::vector<size_t> sizes_;
  std::vector<KeyDigest> digests_;
  uint64_t next_ = 1;
};

}  // namespace weir::bench
