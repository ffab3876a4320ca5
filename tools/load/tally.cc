#include "tally.h"

namespace weir::load {

void Tally::merge(const Tally& other) {
  sent += other.sent;
  right += other.right;
  wrong += other.wrong;
  aborted_fin += other.aborted_fin;
  aborted_reset += other.aborted_reset;
  late += other.late;
  never_sent += other.never_sent;
  for (std::size_t i = 0; i < wrongs.size(); ++i) wrongs[i] += other.wrongs[i];
  for (const auto& [status, count] : other.statuses) statuses[status] += count;
  streams_complete += other.streams_complete;
  streams_cut += other.streams_cut;
  events += other.events;
  bytes += other.bytes;
  latency.merge(other.latency);
  first_event.merge(other.first_event);
  gap.merge(other.gap);
  ended_in_window += other.ended_in_window;
  last_end_ns = std::max(last_end_ns, other.last_end_ns);
  connects += other.connects;
  stale_retries += other.stale_retries;
  lost_idle += other.lost_idle;
}

}  // namespace weir::load
