#include "json/walk.h"

#include <gtest/gtest.h>

#include "json_cases.h"

namespace weir {
namespace {

using testing::Padded;
using testing::RandomJson;

// The whole text as one value.
bool walks(std::string_view text, char filler = '}', bool check_nested = true) {
  const Padded padded(text, filler);
  JsonIndex index;
  if (index.build(padded.view(), {}) != JsonIndex::Status::kOk) return false;
  JsonCursor cursor(padded.view(), index, 512, check_nested);
  return cursor.skip_value() && cursor.at_end();
}

TEST(Walk, AcceptsEveryKindOfValue) {
  for (const std::string_view text :
       {"{}", "[]", "\"\"", "0", "-0", "-1.5e+10", "1E2", "1e-2", "0.0", "true", "false", "null",
        " [ ] ", "[[],{}]", "{\"a\":{\"b\":[1,2,{}]}}", "[\"\\ud800\"]", "{\"a\":1,\"a\":2}",
        "123456789012345678901234567890", "1e999", "\t{\r\n\"\": \"\"}\n"}) {
    EXPECT_TRUE(walks(text)) << text;
    EXPECT_TRUE(testing::reference_valid(text)) << text;
  }
}

TEST(Walk, RefusesEverythingElse) {
  for (const std::string_view text :
       {"{", "}", "[", "]", "[}", "{]", "[1,]", "[,1]", "[1 2]", "[1,,2]", "{,}", "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{1:1}", "{\"a\":1 \"b\":2}", "[]]", "{}{}",
        "1 2", "01", "-", "-01", "+1", "1.", ".5", "1.e5", "1e", "1e+", "0x10", "1a", "1\"a\"",
        "true1", "tru", "truee", "nul", "falsey", "True", "NaN", "Infinity", "'a'", "\"a\"b",
        "\"a\"\"b\"", "[\"a\":1]", "{[]:1}", "[1\f]", "[\x1A]", "{\"a\":\\\"\"}", "true\\\"\"",
        "[\xEF\xBB\xBF]", "/* note */1", "[1]//", ":", ",", "\\"}) {
    for (const char filler : {'}', ']', '"', '0', ' ', ','}) {
      EXPECT_FALSE(walks(text, filler)) << text << filler;
    }
    EXPECT_FALSE(testing::reference_valid(text)) << text;
  }
}

// Goal: bytes behind the text never complete it. Method: every prefix with every tempting filler.
TEST(Walk, NeverReadsMeaningIntoThePadding) {
  const std::string text = "{\"a\":[true,{\"b\":\"c\"},-1.5],\"d\":{},\"e\":[]}";
  for (size_t size = 0; size < text.size(); ++size) {
    for (const char filler : {'}', ']', '"', '0', ':', ',', 'e', '{', '['}) {
      EXPECT_FALSE(walks(text.substr(0, size), filler)) << size << filler;
      EXPECT_FALSE(walks(text.substr(0, size), filler, false)) << size << filler;
    }
  }
  EXPECT_TRUE(walks(text));
  EXPECT_TRUE(walks("12", '3'));
  EXPECT_TRUE(walks("1", 'e'));
}

TEST(Walk, LimitsTheDepthExactly) {
  const auto nested = [](size_t depth) {
    std::string text(depth, '[');
    return text + std::string(depth, ']');
  };
  EXPECT_TRUE(walks(nested(512)));
  EXPECT_FALSE(walks(nested(513)));
  EXPECT_TRUE(walks(nested(512), '}', false));
  EXPECT_FALSE(walks(nested(513), '}', false));
  std::string objects;
  for (int i = 0; i < 511; ++i) objects += "{\"a\":[";
  EXPECT_FALSE(walks(objects));
}

TEST(Walk, UncheckedOnlyPairsBrackets) {
  EXPECT_TRUE(walks("[1 2 nonsense {]]", '}', false));
  EXPECT_FALSE(walks("[1", '}', false));
  EXPECT_FALSE(walks("nonsense", '}', false));
}

TEST(Walk, TellsExactRangesAndTheFault) {
  const Padded text("{ \"a\" : \"x\\\" y\"  , \"b\" :-1  }");
  JsonIndex index;
  ASSERT_EQ(index.build(text.view(), {}), JsonIndex::Status::kOk);
  JsonCursor cursor(text.view(), index, 512, true);
  std::string seen;
  ASSERT_TRUE(cursor.each_member([&](ByteRange key) {
    ByteRange value;
    if (!cursor.take_value(&value)) return false;
    seen.append(cursor.view(key)).append("=").append(cursor.view(value)).append(";");
    return true;
  }));
  EXPECT_TRUE(cursor.at_end());
  EXPECT_EQ(seen, "\"a\"=\"x\\\" y\";\"b\"=-1;");

  const Padded broken("[1, 2 3]");
  ASSERT_EQ(index.build(broken.view(), {}), JsonIndex::Status::kOk);
  JsonCursor second(broken.view(), index, 512, true);
  EXPECT_FALSE(second.skip_value());
  EXPECT_EQ(second.fault(), WalkFault::kSeparator);
  EXPECT_EQ(second.fault_offset(), 6U);
}

// Goal: the fault of a text that is cut off behind a key does not depend on the padding.
TEST(Walk, TellsOfACutKeyWhateverFollows) {
  for (const char filler : {':', '"', '}', ' ', ','}) {
    const Padded text("{\"a\":1,\"b\"", filler);
    JsonIndex index;
    ASSERT_EQ(index.build(text.view(), {}), JsonIndex::Status::kOk);
    JsonCursor cursor(text.view(), index, 512, true);
    EXPECT_FALSE(cursor.each_member([&](ByteRange) { return cursor.skip_value(); }));
    EXPECT_EQ(cursor.fault(), WalkFault::kKey) << filler;
    EXPECT_EQ(cursor.fault_offset(), text.view().size()) << filler;
    JsonCursor second(text.view(), index, 512, true);
    EXPECT_FALSE(second.skip_value());
    EXPECT_EQ(second.fault(), WalkFault::kKey) << filler;
  }
}

// Random documents and damaged ones against the reference checker.
TEST(Walk, AgreesWithTheReferenceOnRandomTexts) {
  const uint64_t seed = testing::test_seed();
  SCOPED_TRACE(seed);
  RandomJson random(seed);
  size_t accepted = 0;
  for (int i = 0; i < 6000; ++i) {
    std::string text = random.value(0);
    ASSERT_TRUE(walks(text)) << text;
    text = random.mutate(text);
    const bool expected = testing::reference_valid(text);
    const char filler = "}]\"0\\ne,"[random.below(8)];
    ASSERT_EQ(walks(text, filler), expected) << text << " filler " << filler;
    accepted += expected ? 1 : 0;
  }
  EXPECT_GT(accepted, 0U);
}

}  // namespace
}  // namespace weir
