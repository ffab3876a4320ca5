// The metrics of the process: sums of the workers' counters as Prometheus text.
//
// A MetricsBlock is summed only with blocks of the same scrape. Labels come from configured names
// and are escaped; two records with the same labels become one sample. Control thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "control/registry.h"
#include "control/secret/secret_counters.h"
#include "link/metrics_block.h"
#include "link/reply_cache.h"

namespace weir {

// Adds `one` to `sum`; the arrays grow as needed.
void metrics_add(MetricsBlock* sum, const MetricsBlock& one);

struct SignInCounters {
  uint64_t issued = 0, refused = 0, callers = 0, fetches = 0, fetch_failures = 0;
};

struct ControlCounters {
  uint64_t reloads_ok = 0, reloads_failed = 0;
  uint64_t access_log_dropped = 0;
  uint64_t epoch = 0;
  uint64_t retired = 0;  // records that wait for their last request
  uint32_t workers = 0;
  // Of the usage store: sums that wait for the disk, and what went wrong with them.
  uint64_t usage_waiting = 0, usage_flush_failures = 0, usage_lost = 0, usage_misdated = 0;
  uint64_t token_exchanges = 0;
  CacheCounters cache;
  SignInCounters sign_in;
  SecretCounters secrets;
  uint64_t providers_withheld = 0;
  // Calls that changed something, and the batches that they were written in.
  uint64_t writes = 0, write_batches = 0;
};

[[nodiscard]] std::string metrics_render(const MetricsBlock& sum, const ControlCounters& control,
                                         const Registry& registry, Millis now);

}  // namespace weir
