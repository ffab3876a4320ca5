// The usage store's part of the control plane: what is fed to it, and when it is written.
#include <ctime>

#include "control/control_plane.h"
#include "control/usage/usage_api.h"

namespace weir {

void ControlPlane::usage_add(const LedgerRecord& record, RecordNames::Names* names) {
  if (record.kind != RequestKind::kInference) return;
  UsagePlace& place = names->usage[static_cast<size_t>(record.usage.source)];
  if (usage_->add_at(place, usage_numbers_of(record, registry_))) return;
  place = usage_->add(usage_row_of(record, registry_));
}

// What cannot be written stays in memory; one line says so, another that it was written after all.
void ControlPlane::usage_flush() {
  auto done = usage_->flush();
  if (done) {
    const auto kept_small = usage_->maintain(static_cast<int64_t>(std::time(nullptr)));
    if (!kept_small) done = std::unexpected(kept_small.error());
  }
  if (done.has_value() != usage_failing_) return;
  usage_failing_ = !done;
  // An error and its end: who reads the one waits for the other.
  report(LogLevel::kError,
         done ? "the usage store is written again"
              : "the usage store cannot be written, its numbers wait in memory: " + done.error());
}

void ControlPlane::usage_check(Millis now) {
  if (now - usage_flushed_at_ < config_.accounting.flush_interval_ms) return;
  usage_flushed_at_ = now;
  usage_flush();
}

void ControlPlane::call_usage(ApiCall& made, bool own) {
  usage_answer(*usage_, *made.call, own, static_cast<int64_t>(std::time(nullptr)));
}

}  // namespace weir
