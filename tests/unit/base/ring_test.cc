#include "base/ring.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace weir {
namespace {

bool push(Ring<std::string>& ring, const std::string& text) {
  std::string* slot = ring.reserve();
  if (slot == nullptr) return false;
  *slot = text;
  ring.publish();
  return true;
}

TEST(Ring, IsFirstInFirstOut) {
  Ring<std::string> ring(4);
  EXPECT_EQ(ring.capacity(), 4U);
  EXPECT_TRUE(push(ring, "a"));
  EXPECT_TRUE(push(ring, "b"));
  EXPECT_EQ(ring.size(), 2U);
  std::string all;
  EXPECT_EQ(ring.drain([&](std::string& text) { all += text; }), 2U);
  EXPECT_EQ(all, "ab");
  EXPECT_EQ(ring.size(), 0U);
  EXPECT_EQ(ring.drain([&](std::string&) { all += "more"; }), 0U);
}

TEST(Ring, AFullRingDropsAndCounts) {
  Ring<std::string> ring(2);
  for (int round = 0; round < 10; ++round) {
    EXPECT_TRUE(push(ring, "a"));
    EXPECT_TRUE(push(ring, "b"));
    EXPECT_FALSE(push(ring, "c"));
    EXPECT_EQ(ring.drain([](std::string&) {}), 2U);
  }
  EXPECT_EQ(ring.dropped(), 10U);
}

TEST(Ring, ASlotThatIsNotPublishedIsNotSeen) {
  Ring<std::string> ring(2);
  ASSERT_NE(ring.reserve(), nullptr);
  EXPECT_EQ(ring.drain([](std::string&) {}), 0U);
}

// The order holds over the ends of blocks, and a queue that is drained uses its memory again.
TEST(Ring, GoesRoundInFewBlocks) {
  Ring<std::string> ring(1024);
  std::set<const std::string*> places;
  int sent = 0;
  int received = 0;
  for (int round = 0; round < 400; ++round) {
    for (int i = 0; i < 1 + round % 60; ++i) {
      std::string* slot = ring.reserve();
      ASSERT_NE(slot, nullptr);
      places.insert(slot);
      *slot = std::to_string(sent++);
      ring.publish();
    }
    ring.drain([&](std::string& text) { EXPECT_EQ(text, std::to_string(received++)); });
  }
  EXPECT_EQ(received, sent);
  EXPECT_EQ(ring.published(), static_cast<uint64_t>(sent));
  EXPECT_LE(places.size(), 3U * 64);
}

TEST(Ring, GrowsToItsCapacityAndNoFurther) {
  Ring<std::string> ring(256);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 256; ++i) ASSERT_TRUE(push(ring, std::to_string(i)));
    EXPECT_FALSE(push(ring, "too many"));
    int next = 0;
    ring.drain([&](std::string& text) { EXPECT_EQ(text, std::to_string(next++)); });
    EXPECT_EQ(next, 256);
  }
  EXPECT_EQ(ring.dropped(), 3U);
}

// What one thread pushes the other gets once and in order, and dropped() accounts for the rest.
TEST(Ring, HandsOverBetweenThreads) {
  constexpr uint64_t kCount = 50000;
  struct Item {
    uint64_t number = 0;
    uint64_t check = 0;
  };
  Ring<Item> ring(256);
  std::atomic<bool> done{false};
  std::thread producer([&] {
    for (uint64_t i = 1; i <= kCount; ++i) {
      Item* slot = ring.reserve();
      if (slot == nullptr) {
        std::this_thread::yield();
        continue;
      }
      *slot = {i, ~i};
      ring.publish();
    }
    // release pairs with the acquire below: after it, one more drain sees everything.
    done.store(true, std::memory_order_release);
  });
  uint64_t last = 0;
  uint64_t received = 0;
  const auto use = [&](Item& item) {
    EXPECT_GT(item.number, last);
    EXPECT_EQ(item.check, ~item.number);
    last = item.number;
    ++received;
  };
  bool finished = false;
  while (!finished) {
    finished = done.load(std::memory_order_acquire);
    if (ring.drain(use) == 0) std::this_thread::yield();
  }
  producer.join();
  EXPECT_EQ(received + ring.dropped(), kCount);
  EXPECT_GT(received, 0U);
}

}  // namespace
}  // namespace weir
