#include "route/health.h"

#include <algorithm>

namespace weir {

namespace {

bool fault_suspends(Fault fault) {
  return fault == Fault::kTarget || fault == Fault::kTimeout || fault == Fault::kRateLimit ||
         fault == Fault::kCredential;
}

// suspend_ms * 2^(strikes - 1), up to kMaxSuspendMs or suspend_ms, whichever is longer.
Millis suspend_duration(uint32_t suspend_ms, uint32_t strikes) {
  const Millis limit = std::max(suspend_ms, TargetHealth::kMaxSuspendMs);
  const uint32_t doublings = std::min(strikes > 0 ? strikes - 1 : 0, 31u);
  return std::min(static_cast<Millis>(suspend_ms) << doublings, limit);
}

}  // namespace

TargetHealth::Admission TargetHealth::admit(Millis now) {
  // relaxed: the time alone decides, and a core that sees it a moment late is no worse off than
  // one whose attempt had begun before. The claim below looks again, with acquire.
  Millis until = open_until_.load(std::memory_order_relaxed);
  if (until == 0) return Admission::kOpen;
  if (now < until || !claim_probe(now)) return Admission::kSuspended;
  // The holder before us may have reported between our two looks. Its write of the time came
  // before its release of the claim, which our claim acquired.
  until = open_until_.load(std::memory_order_relaxed);
  if (until != 0 && now >= until) return Admission::kProbe;
  release_probe();
  return until == 0 ? Admission::kOpen : Admission::kSuspended;
}

bool TargetHealth::force_probe(Millis now) { return claim_probe(now); }

void TargetHealth::on_success(Attempt attempt) {
  // Without the probe there is nothing to learn: either the circuit is closed and no strikes are
  // counted, or the attempt was admitted before it opened.
  if (!attempt.probe) return;
  strikes_.store(0, std::memory_order_relaxed);
  open_until_.store(0, std::memory_order_relaxed);
  release_probe();
}

void TargetHealth::on_fault(Attempt attempt, Fault fault, uint32_t suspend_ms,
                            int64_t retry_after_ms, Millis now) {
  if (fault_suspends(fault) && suspend_ms != 0) {
    last_fault_.store(fault, std::memory_order_relaxed);
    const int64_t wait_ms = std::clamp<int64_t>(retry_after_ms, 0, kMaxRetryAfterMs);
    const Millis floor = wait_ms > 0 ? now + static_cast<Millis>(wait_ms) : 0;
    if (attempt.probe) {
      reopen(suspend_ms, floor, now);
    } else if (open_until_.load(std::memory_order_relaxed) != 0) {
      raise(floor);
    } else if (attempt.started >= opened_at_.load(std::memory_order_relaxed)) {
      // An attempt from before the last opening is not evidence against a target that has
      // recovered since, so it gets here only if it began later.
      open(now + suspend_duration(suspend_ms, 1), floor, now);
    }
  }
  if (attempt.probe) release_probe();
}

void TargetHealth::probe_abandoned() { release_probe(); }

void TargetHealth::clear() {
  strikes_.store(0, std::memory_order_relaxed);
  last_fault_.store(Fault::kNone, std::memory_order_relaxed);
  open_until_.store(0, std::memory_order_relaxed);
  release_probe();
}

bool TargetHealth::claim_probe(Millis now) {
  uint64_t since = probe_since_.load(std::memory_order_relaxed);
  if (since != 0 && now + 1 < since + kProbeLifeMs) return false;
  // acquire pairs with the release in release_probe(): what the holder before us reported is seen.
  return probe_since_.compare_exchange_strong(since, now + 1, std::memory_order_acquire,
                                              std::memory_order_relaxed);
}

void TargetHealth::release_probe() {
  // release pairs with the acquire in claim_probe().
  probe_since_.store(0, std::memory_order_release);
}

void TargetHealth::open(Millis until, Millis floor, Millis now) {
  uint64_t closed = 0;
  // relaxed: only the time matters. Whoever wins opens; the loser was under way as well.
  if (!open_until_.compare_exchange_strong(closed, std::max(until, floor),
                                           std::memory_order_relaxed)) {
    return raise(floor);
  }
  opened_at_.store(now, std::memory_order_relaxed);
  strikes_.store(1, std::memory_order_relaxed);
  suspensions_.fetch_add(1, std::memory_order_relaxed);
}

void TargetHealth::raise(Millis until) {
  uint64_t current = open_until_.load(std::memory_order_relaxed);
  // Never from 0: a closed circuit is opened by open() and reopen() alone.
  while (current != 0 && current < until &&
         !open_until_.compare_exchange_weak(current, until, std::memory_order_relaxed)) {
  }
}

// Of a probe's fault. A probe that was forced before the time was over proves that the target still
// fails, but not that waiting was in vain: it moves the end and adds no strike. Otherwise the
// clients' own hurry would suspend a target for minutes.
void TargetHealth::reopen(uint32_t suspend_ms, Millis floor, Millis now) {
  const uint64_t current = open_until_.load(std::memory_order_relaxed);
  uint32_t strikes = strikes_.load(std::memory_order_relaxed);
  if (now >= current) {
    ++strikes;
    strikes_.store(strikes, std::memory_order_relaxed);
    suspensions_.fetch_add(1, std::memory_order_relaxed);
  }
  const Millis until = std::max(now + suspend_duration(suspend_ms, strikes), floor);
  opened_at_.store(now, std::memory_order_relaxed);
  if (current == 0) {
    uint64_t closed = 0;
    if (open_until_.compare_exchange_strong(closed, until, std::memory_order_relaxed)) return;
  }
  raise(until);
}

}  // namespace weir
