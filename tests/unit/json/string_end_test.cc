#include "json/string_end.h"

#include <gtest/gtest.h>

#include <vector>

#include "json/text.h"
#include "json_cases.h"

namespace weir {
namespace {

using testing::Padded;

// Byte by byte: the offset of the closing quote, or npos.
size_t expected(std::string_view text, bool* escaped) {
  *escaped = false;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '"') return at;
    if (static_cast<uint8_t>(text[at]) < 0x20) break;
    const bool slash = text[at] == '\\';
    *escaped |= slash;
    const size_t size = slash ? escape_size(text.substr(at)) : utf8_sequence_size(text.substr(at));
    if (size == 0) break;
    at += size;
  }
  return std::string_view::npos;
}

void expect_same(std::string_view text) {
  bool escaped = false;
  const size_t quote = expected(text, &escaped);
  for (const char filler : {'"', '\\', 'u', '\x80'}) {
    const Padded padded(text, filler);
    const char* const begin = padded.view().data();
    const char* const end = begin + text.size();
    const auto check = [&](StringEnd found, int level) {
      const bool good = quote != std::string_view::npos;
      EXPECT_EQ(found.quote, good ? begin + quote : nullptr) << level << " " << text;
      EXPECT_EQ(good && found.escaped, good && escaped) << level << " " << text;
    };
    check(string_end(begin, end), -1);
    for (const VectorLevel level :
         {VectorLevel::kNone, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
      if (level > vector_level()) continue;
      check(long_string_end(begin, end, level), static_cast<int>(level));
    }
  }
}

TEST(StringEnd, IsFoundAtEveryOffset) {
  constexpr std::string_view kTexts[] = {
      "", "\"", "\"\"", "\",1", "\\", "\\\"", "\\\"\"", "\\\\\"", "\\\\\\\"\"",
      "\\n\\r\\t\\b\\f\\/\"",
      "\\u12aF\"", "\\u12G4\"", "\\u123", "\\u123\"", "\\x\"", "\\\n\"", "\n\"", "\x1F\"", "\x7F\"",
      "\"\n", "\"\xC3", "\"\\x", "\xC3\xBC\"", "\xE6\xBC\xA2\xF0\x9F\x98\x80\"", "\xC3\"",
      "\xED\xA0\x80\"", "\xC3\\\xBC\"", "\xBC\"", "\\\xC3\xBC\"", "\xC3\xBC text \xC3\""};
  for (size_t before = 0; before < 140; ++before) {
    for (const std::string_view text : kTexts) {
      expect_same(std::string(before, 'a') + std::string(text));
      expect_same("\xC3\xBC\\n" + std::string(before, 'a') + std::string(text));
    }
  }
}

TEST(StringEnd, CountsRunsOfBackslashes) {
  for (size_t run = 1; run < 200; ++run) {
    expect_same("a" + std::string(run, '\\') + "\"");
    expect_same("a" + std::string(run, '\\') + "\"\"");
    expect_same("a" + std::string(run, '\\') + "n\"");
  }
}

TEST(StringEnd, AgreesWithASlowReaderOnRandomStrings) {
  const uint64_t seed = testing::test_seed();
  SCOPED_TRACE("WEIR_TEST_SEED=" + std::to_string(seed));
  testing::RandomJson random(seed);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t left = random.below(20); left > 0; --left) {
      const std::string piece = random.string();
      text += piece.substr(1, piece.size() - 2);
    }
    text += '"';
    if (round % 2 == 0) text = random.mutate(text);
    expect_same(text);
  }
}

}  // namespace
}  // namespace weir
