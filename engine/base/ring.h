// A bounded queue from one thread to one other. push() never blocks: when the ring is full the item
// is not taken, and dropped() counts it. Producer calls: push, size, dropped. Consumer: pop.
// Invariants: 1. tail_ - head_ <= capacity. 2. the producer writes tail_, the consumer head_.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/check.h"

namespace weir {

template <typename T>
class Ring {
 public:
  // `capacity` is a power of two.
  explicit Ring(size_t capacity) : mask_(capacity - 1), items_(new T[capacity]) {
    WEIR_CHECK(capacity != 0 && (capacity & mask_) == 0);
  }

  // The slot to fill, or null when full (counted); publish() makes it visible to the consumer.
  [[nodiscard]] T* reserve() {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    // acquire pairs with the consumer's release in pop(): the slot is no longer being read.
    if (tail - head_seen_ > mask_) head_seen_ = head_.load(std::memory_order_acquire);
    if (tail - head_seen_ > mask_) {
      dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return nullptr;
    }
    return &items_[tail & mask_];
  }
  void publish() {
    // release pairs with the acquire in pop().
    tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  // Calls `use(T&)` on every item that is there; returns how many.
  template <typename Use>
  size_t drain(Use use) {
    uint64_t head = head_.load(std::memory_order_relaxed);
    const uint64_t tail = tail_.load(std::memory_order_acquire);
    const size_t count = static_cast<size_t>(tail - head);
    for (; head != tail; ++head) {
      use(items_[head & mask_]);
      head_.store(head + 1, std::memory_order_release);
    }
    return count;
  }
  // Producer side; an upper bound of what waits.
  [[nodiscard]] size_t size() const {
    return static_cast<size_t>(tail_.load(std::memory_order_relaxed) -
                               head_.load(std::memory_order_acquire));
  }
  [[nodiscard]] size_t capacity() const { return mask_ + 1; }
  [[nodiscard]] uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  const size_t mask_;
  std::unique_ptr<T[]> items_;
  alignas(64) std::atomic<uint64_t> tail_{0};
  uint64_t head_seen_ = 0;
  std::atomic<uint64_t> dropped_{0};
  alignas(64) std::atomic<uint64_t> head_{0};
};

}  // namespace weir
