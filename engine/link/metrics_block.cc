#include "link/metrics_block.h"

namespace weir {

void counters_add(SeriesCounters* sum, const SeriesCounters& one) {
  sum->completed += one.completed;
  sum->failed += one.failed;
  sum->cancelled += one.cancelled;
  for (size_t source = 0; source < one.prompt.size(); ++source) {
    sum->prompt[source] += one.prompt[source];
    sum->completion[source] += one.completion[source];
    sum->cached[source] += one.cached[source];
    sum->reasoning[source] += one.reasoning[source];
  }
}

void counters_add(TargetCounters* sum, const TargetCounters& one) {
  sum->attempts_ok += one.attempts_ok;
  sum->attempts_failed += one.attempts_failed;
  sum->attempts_rejected += one.attempts_rejected;
  sum->attempts_cancelled += one.attempts_cancelled;
  sum->inflight += one.inflight;
}

}  // namespace weir
