#include "net/deadline.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace weir {
namespace {

constexpr uint64_t kSlotMask = DeadlineWheel::kSlots - 1;
static_assert((DeadlineWheel::kSlots & kSlotMask) == 0);

// The first tick that does not begin before `due`.
constexpr uint64_t tick_of(Millis due) {
  return due / DeadlineWheel::kTickMs + (due % DeadlineWheel::kTickMs != 0 ? 1 : 0);
}

constexpr uint64_t bit_of(uint64_t slot) { return uint64_t{1} << (slot % 64); }

// How many slots after `slot` the next set bit is, going round; kSlots when no bit is set.
uint64_t distance_to_occupied(const std::array<uint64_t, DeadlineWheel::kSlots / 64>& words,
                              uint64_t slot) {
  uint64_t word = slot / 64;
  uint64_t bits = words[word] & (~uint64_t{0} << (slot % 64));
  for (size_t i = 0; i <= words.size(); ++i) {
    if (bits != 0) {
      const uint64_t found = word * 64 + static_cast<uint64_t>(std::countr_zero(bits));
      return (found - slot) & kSlotMask;
    }
    word = (word + 1) % words.size();
    bits = words[word];
  }
  return DeadlineWheel::kSlots;
}

}  // namespace

DeadlineWheel::DeadlineWheel(Millis now) : tick_(now / kTickMs + 1) {}

void DeadlineWheel::arm(Deadline* deadline, Millis due) {
  // What is due already runs with the next tick.
  const uint64_t tick = std::max(tick_of(due), tick_);
  if (deadline->node.linked()) {
    // One that is put off stays where it is, and is moved when the wheel looks at it; one that
    // fires in this very round has been looked at.
    if (tick >= deadline->tick && deadline->tick >= tick_) {
      if (!deadline->armed()) ++armed_;
      deadline->due = due;
      return;
    }
    take_out(deadline);
  }
  deadline->due = due;
  put(deadline, tick);
  ++armed_;
}

void DeadlineWheel::pause(Deadline* deadline) {
  if (!deadline->armed()) return;
  // One that fires in this very round is in no slot any more.
  if (deadline->tick < tick_) return take_out(deadline);
  deadline->due = Deadline::kPaused;
  --armed_;
}

void DeadlineWheel::put(Deadline* deadline, uint64_t tick) {
  deadline->tick = tick;
  const uint64_t slot = tick & kSlotMask;
  slots_[slot].push_back(deadline);
  occupied_[slot / 64] |= bit_of(slot);
  if (look_ != kUnknown) look_ = std::min(look_, tick_ + ((tick - tick_) & kSlotMask));
}

void DeadlineWheel::take_out(Deadline* deadline) {
  if (deadline->armed()) --armed_;
  deadline->node.unlink();
  const uint64_t slot = deadline->tick & kSlotMask;
  if (slots_[slot].empty()) occupied_[slot / 64] &= ~bit_of(slot);
}

void DeadlineWheel::advance(Millis now) {
  const uint64_t last = now / kTickMs;
  if (last < tick_) return;
  // All that is due is taken out before anything runs, so that callbacks find the wheel at its new
  // time. After a long sleep one round finds everything.
  List<Deadline, &Deadline::node> due, later;
  const uint64_t span = std::min<uint64_t>(last - tick_ + 1, kSlots);
  for (uint64_t offset = 0; offset < span; ++offset) {
    offset += distance_to_occupied(occupied_, (tick_ + offset) & kSlotMask);
    if (offset >= span) break;
    const uint64_t slot = (tick_ + offset) & kSlotMask;
    slots_[slot].for_each([&](Deadline* deadline) {
      if (deadline->tick > last) return;  // of a later revolution
      deadline->node.unlink();
      if (deadline->due == Deadline::kPaused) return;
      (tick_of(deadline->due) > last ? later : due).push_back(deadline);
    });
    if (slots_[slot].empty()) occupied_[slot / 64] &= ~bit_of(slot);
  }
  tick_ = last + 1;
  look_ = kUnknown;
  while (Deadline* deadline = later.pop_front()) put(deadline, tick_of(deadline->due));
  // A callback may disarm what is still in `due`: unlinking needs no list.
  while (Deadline* deadline = due.pop_front()) {
    --armed_;
    deadline->on_due(deadline->owner);
  }
}

Millis DeadlineWheel::next_due() {
  if (armed_ == 0) return std::numeric_limits<Millis>::max();
  if (look_ == kUnknown) {
    const uint64_t distance = distance_to_occupied(occupied_, tick_ & kSlotMask);
    WEIR_DCHECK(distance < kSlots);
    look_ = tick_ + distance;
  }
  return look_ * kTickMs;
}

}  // namespace weir
