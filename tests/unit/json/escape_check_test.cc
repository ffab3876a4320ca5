#include "json/escape_check.h"

#include <gtest/gtest.h>

#include <vector>

#include "json_cases.h"

namespace weir {
namespace {

using testing::Padded;

std::vector<VectorLevel> levels() {
  std::vector<VectorLevel> result;
  for (const VectorLevel level : {VectorLevel::kNone, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level <= vector_level()) result.push_back(level);
  }
  return result;
}

void expect_bad_at(const std::string& text, size_t offset) {
  for (const char filler : {'n', '\\', '"', '0'}) {
    const Padded padded(text, filler);
    for (const VectorLevel level : levels()) {
      EXPECT_EQ(find_bad_escape(padded.view(), level), offset)
          << static_cast<int>(level) << " " << text;
    }
  }
}

// An escape at every place of a few blocks, so that each boundary is crossed.
TEST(BadEscape, IsFoundAtEveryOffset) {
  for (size_t at = 0; at < 200; ++at) {
    const std::string before(at, 'a');
    expect_bad_at(before + "\\x" + std::string(70, 'n'), at);
    expect_bad_at(before + "\\u12G4" + std::string(70, '0'), at);
    expect_bad_at(before + "\\\\\\x", at + 2);
    expect_bad_at(before + "\\", at);
    expect_bad_at(before + "\\u123", at);
    expect_bad_at(before + "\\n\\\"\\u12aF\\\\x" + std::string(at % 7, 'z'), at + 13 + at % 7);
  }
}

TEST(BadEscape, CountsRunsOfAnyLength) {
  for (size_t run = 1; run < 300; ++run) {
    const std::string text = "a" + std::string(run, '\\') + "x";
    expect_bad_at(text, run % 2 == 0 ? text.size() : run);
  }
  expect_bad_at("", 0);
}

// So many in a block that they are sorted out at once, with one longer escape or fault among them.
TEST(BadEscape, IsFoundAmongManyGoodOnes) {
  for (size_t at = 0; at < 130; ++at) {
    std::string text(at % 2, 'a');
    for (size_t i = 0; i < 130; ++i) text += i == at ? "\\u00eG" : "\\n";
    expect_bad_at(text, at % 2 + 2 * at);
    text.replace(at % 2 + 2 * at, 6, "\\u00eF");
    expect_bad_at(text, text.size());
    text.replace(at % 2 + 2 * at, 6, "\\\\\\\\\\N");
    expect_bad_at(text, at % 2 + 2 * at + 4);
  }
}

TEST(BadEscape, AllLevelsAgreeOnRandomText) {
  const uint64_t seed = testing::test_seed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const std::string_view letters = "\\\\\\\\nu0aF\"x\xC3/";
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % 150, 'a');
    // Few letters in much plain text, so that the fault is not always near the beginning.
    for (char& c : text) {
      if (random() % 8 == 0) c = letters[random() % letters.size()];
    }
    const Padded padded(text, letters[random() % letters.size()]);
    const size_t expected = find_bad_escape(padded.view(), VectorLevel::kNone);
    for (const VectorLevel level : levels()) {
      ASSERT_EQ(find_bad_escape(padded.view(), level), expected) << text;
    }
  }
}

TEST(Depth, DenseBracketsAreCountedOutsideStringsOnly) {
  const std::string open(600, '[');
  EXPECT_FALSE(depth_plausible(open, 512));
  EXPECT_TRUE(depth_plausible(std::string(512, '[') + std::string(512, ']'), 512));
  EXPECT_TRUE(depth_plausible("[\"" + open + "\"]", 512));
  EXPECT_TRUE(depth_plausible("[\"\\\"" + open + "\\\\\",[]]", 512));
  EXPECT_FALSE(depth_plausible("[\"\\\\\"," + open, 512));
  EXPECT_FALSE(depth_plausible("[\"\\\"\"," + open, 512));
  std::string pairs;
  for (int i = 0; i < 2000; ++i) pairs += "[],";
  EXPECT_TRUE(depth_plausible(pairs, 512));
  EXPECT_TRUE(depth_plausible("\"" + open, 512));
}

TEST(Depth, SparseBracketsAreNotLookedAt) {
  EXPECT_TRUE(depth_plausible(std::string(600, '[') + std::string(600 * 40, ' '), 512));
}

}  // namespace
}  // namespace weir
