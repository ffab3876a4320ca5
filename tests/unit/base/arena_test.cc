#include "base/arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace weir {
namespace {

TEST(Arena, AlignsAndNeverOverlaps) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  Arena arena;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::pair<char*, size_t>> blocks;
    for (int i = 0; i < 200; ++i) {
      const size_t size = random() % (i % 50 == 0 ? 100000 : 300);
      char* at = arena.allocate(size);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(at) % 16, 0U);
      if (size != 0) std::memset(at, i, size);
      blocks.emplace_back(at, size);
    }
    for (size_t i = 0; i < blocks.size(); ++i) {
      const std::string expected(blocks[i].second, static_cast<char>(i));
      EXPECT_EQ(std::string_view(blocks[i].first, blocks[i].second), expected);
    }
    arena.reset();
  }
}

TEST(Arena, CopiesText) {
  Arena arena;
  std::string text = "some text";
  const std::string_view copy = arena.copy(text);
  text.assign(text.size(), 'x');
  EXPECT_EQ(copy, "some text");
  EXPECT_TRUE(arena.copy("").empty());
}

TEST(Arena, MakeGivesAFreshValue) {
  struct Plain {
    int a = 7;
    uint64_t b = 0;
  };
  Arena arena;
  std::memset(arena.allocate(512), 0xFF, 512);
  arena.reset();
  EXPECT_EQ(arena.make<Plain>()->a, 7);
  EXPECT_EQ(arena.make<Plain>()->b, 0U);
}

TEST(Arena, TrimGivesTheRestBack) {
  Arena arena;
  char* first = arena.allocate(1000);
  arena.trim(first + 20);
  EXPECT_EQ(arena.allocate(16), first + 32);
}

TEST(Arena, ResetKeepsOneOrdinaryBlockAndReleaseNone) {
  Arena arena;
  char* first = arena.allocate(10);
  const size_t held = arena.held_bytes();
  EXPECT_GT(held, 0U);
  for (int i = 0; i < 100; ++i) EXPECT_NE(arena.allocate(1000), nullptr);
  EXPECT_GT(arena.held_bytes(), held);
  arena.reset();
  EXPECT_EQ(arena.held_bytes(), held);
  EXPECT_EQ(arena.allocate(10), first);
  arena.release();
  EXPECT_EQ(arena.held_bytes(), 0U);
  EXPECT_NE(arena.allocate(10), nullptr);
}

TEST(Arena, ReturnsToTheMemoryOfItsOwner) {
  alignas(16) char own[256];
  Arena arena(own, sizeof own);
  EXPECT_EQ(arena.allocate(200), own);
  EXPECT_EQ(arena.held_bytes(), 0U);
  for (int i = 0; i < 10; ++i) {
    char* other = arena.allocate(1000);
    EXPECT_TRUE(other + 1000 <= own || other >= own + sizeof own);
    std::memset(other, 0xFF, 1000);
  }
  EXPECT_GT(arena.held_bytes(), 0U);
  arena.reset();
  EXPECT_EQ(arena.held_bytes(), 0U);
  EXPECT_EQ(arena.allocate(256), own);
  EXPECT_NE(arena.allocate(1), nullptr);
  arena.release();
  EXPECT_EQ(arena.allocate(1), own);
  arena.reset();
  EXPECT_EQ(arena.allocate(1), own);
}

TEST(Arena, ResetDoesNotKeepAHugeFirstBlock) {
  Arena arena;
  EXPECT_NE(arena.allocate(1 << 20), nullptr);
  arena.reset();
  EXPECT_EQ(arena.held_bytes(), 0U);
}

}  // namespace
}  // namespace weir
