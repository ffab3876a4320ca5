#include "json/json_write.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "json_cases.h"

namespace weir {
namespace {

std::string quote(std::string_view text) {
  std::string out;
  json_append_string(&out, text);
  return out;
}

TEST(JsonString, EscapesWhatMustBeEscapedAndNothingElse) {
  EXPECT_EQ(quote(""), "\"\"");
  EXPECT_EQ(quote("a/b ü漢😀\x7F"), "\"a/b ü漢😀\x7F\"");
  EXPECT_EQ(quote("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
  EXPECT_EQ(quote(std::string_view("\0\x1F", 2)), "\"\\u0000\\u001f\"");
}

TEST(JsonString, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(quote("a\xFF\xC3z"), "\"a\uFFFD\uFFFDz\"");
  EXPECT_EQ(quote("\xED\xA0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");
  EXPECT_EQ(quote("\xF0\x9F\x98"), "\"\uFFFD\uFFFD\uFFFD\"");
}

// Any bytes at all become a valid JSON string, the same in the arena, and valid text comes back.
TEST(JsonString, IsAlwaysValidAndComesBack) {
  const uint64_t seed = testing::test_seed();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  Arena arena;
  for (int i = 0; i < 3000; ++i) {
    std::string text(random() % 40, '\0');
    const bool ascii = i % 2 == 0;
    for (char& c : text) c = static_cast<char>(random() % (ascii ? 128 : 256));
    const std::string token = quote(text);
    EXPECT_TRUE(testing::reference_valid(token)) << token;
    EXPECT_EQ(json_quote(text, arena), token);
    if (ascii) {
      EXPECT_EQ(json_unquote(token, arena), text);
    }
    arena.reset();
  }
}

TEST(JsonString, UnquoteReplacesLoneSurrogates) {
  Arena arena;
  EXPECT_EQ(json_unquote("\"a\\ud800b\"", arena), "a\uFFFDb");
  EXPECT_EQ(json_unquote("\"\"", arena), "");
}

TEST(Number, IsWrittenInDecimal) {
  const auto text = [](int64_t value) {
    std::string out = "x";
    append_number(&out, value);
    return out.substr(1);
  };
  EXPECT_EQ(text(0), "0");
  EXPECT_EQ(text(-1), "-1");
  EXPECT_EQ(text(INT64_MAX), "9223372036854775807");
  EXPECT_EQ(text(INT64_MIN), "-9223372036854775808");
  char digits[20];
  EXPECT_EQ(std::string_view(digits, write_number(digits, UINT64_MAX)), "18446744073709551615");
}

}  // namespace
}  // namespace weir
