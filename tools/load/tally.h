// What one thread of the load generator counted; tallies of threads are merged for the report.
// Thread: one writer; merged after the threads have ended.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string_view>

#include "histogram.h"

namespace weir::load {

// What can be wrong with an answer. Each wrong answer counts as one of these.
enum class Wrong {
  kNone,
  kConnect,
  kTls,
  kReset,
  kNoAnswer,   // closed before the first byte
  kTruncated,  // closed inside the answer
  kBadHttp,
  kStatus,
  kNotJson,
  kNoUsage,
  kNotStream,
  kNoDone,
  kErrorEvent,
  kExtraBytes,
  kTimeout,
  kCount,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Wrong::kCount)> kWrongNames =
    {"none",       "connect",  "tls",         "reset",       "no_answer",
     "truncated",  "bad_http", "status",      "not_json",    "no_usage",
     "not_stream", "no_done",  "error_event", "extra_bytes", "timeout"};

struct Tally {
  // Of the measured window; a request belongs to it when it began there.
  std::uint64_t sent = 0;
  std::uint64_t right = 0;
  std::uint64_t wrong = 0;
  std::uint64_t aborted_fin = 0;
  std::uint64_t aborted_reset = 0;
  std::uint64_t late = 0;        // open loop: sent more than 1 ms after the due time
  std::uint64_t never_sent = 0;  // open loop: still waiting for a connection at the end
  std::array<std::uint64_t, kWrongNames.size()> wrongs{};
  std::map<int, std::uint64_t> statuses;
  std::uint64_t streams_complete = 0;
  std::uint64_t streams_cut = 0;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  Histogram latency;
  Histogram first_event;
  Histogram gap;

  // Whatever ended inside the window, begun in it or before: the divisor of rates and CPU time.
  std::uint64_t ended_in_window = 0;
  std::uint64_t last_end_ns = 0;

  // Of the whole run.
  std::uint64_t connects = 0;
  std::uint64_t stale_retries = 0;
  std::uint64_t lost_idle = 0;  // idle connections that the peer closed

  void merge(const Tally& other);
};

}  // namespace weir::load
