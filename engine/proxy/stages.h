// Where a request's time went: the stages of its line in the log, and of the field `server-timing`
// of its answer, which tells the same up to the moment the answer's head is written. Worker thread.
#pragma once

#include <array>

#include "base/clock.h"
#include "http/write.h"
#include "link/ledger_record.h"
#include "proxy/exchange.h"

namespace weir {

using StageTimes = std::array<Nanos, kStages>;

// As if the request ended at `end`. They sum to the time since its first byte: what no other stage
// claims is relay.
[[nodiscard]] StageTimes stage_times(const Moments& at, Nanos end);

// The adapter goes on after a wait for its provider (a poll, a token), which is time upstream.
void moments_end_wait(Moments* at, Nanos now);
// The attempt is over at whatever point: what was going on belongs to its stage.
void moments_end_attempt(Moments* at, bool connecting, Nanos now);

constexpr size_t kTimingFieldBytes = 256;
// `server-timing: receive;dur=0.000, parse;dur=0.012, ...`: milliseconds with three decimals, for
// all stages in their order. Adds at most kTimingFieldBytes.
void timing_field(HeadWriter* writer, const StageTimes& times);

}  // namespace weir
