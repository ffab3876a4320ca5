// Turns a checked Config into what workers are given: routes, targets, keys and limits.
//
// Names that can be called, per tenant and environment: aliases, then "provider/id", then upstream
// ids (all holders of an id form a round-robin group); an earlier kind hides a later one.
// Control thread. The build has no effect on workers; publishing is publisher.h.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weir/adapter.h>

#include "control/config.h"
#include "control/registry.h"
#include "link/worker_link.h"

namespace weir {

struct RoutingInput {
  const Config& config;
  std::span<const Adapter* const> adapters;
  // prepare() of the adapters that leave it null.
  Result<void> (*default_prepare)(const PrepareInput& input, std::string* head) = nullptr;
  std::optional<KeyDigest> admin_key;
  uint64_t epoch = 1;
  uint64_t hash_seed = 0;
  int64_t now_unix_s = 0;
  Nanos now_ns = 0;  // of the workers' monotonic clock
  // Gets the providers that their adapter refused with credentials from elsewhere, by uuid, and
  // why. They are withheld; null: without a word.
  std::map<std::string, std::string>* refused = nullptr;
};

// The error is one line: "path: text".
[[nodiscard]] std::expected<std::unique_ptr<Publication>, std::string> routing_build(
    const RoutingInput& input, Registry* registry);

// Gives the pin slots of all its records back; for a publication that no worker has seen.
void routing_discard(std::unique_ptr<Publication> publication, Registry* registry);

}  // namespace weir
