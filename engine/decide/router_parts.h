// What a Router holds: the registry, whose levels and health outlive snapshots, and the newest
// snapshot. Deciders take it under a short lock when its epoch has moved on.
#pragma once

#include <weir/decide.h>

#include <memory>
#include <vector>

#include "base/mailbox.h"
#include "control/registry.h"
#include "link/worker_link.h"

namespace weir {

// The stand-in key of the program's owner; no SHA-256 is all zeros but by a miracle.
constexpr KeyDigest kOwnerKey{};

struct Router::Parts {
  Parts(uint32_t the_threads, uint64_t the_seed)
      : registry(the_threads), inflight(the_threads), threads(the_threads), seed(the_seed) {}

  Registry registry;
  InflightBoard inflight;  // of all deciders
  const uint32_t threads;
  const uint64_t seed;
  uint64_t epoch = 0;
  SharedNewest<const Snapshot> newest;
  // Every snapshot that somebody may still have: records give back to the registry when they are
  // freed, so that must happen here and not where the last one lets go.
  std::vector<std::shared_ptr<const Snapshot>> kept;

  [[nodiscard]] std::expected<void, std::string> load(std::string_view text, uint64_t now_ns);
};

}  // namespace weir
