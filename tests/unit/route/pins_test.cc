#include "route/pins.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace weir {
namespace {

TEST(PinTable, CountsUpAndDownPerSlot) {
  PinTable pins;
  pins.reserve(3);
  pins.pin(0);
  pins.pin(2);
  pins.pin(2);
  EXPECT_EQ(pins.count(0), 1u);
  EXPECT_EQ(pins.count(1), 0u);
  EXPECT_EQ(pins.count(2), 2u);
  pins.unpin(2);
  EXPECT_EQ(pins.count(2), 1u);
}

TEST(PinTable, ReservingMoreKeepsTheCounts) {
  PinTable pins;
  pins.reserve(1);
  pins.pin(0);
  pins.reserve(5000);
  pins.pin(4999);
  pins.reserve(10);
  EXPECT_EQ(pins.count(0), 1u);
  EXPECT_EQ(pins.count(4999), 1u);
  EXPECT_EQ(pins.count(1024), 0u);
}

// Goal: once count() is 0 the control thread may free the record.
// Method: the worker reads records only while it has them pinned; the control thread frees each at
// its first 0. A wrong memory order is a report of TSan, an early free one of ASan.
TEST(PinTable, ARecordIsFreedOnlyAfterItsLastUse) {
  constexpr uint32_t kRecords = 3000;
  PinTable pins;
  pins.reserve(1);
  std::vector<std::unique_ptr<uint64_t>> records(kRecords);
  std::atomic<uint32_t> published{0};
  std::atomic<uint32_t> pinned{0};
  uint64_t sum = 0;
  std::thread worker([&] {
    for (uint32_t slot = 0; slot < kRecords; ++slot) {
      while (published.load(std::memory_order_acquire) <= slot) std::this_thread::yield();
      pins.pin(slot);
      pins.pin(slot);
      pinned.store(slot + 1, std::memory_order_release);
      sum += *records[slot];
      pins.unpin(slot);
      sum += *records[slot];
      pins.unpin(slot);
    }
  });
  for (uint32_t slot = 0; slot < kRecords; ++slot) {
    records[slot] = std::make_unique<uint64_t>(slot);
    pins.reserve(slot + 1);
    published.store(slot + 1, std::memory_order_release);
    while (pinned.load(std::memory_order_acquire) <= slot) std::this_thread::yield();
    while (pins.count(slot) != 0) std::this_thread::yield();
    records[slot].reset();
  }
  worker.join();
  EXPECT_EQ(sum, uint64_t{kRecords} * (kRecords - 1));
}

}  // namespace
}  // namespace weir
