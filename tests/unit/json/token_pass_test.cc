#include "json/token_pass.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "json/index.h"
#include "json_cases.h"

namespace weir {
namespace {

using testing::Padded;
using testing::RandomJson;

std::vector<VectorLevel> levels() {
  std::vector<VectorLevel> result;
  for (const VectorLevel level : {VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level <= vector_level()) result.push_back(level);
  }
  return result;
}

// The tokens that a pass finds in a text without any padding; empty where it gives up.
std::vector<uint32_t> found(std::string_view text, VectorLevel level, bool escapes) {
  const std::unique_ptr<char[]> exact(new char[text.size()]);
  std::copy(text.begin(), text.end(), exact.get());
  std::vector<uint32_t> positions(text.size() + 63);
  const uint32_t* end = token_pass({exact.get(), text.size()}, level, escapes, positions.data());
  if (end == nullptr) return {};
  positions.resize(static_cast<size_t>(end - positions.data()));
  return positions;
}

// What the exact way finds, which a pass must find too.
std::vector<uint32_t> expected(std::string_view text, bool escapes) {
  static JsonIndex index(VectorLevel::kNone);
  const Padded padded(text);
  if (index.build(padded.view(), {.escapes = escapes}) != JsonIndex::Status::kOk) return {};
  return {index.positions(), index.positions() + index.count()};
}

void expect_same(const std::string& text) {
  for (const bool escapes : {true, false}) {
    const auto tokens = expected(text, escapes);
    for (const VectorLevel level : levels()) {
      EXPECT_EQ(found(text, level, escapes), tokens)
          << "level " << static_cast<int>(level) << " escapes " << escapes << " " << text;
    }
  }
}

// A string and what follows it at every place of a few blocks, so that each boundary is crossed.
TEST(TokenPass, FindsTokensAtEveryOffset) {
  const std::string_view texts[] = {
      "", "\"", "\",1", "\"x", "\\", "\\\"", "\\\"\"", "\\\\\"", "\\\\\\\"\":[{}, 12e5 ]",
      "\\n\\r\\t\\b\\f\\/\\\\\\\" \\u12aF\", true ,null\n", "\\x\"", "\\u12G4\"", "\\u123", "\n\"",
      "\x1F\"", "\",\x01", "\x7F\"", "\xC3\xBC\" : \"\xE6\xBC\xA2\"", "\xC3\"", "\xED\xA0\x80\"",
      "\",\xC3\xBC", "\"\\n", "\"\\\"\"", "\" \\ \"", "\"  \r\n\t 5"};
  for (size_t at = 0; at < 140; ++at) {
    for (const std::string_view text : texts) {
      expect_same("\"" + std::string(at, 'a') + std::string(text));
      expect_same(std::string(at, ' ') + "\"" + std::string(text));
      expect_same("[\"" + std::string(at, ',') + std::string(text) + std::string(70, ']'));
    }
  }
}

TEST(TokenPass, CountsRunsOfBackslashes) {
  for (size_t run = 1; run < 200; ++run) {
    const std::string text = "\"a" + std::string(run, '\\');
    expect_same(text + "\"");
    expect_same(text + "\"\"");
    expect_same(text + "n\",\"b\"");
  }
}

// Stretches of wide characters with much and little plain text between; one of them may be broken,
// at any place of its blocks.
TEST(TokenPass, ChecksEveryStretchOfWideCharacters) {
  constexpr size_t kStretches = 4;
  for (const size_t gap : {size_t{0}, size_t{70}, size_t{500}, size_t{700}}) {
    for (size_t place = 0; place < 64; ++place) {
      for (size_t broken = 0; broken <= kStretches; ++broken) {
        std::string text = "\"" + std::string(place, 'x');
        for (size_t i = 0; i < kStretches; ++i) {
          text += i == broken ? "\xE6\xBC" : "\xE6\xBC\xA2\xC3\xBC";
          text += std::string(gap, 'y');
        }
        text += '"';
        const auto tokens = expected(text, true);
        EXPECT_EQ(tokens.empty(), broken != kStretches);
        for (const VectorLevel level : levels()) EXPECT_EQ(found(text, level, true), tokens);
      }
    }
  }
}

// Blocks of as many tokens as there can be.
TEST(TokenPass, FindsTokensHoweverManyThereAre) {
  for (size_t count = 1; count < 200; ++count) {
    expect_same(std::string(count, '['));
    expect_same(std::string(count, '1'));
    expect_same(std::string(count, ' '));
    std::string numbers;
    for (size_t i = 0; i < count; ++i) numbers += i % 7 == 0 ? "1 " : "2,";
    expect_same(numbers);
  }
}

TEST(TokenPass, FindsTheSameInRandomTexts) {
  const uint64_t seed = testing::test_seed();
  SCOPED_TRACE(seed);
  RandomJson random(seed);
  size_t good = 0;
  for (int i = 0; i < 1500; ++i) {
    std::string text = random.value(0) + random.space() + random.value(3);
    if (i % 2 == 0) text = random.mutate(text);
    if (text.empty()) continue;
    expect_same(text);
    good += expected(text, true).empty() ? 0 : 1;
  }
  EXPECT_GT(good, 0U);
}

}  // namespace
}  // namespace weir
