#include "route/pins.h"

namespace weir {

PinTable::~PinTable() {
  // relaxed: whoever destroys the table has joined its writer.
  for (auto& chunk : chunks_) delete[] chunk.load(std::memory_order_relaxed);
}

void PinTable::reserve(uint32_t slots) {
  WEIR_CHECK(slots <= kChunk * kChunks);
  for (uint32_t i = 0; i * kChunk < slots; ++i) {
    // relaxed: this thread is the only one that ever writes the pointers.
    if (chunks_[i].load(std::memory_order_relaxed) != nullptr) continue;
    // release pairs with the acquire in cell(): the zeros are seen before the pointer.
    chunks_[i].store(new std::atomic<uint32_t>[kChunk](), std::memory_order_release);
  }
}

}  // namespace weir
