// A bounded queue from one thread to one other. reserve() never blocks: when the ring is full there
// is no slot, and dropped() counts it. Producer calls: reserve, publish, published, size, dropped.
// Consumer: drain.
//
// The items lie in blocks that are made when they are needed and used again the moment the consumer
// has left them, the last one first: a queue that is drained often stays in a few blocks, which the
// caches hold, however large it may become at other times.
// Invariants: 1. pushed_ - popped_ <= capacity. 2. a block is the producer's, then in the chain,
// then back in `free_`; the consumer gives one back when it has read all of it and knows the next.
#pragma once

#include <algorithm>
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
  explicit Ring(size_t capacity)
      : capacity_(capacity), per_block_(std::min(capacity, kBlockItems)) {
    WEIR_CHECK(capacity != 0 && (capacity & (capacity - 1)) == 0);
    filling_ = reading_ = new Block(per_block_);
  }
  ~Ring() {
    destroy(reading_);
    destroy(spare_);
    destroy(free_.load(std::memory_order_acquire));
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // The slot to fill, or null when full (counted); publish() makes it visible to the consumer.
  [[nodiscard]] T* reserve() {
    const uint64_t pushed = pushed_.load(std::memory_order_relaxed);
    // acquire pairs with the consumer's release in drain(): the slots are no longer being read.
    if (pushed - popped_seen_ >= capacity_) popped_seen_ = popped_.load(std::memory_order_acquire);
    if (pushed - popped_seen_ >= capacity_) {
      dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      return nullptr;
    }
    if (filled_ == per_block_) begin_block();
    return &filling_->items[filled_];
  }
  void publish() {
    ++filled_;
    // release pairs with the acquire in drain().
    pushed_.store(pushed_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  // Calls `use(T&)` on every item that is there; returns how many.
  template <typename Use>
  size_t drain(Use use) {
    uint64_t popped = popped_.load(std::memory_order_relaxed);
    const uint64_t pushed = pushed_.load(std::memory_order_acquire);
    const size_t count = static_cast<size_t>(pushed - popped);
    while (popped != pushed) {
      // What was published behind this block was written behind its `next`.
      if (read_ == per_block_) leave_block();
      if (read_ + 1 < per_block_) fetch(&reading_->items[read_ + 1]);
      use(reading_->items[read_++]);
      popped_.store(++popped, std::memory_order_release);
    }
    return count;
  }
  // Producer side; an upper bound of what waits.
  [[nodiscard]] size_t size() const {
    return static_cast<size_t>(pushed_.load(std::memory_order_relaxed) -
                               popped_.load(std::memory_order_acquire));
  }
  // Producer side: all that were ever published.
  [[nodiscard]] uint64_t published() const { return pushed_.load(std::memory_order_relaxed); }
  [[nodiscard]] size_t capacity() const { return capacity_; }
  [[nodiscard]] uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kBlockItems = 64;

  struct Block {
    explicit Block(size_t count) : items(new T[count]) {}
    std::unique_ptr<T[]> items;
    Block* next = nullptr;  // in the chain, in `free_` or in `spare_`
  };

  // Another core has written it; it arrives while the item before is in use.
  static void fetch(const T* item) {
    constexpr size_t kLine = 64;
    const char* const bytes = reinterpret_cast<const char*>(item);
#pragma GCC unroll 8
    for (size_t at = 0; at < sizeof(T); at += kLine) __builtin_prefetch(bytes + at);
  }
  static void destroy(Block* block) {
    while (block != nullptr) {
      Block* next = block->next;
      delete block;
      block = next;
    }
  }
  // Producer. What the consumer has given back is taken whole, so nobody else pops from that stack.
  // acquire pairs with the release in leave_block().
  void begin_block() {
    if (spare_ == nullptr) spare_ = free_.exchange(nullptr, std::memory_order_acquire);
    Block* block = spare_;
    if (block != nullptr) {
      spare_ = block->next;
      block->next = nullptr;
    } else {
      block = new Block(per_block_);
    }
    // Seen by the consumer with the first item that is published in the new block.
    filling_->next = block;
    filling_ = block;
    filled_ = 0;
  }
  // Consumer.
  void leave_block() {
    Block* left = reading_;
    reading_ = left->next;
    read_ = 0;
    left->next = free_.load(std::memory_order_relaxed);
    // release pairs with the acquire in begin_block().
    while (!free_.compare_exchange_weak(left->next, left, std::memory_order_release,
                                        std::memory_order_relaxed)) {
    }
  }

  const size_t capacity_;
  const size_t per_block_;
  // The producer's.
  alignas(64) std::atomic<uint64_t> pushed_{0};
  uint64_t popped_seen_ = 0;
  std::atomic<uint64_t> dropped_{0};
  Block* filling_ = nullptr;
  size_t filled_ = 0;  // items of `filling_`
  Block* spare_ = nullptr;
  // The consumer's.
  alignas(64) std::atomic<uint64_t> popped_{0};
  Block* reading_ = nullptr;
  size_t read_ = 0;  // items of `reading_`
  // The way back.
  alignas(64) std::atomic<Block*> free_{nullptr};
};

}  // namespace weir
