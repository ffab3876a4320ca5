// All deadlines of one worker in one timer wheel, so that a connection needs no timer handle of its
// own. Arming and disarming are O(1) and make no system call. Pure: time is passed in; the worker
// (or the simulation) calls advance() and asks next_due() how long it may sleep.
// A deadline fires at or up to kTickMs after its time, never before. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"
#include "base/list.h"

namespace weir {

struct Deadline {
  static constexpr Millis kPaused = UINT64_MAX;
  ListNode node;
  Millis due = 0;
  uint64_t tick = 0;  // the wheel's own: when it looks at this one
  // Called once per arming, already disarmed; may arm it again, and may arm or disarm any other.
  void (*on_due)(void* owner) = nullptr;
  void* owner = nullptr;
  [[nodiscard]] bool armed() const { return node.linked() && due != kPaused; }
};

class DeadlineWheel {
 public:
  static constexpr uint32_t kTickMs = 4;
  static constexpr uint32_t kSlots = 1024;  // one revolution is about 4 s; later ones wait in place

  explicit DeadlineWheel(Millis now);
  void arm(Deadline* deadline, Millis due);  // re-arms when armed
  void disarm(Deadline* deadline) {
    if (deadline->node.linked()) take_out(deadline);
  }
  // As disarm, for one that will soon be armed again: it keeps its place in the wheel, so that
  // neither costs more than a store. Before its memory goes, it must be disarmed.
  void pause(Deadline* deadline);
  void advance(Millis now);
  // When advance() should run next; UINT64_MAX when nothing is armed. May be early, never late.
  [[nodiscard]] Millis next_due();
  [[nodiscard]] size_t armed() const { return armed_; }

 private:
  void put(Deadline* deadline, uint64_t tick);
  void take_out(Deadline* deadline);

  std::array<List<Deadline, &Deadline::node>, kSlots> slots_;
  std::array<uint64_t, kSlots / 64> occupied_{};
  static constexpr uint64_t kUnknown = UINT64_MAX;
  uint64_t tick_;             // the next tick to run
  uint64_t look_ = kUnknown;  // no slot that is occupied comes before this tick
  size_t armed_ = 0;
};

}  // namespace weir
