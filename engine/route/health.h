// Suspension of failing targets, shared by all cores of the process.
//
// One object per target, owned by the control plane, reached by every worker. A fault opens the
// circuit until `now + duration`; when that time is over one attempt, on one core, is let through
// as the probe. Its success closes the circuit; its fault opens it again for twice as long, up to
// kMaxSuspendMs. Time is passed in: monotonic milliseconds that all cores share. Lock-free.
//
// Invariants: 1. open_until_ is 0 while the circuit is closed, and falls only to 0. 2. While it is
// not 0, only a holder of the probe closes the circuit or adds a strike: what other attempts
// report was under way when it opened, and says nothing new. 3. At most one attempt holds the
// probe; a holder that never reports loses it after kProbeLifeMs.
#pragma once

#include <atomic>
#include <cstdint>

#include <weir/types.h>

#include "base/clock.h"

namespace weir {

class TargetHealth {
 public:
  // End of the doubling. A longer configured duration is kept as it is.
  static constexpr uint32_t kMaxSuspendMs = 300'000;
  // A longer Retry-After counts as this.
  static constexpr int64_t kMaxRetryAfterMs = 86'400'000;
  // Then another attempt may probe. A probe that is merely slow still reports; should both run,
  // a report of either gives the probe back.
  static constexpr Millis kProbeLifeMs = 30'000;

  enum class Admission : uint8_t {
    kOpen,       // not suspended: use it
    kProbe,      // was suspended, time is over: this caller holds the probe and must report
    kSuspended,  // leave it alone until open_until(), or until the probe has reported
  };
  // What reports: when the attempt began, and whether it holds the probe (Pick::probe).
  struct Attempt {
    Millis started = 0;
    bool probe = false;
  };

  // A caller that got kProbe reports exactly once: on_success, on_fault, or probe_abandoned.
  [[nodiscard]] Admission admit(Millis now);
  // Takes a suspended target all the same, when there is no other; counts as the probe. False:
  // somebody else holds it.
  [[nodiscard]] bool force_probe(Millis now);

  void on_success(Attempt attempt);
  // kTarget, kTimeout, kRateLimit and kCredential suspend; of any other fault the probe alone is
  // given back. retry_after_ms is a floor, -1 = none. suspend_ms 0: failures are not remembered,
  // a Retry-After neither.
  void on_fault(Attempt attempt, Fault fault, uint32_t suspend_ms, int64_t retry_after_ms,
                Millis now);
  // The holder of the probe ended without learning anything (client gone, for example).
  void probe_abandoned();
  // By an operator: forget everything.
  void clear();

  // 0 when not suspended.
  [[nodiscard]] Millis open_until() const { return open_until_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool suspended(Millis now) const { return open_until() > now; }
  [[nodiscard]] bool probe_held(Millis now) const {
    const uint64_t since = probe_since_.load(std::memory_order_relaxed);
    return since != 0 && now + 1 < since + kProbeLifeMs;
  }
  // Consecutive faults: of the one that opened the circuit, and of probes since.
  [[nodiscard]] uint32_t strikes() const { return strikes_.load(std::memory_order_relaxed); }
  [[nodiscard]] Fault last_fault() const { return last_fault_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t suspensions() const {
    return suspensions_.load(std::memory_order_relaxed);
  }

 private:
  [[nodiscard]] bool claim_probe(Millis now);
  void release_probe();
  void open(Millis until, Millis floor, Millis now);
  void raise(Millis until);
  void reopen(uint32_t suspend_ms, Millis floor, Millis now);

  std::atomic<uint64_t> open_until_{0};
  std::atomic<uint64_t> opened_at_{0};
  std::atomic<uint64_t> probe_since_{0};  // 0: free; else the time of the claim, plus 1
  std::atomic<uint64_t> suspensions_{0};
  std::atomic<uint32_t> strikes_{0};
  std::atomic<Fault> last_fault_{Fault::kNone};
};

}  // namespace weir
