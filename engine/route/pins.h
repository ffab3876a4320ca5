// Who still uses a record (Route, Principal) that newer snapshots no longer hold.
//
// Each worker has one PinTable and is its only writer; the control thread reads it to learn when a
// retired record can be freed. Records have a dense slot, unique while the record lives. A worker
// can pin only what its current snapshot holds, so once every worker runs a newer snapshot, the
// counts of a retired slot only fall.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/check.h"

namespace weir {

class PinTable {
 public:
  PinTable() = default;
  ~PinTable();
  PinTable(const PinTable&) = delete;
  PinTable& operator=(const PinTable&) = delete;

  // Control thread, before a snapshot with slots below `slots` is published.
  void reserve(uint32_t slots);

  void pin(uint32_t slot) { add(slot, 1); }
  void unpin(uint32_t slot) { add(slot, -1); }
  // Control thread. acquire pairs with the release in add(): after 0, no access follows.
  [[nodiscard]] uint32_t count(uint32_t slot) const {
    return cell(slot).load(std::memory_order_acquire);
  }

 private:
  static constexpr uint32_t kChunk = 1024;
  static constexpr uint32_t kChunks = 4096;
  void add(uint32_t slot, int delta) {
    std::atomic<uint32_t>& c = cell(slot);
    const uint32_t value = c.load(std::memory_order_relaxed);
    WEIR_DCHECK(delta > 0 || value > 0);
    c.store(value + static_cast<uint32_t>(delta), std::memory_order_release);
  }
  [[nodiscard]] std::atomic<uint32_t>& cell(uint32_t slot) const {
    // acquire pairs with the release in reserve().
    std::atomic<uint32_t>* chunk = chunks_[slot / kChunk].load(std::memory_order_acquire);
    WEIR_DCHECK(chunk != nullptr);
    return chunk[slot % kChunk];
  }
  std::array<std::atomic<std::atomic<uint32_t>*>, kChunks> chunks_{};
};

}  // namespace weir
