// How many requests each target has under way, on all cores: what least_connections compares.
//
// Each core writes its own numbers, with plain stores to memory of its own; who asks for a sum
// reads everybody's. Only routes that balance by it ask, so for all others no cache line moves
// between cores. A sum is what the numbers were within the moment of reading them: two cores that
// choose at the same time may both choose the same target.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "route/pins.h"

namespace weir {

class InflightBoard {
 public:
  explicit InflightBoard(uint32_t cores)
      : cores_(cores), counts_(std::make_unique<PinTable[]>(cores)) {}

  // Control thread, before a snapshot with target slots below `slots` is published.
  void reserve(uint32_t slots) {
    for (uint32_t core = 0; core < cores_; ++core) counts_[core].reserve(slots);
  }
  // By the core itself.
  void begin(uint32_t core, uint32_t slot) { counts_[core].pin(slot); }
  void end(uint32_t core, uint32_t slot) { counts_[core].unpin(slot); }
  [[nodiscard]] uint64_t total(uint32_t slot) const {
    uint64_t sum = 0;
    for (uint32_t core = 0; core < cores_; ++core) sum += counts_[core].count(slot);
    return sum;
  }

 private:
  uint32_t cores_;
  std::unique_ptr<PinTable[]> counts_;  // a PinTable counts for one writer, whatever it counts
};

// What one core sees: everybody's, or its own when it shares no board (it may only decide).
struct InflightView {
  const std::vector<uint32_t>& own;  // by Target::slot
  const InflightBoard* board = nullptr;
  [[nodiscard]] uint64_t of(uint32_t slot) const {
    return board != nullptr ? board->total(slot) : own[slot];
  }
};

}  // namespace weir
