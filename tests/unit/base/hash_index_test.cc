// Goal: the index finds what is in it and nothing else, whatever comes and goes. Method: random
// insertions and removals with few different hashes, beside a plain list.
#include "base/hash_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>

namespace weir {

namespace {

TEST(HashIndex, AnEmptyOneFindsNothing) {
  HashIndex index;
  EXPECT_EQ(index.find(7, [](uint32_t) { return true; }), HashIndex::kNone);
  index.reserve(100);
  EXPECT_EQ(index.find(7, [](uint32_t) { return true; }), HashIndex::kNone);
}

TEST(HashIndex, FindsWhatIsInIt) {
  std::mt19937_64 random(20'261'128);
  HashIndex index;
  std::vector<std::pair<uint64_t, uint32_t>> there;  // hash and number
  uint32_t next = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (there.empty() || random() % 5 < 3) {
      // Neighbours, equal hashes, and hashes that differ above the mask.
      const uint64_t hash = random() % 40 + (random() % 3 << 50);
      index.insert(hash, next);
      there.emplace_back(hash, next++);
    } else {
      const size_t at = random() % there.size();
      index.erase(there[at].first, there[at].second);
      there.erase(there.begin() + static_cast<ptrdiff_t>(at));
    }
    if (there.size() > 200) {
      for (size_t i = 0; i < 150; ++i) index.erase(there[i].first, there[i].second);
      there.erase(there.begin(), there.begin() + 150);
    }
    ASSERT_EQ(index.size(), there.size());
    if (step % 50 != 0) continue;
    for (const auto& [hash, number] : there) {
      ASSERT_EQ(index.find(hash, [n = number](uint32_t other) { return other == n; }), number);
      ASSERT_EQ(index.find(hash + (uint64_t{7} << 50), [](uint32_t) { return true; }),
                HashIndex::kNone);
    }
  }
}

TEST(HashIndex, TextsHashByTheirEndsAndOrder) {
  EXPECT_EQ(texts_hash({"a", "b"}), texts_hash({"a", "b"}));
  EXPECT_NE(texts_hash({"a", "b"}), texts_hash({"b", "a"}));
  EXPECT_NE(texts_hash({"ab", ""}), texts_hash({"a", "b"}));
}

}  // namespace

}  // namespace weir
