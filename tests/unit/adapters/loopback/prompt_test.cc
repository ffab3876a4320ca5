#include "adapters/loopback/prompt.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace weir {
namespace {

// One byte after the other.
int64_t counted(std::string_view text) {
  int64_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    words += static_cast<int64_t>(!blank && !inside);
    inside = !blank;
  }
  return words;
}

TEST(LoopbackWords, AreCountedTheSameAtEveryLength) {
  std::mt19937 random(5);
  constexpr std::string_view kBytes = "ab \n\t\r\xC3\x7F\v";
  for (size_t size = 0; size < 120; ++size) {
    for (int round = 0; round < 20; ++round) {
      std::string text;
      while (text.size() < size) text += kBytes[random() % kBytes.size()];
      ASSERT_EQ(words_count(text), counted(text)) << testing::PrintToString(text);
    }
  }
}

}  // namespace
}  // namespace weir
