// Suspension of failing targets, shared by all cores of the process.
//
// One object per target, owned by the control plane, reached by every worker. A fault opens the
// circuit until `now + duration`, doubling with consecutive faults up to kMaxSuspendMs; faults that
// arrive while it is open (requests that were already under way) never shorten it and do not
// double it. When the time is over one request, on one core, is let through as a probe; its success
// closes the circuit, its fault opens it again. Time is passed in (any monotonic milliseconds that
// all cores share). Lock-free.
#pragma once

#include <atomic>
#include <cstdint>

#include <weir/types.h>

#include "base/clock.h"

namespace weir {

class TargetHealth {
 public:
  static constexpr uint32_t kMaxSuspendMs = 300'000;

  enum class Admission : uint8_t {
    kOpen,       // not suspended: use it
    kProbe,      // was suspended, time is over: this caller holds the probe and must report
    kSuspended,  // leave it alone until open_until()
  };
  // A caller that got kProbe reports exactly once: on_success, on_fault, or probe_abandoned.
  [[nodiscard]] Admission admit(Millis now);
  // Takes a suspended target all the same, when there is no other; counts as the probe.
  [[nodiscard]] bool force_probe(Millis now);

  // `started` is when the attempt began: a success that began before the circuit opened proves
  // nothing. suspend_ms 0: failures are not remembered. retry_after_ms is a floor, -1 = none.
  void on_success(Millis started);
  void on_fault(Fault fault, uint32_t suspend_ms, int64_t retry_after_ms, Millis now);
  void probe_abandoned();
  void clear();

  // 0 when not suspended.
  [[nodiscard]] Millis open_until() const { return open_until_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool suspended(Millis now) const { return open_until() > now; }
  [[nodiscard]] uint32_t strikes() const { return strikes_.load(std::memory_order_relaxed); }
  [[nodiscard]] Fault last_fault() const { return last_fault_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t suspensions() const {
    return suspensions_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<uint64_t> open_until_{0};
  std::atomic<uint64_t> opened_at_{0};
  std::atomic<uint64_t> probe_since_{0};  // 0: free; else when the probe was claimed
  std::atomic<uint64_t> suspensions_{0};
  std::atomic<uint32_t> strikes_{0};
  std::atomic<Fault> last_fault_{Fault::kNone};
};

}  // namespace weir
