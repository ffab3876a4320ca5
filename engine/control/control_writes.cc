// Calls that change what the API manages: all that wait are one batch, one transaction and one
// snapshot, and each is answered when every running worker has taken it.
#include "control/api/api_answer.h"
#include "control/control_plane.h"

namespace weir {

// What a call that is refused has changed is taken back, and nothing else.
bool ControlPlane::write_run(Write& write) {
  Catalog& catalog = store_->catalog();
  const size_t before = catalog.mark();
  write.route->handler(*this, write.made);
  if (!write.made.call->has_error) return true;
  catalog.undo_to(before);
  return false;
}

void ControlPlane::writes_take(std::vector<Write> writes) {
  std::vector<Write> batch;
  for (Write& write : writes) {
    if (write_run(write)) {
      batch.push_back(std::move(write));
    } else {
      call_answer(write.made.call);
    }
  }
  if (batch.empty()) return;
  if (const auto applied = changes_apply(); applied) {
    writes_count(batch.size());
    for (const Write& write : batch) write_wait(write);
  } else if (batch.size() == 1) {
    write_fail(batch.front(), applied.error());
  } else {
    writes_alone(batch);
  }
}

// One of them cannot be routed, or the disk refuses: each again, so that nobody pays for another.
void ControlPlane::writes_alone(std::vector<Write>& batch) {
  for (Write& write : batch) {
    api_reply(*write.made.call, 0, {});
    if (!write_run(write)) {
      call_answer(write.made.call);
    } else if (const auto applied = changes_apply(); applied) {
      writes_count(1);
      write_wait(write);
    } else {
      write_fail(write, applied.error());
    }
  }
}

void ControlPlane::write_fail(const Write& write, const CatalogError& error) {
  if (error.code == CatalogErrc::kStorage) {
    report(LogLevel::kError, "a management call could not be written: " + error.message);
    api_fail(*write.made.call, 500, "storage_failed", error.message);
  } else {
    api_refuse(*write.made.call, error.message, error.param);
  }
  call_answer(write.made.call);
}

void ControlPlane::writes_count(size_t writes) {
  counters_.writes += writes;
  ++counters_.write_batches;
}

void ControlPlane::write_wait(const Write& write) {
  waits_.push_back({write.made.call, epoch_, write.made.now + options_.adopt_timeout_ms});
}

// The answer is filled in already.
void ControlPlane::waits_check(Millis now) {
  std::erase_if(waits_, [&](const AdoptWait& wait) {
    const bool adopted = publisher_.adopted(wait.epoch);
    if (!adopted && now < wait.deadline) return false;
    if (!adopted) {
      api_fail(*wait.call, 503, "not_applied_yet",
               "The change is accepted and kept, but not every worker runs it yet. It will hold "
               "without another call.");
    }
    call_answer(wait.call);
    return true;
  });
}

}  // namespace weir
