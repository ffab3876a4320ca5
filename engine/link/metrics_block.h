// The counters of one worker. Plain memory, written by that worker only and never shared: a scrape
// asks each worker for a copy, which it makes between two events, so that sums hold exactly
// (accepted = completed + failed + cancelled + in flight).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "link/ledger_record.h"

namespace weir {

// Log-linear histogram of microseconds: bucket i counts values below bound(i).
struct Histogram {
  static constexpr size_t kBuckets = 28;
  std::array<uint64_t, kBuckets + 1> count{};  // the last one is everything above
  uint64_t sum_us = 0;

  // 1, 2, 4 ... microseconds up to about 134 s: enough for a p99 and cheap to find.
  static constexpr uint64_t bound_us(size_t i) { return uint64_t{1} << i; }
  void add(uint64_t us) {
    // What std::bit_width(us - 1) is, but 0 for 0 too; without a branch.
    const uint64_t odd = 2 * (us - (us != 0 ? 1 : 0)) | 1;
    const auto i = static_cast<size_t>(63 - std::countl_zero(odd));
    ++count[std::min(i, kBuckets)];
    sum_us += us;
  }
};

struct SeriesCounters {  // per (alias, target)
  uint64_t completed = 0, failed = 0, cancelled = 0;
  // Tokens by kind and source (UsageSource), for weir_tokens_total.
  std::array<uint64_t, 4> prompt{}, completion{}, cached{}, reasoning{};
};

struct TargetCounters {  // per target
  uint64_t attempts_ok = 0, attempts_failed = 0, attempts_rejected = 0, attempts_cancelled = 0;
  uint64_t inflight = 0;
};

void counters_add(SeriesCounters* sum, const SeriesCounters& one);
void counters_add(TargetCounters* sum, const TargetCounters& one);

struct MetricsBlock {
  std::vector<SeriesCounters> series;      // by Target::series
  std::vector<TargetCounters> targets;     // by Target::slot
  std::vector<uint64_t> refused;           // by Route::slot; refusals after the route was known
  // Of slots that were cleared, so that all sums still hold.
  SeriesCounters gone_series;
  TargetCounters gone_targets;
  uint64_t gone_refused = 0;
  uint64_t refused_unrouted = 0;           // before: bad key, bad body, unknown model, overload
  // Accepted requests that ended before any target was chosen.
  uint64_t unrouted_completed = 0, unrouted_failed = 0, unrouted_cancelled = 0;
  uint64_t accepted = 0;
  uint64_t in_flight = 0;
  uint64_t management_requests = 0;        // Weir's own routes
  uint64_t retries = 0;                    // attempts after the first
  uint64_t replays = 0;                    // stale pooled connection, same target
  uint64_t retry_budget_exhausted = 0;
  uint64_t ledger_dropped = 0;
  uint64_t cache_hits = 0, cache_misses = 0;  // of requests that asked for the reply cache
  // Tokens in buckets: reserved - refunded = settled, once nothing is in flight.
  uint64_t reserved_tokens = 0, refunded_tokens = 0, settled_tokens = 0;
  uint64_t client_connections = 0, client_idle = 0, client_accepted = 0, client_refused = 0;
  uint64_t upstream_connections = 0, upstream_idle = 0, upstream_opened = 0;
  uint64_t waiting_for_connection = 0, wait_queue_full = 0;
  uint64_t buffered_bytes = 0, buffer_refused = 0;
  uint64_t write_stalls = 0, client_timeouts = 0;
  uint64_t jwt_checks = 0, jwt_refused = 0;  // signatures checked; tokens refused for any reason
  uint64_t sign_in_waits = 0;                // requests that waited for a principal or a key
  uint64_t bytes_from_clients = 0, bytes_to_clients = 0;
  std::array<Histogram, kStages> stages;
  Histogram total;
  Histogram overhead;                      // everything but connect and upstream wait
};

}  // namespace weir
