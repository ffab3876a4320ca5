#include "json/text.h"

#include <gtest/gtest.h>

#include "json_cases.h"

namespace weir {
namespace {

std::string unescape(std::string_view raw, LoneSurrogate lone) {
  std::string to(raw.size(), '\0');
  const Unescaped result = unescape_json(raw, lone, to.data());
  if (!result.ok) return "refused";
  to.resize(result.size);
  return to;
}

TEST(Utf8, AcceptsTheFirstAndLastSequenceOfEachLength) {
  for (const std::string_view text : {"\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
                                      "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
                                      "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(utf8_sequence_size(text), text.size());
    EXPECT_EQ(utf8_sequence_size(text.substr(0, text.size() - 1)), 0U);
  }
}

TEST(Utf8, RefusesOverlongFormsSurrogatesAndStrayBytes) {
  for (const std::string_view text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF", "\xC3(",
        "\xE2\x28\xA1", "\xE2\x82("}) {
    EXPECT_EQ(utf8_sequence_size(text), 0U);
  }
}

TEST(Utf8, FindsTheFirstBadByte) {
  EXPECT_EQ(utf8_error_offset("plain text, long enough for words"), 33U);
  EXPECT_EQ(utf8_error_offset("12345678ü\xFFx"), 10U);
  EXPECT_EQ(utf8_error_offset("ü\xC3"), 2U);
  EXPECT_EQ(utf8_error_offset(""), 0U);
}

TEST(Escape, KnowsExactlyTheNineForms) {
  for (int c = 0; c < 256; ++c) {
    const char text[] = {'\\', static_cast<char>(c), 'x', 'x', 'x', 'x'};
    const bool known = c != 0 && std::strchr("\"\\/bfnrt", c) != nullptr;
    EXPECT_EQ(escape_size({text, sizeof(text)}), known ? 2U : 0U) << c;
  }
  EXPECT_EQ(escape_size("\\u00fF"), 6U);
  EXPECT_EQ(escape_size("\\u00f"), 0U);
  EXPECT_EQ(escape_size("\\u00g0"), 0U);
  EXPECT_EQ(escape_size("\\"), 0U);
}

TEST(Unescape, WritesWhatTheEscapesStandFor) {
  EXPECT_EQ(unescape("plain", LoneSurrogate::kRefuse), "plain");
  EXPECT_EQ(unescape("\\u006dodel", LoneSurrogate::kRefuse), "model");
  EXPECT_EQ(unescape("\\b\\f\\n\\r\\t\\/\\\\\\\"", LoneSurrogate::kRefuse), "\b\f\n\r\t/\\\"");
  EXPECT_EQ(unescape("\\u00fc\\u6f22\\ud83d\\ude00", LoneSurrogate::kRefuse), "ü漢😀");
  EXPECT_EQ(unescape("a\\x", LoneSurrogate::kReplace), "refused");
  EXPECT_EQ(unescape("\\u12", LoneSurrogate::kReplace), "refused");
}

TEST(Unescape, TreatsLoneSurrogatesAsAsked) {
  for (const std::string_view raw : {"\\ud800", "\\udc00"}) {
    EXPECT_EQ(unescape(raw, LoneSurrogate::kReplace), "\uFFFD");
    EXPECT_EQ(unescape(raw, LoneSurrogate::kRefuse), "refused");
  }
  EXPECT_NE(unescape("\\ud800", LoneSurrogate::kKeep), unescape("\\ud801", LoneSurrogate::kKeep));
  EXPECT_EQ(unescape("\\ud800\\ud83d\\ude00", LoneSurrogate::kReplace), "\uFFFD😀");
  EXPECT_EQ(unescape("\\ud800x\\udc00", LoneSurrogate::kReplace), "\uFFFDx\uFFFD");
}

TEST(Unescape, SizeAgreesWithTheText) {
  const uint64_t seed = testing::test_seed();
  SCOPED_TRACE(seed);
  testing::RandomJson random(seed);
  for (int i = 0; i < 2000; ++i) {
    const std::string token = random.string();
    const std::string_view raw = std::string_view(token).substr(1, token.size() - 2);
    EXPECT_EQ(unescaped_size(raw), unescape(raw, LoneSurrogate::kKeep).size()) << token;
  }
}

}  // namespace
}  // namespace weir
