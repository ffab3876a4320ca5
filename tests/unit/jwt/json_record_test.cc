#include "jwt/json_record.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(JsonRecord, ReadsMembersByType) {
  const auto object = JsonRecord::parse(
      R"( {"a":"x\u00e9","n":1700000000.75,"l":["p","q"],"o":{"i":1},"z":null,"k\u0065y":true} )");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->text("a"), "x\xc3\xa9");
  EXPECT_EQ(object->number("n"), 1700000000);
  EXPECT_EQ(object->texts("l", 2), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(object->texts("a", 1), (std::vector<std::string>{"x\xc3\xa9"}));
  EXPECT_FALSE(object->texts("l", 1));
  EXPECT_FALSE(object->texts("o", 9));
  EXPECT_EQ(object->raw("o"), R"({"i":1})");
  EXPECT_TRUE(object->has("key"));
  EXPECT_FALSE(object->text("n"));
  EXPECT_FALSE(object->number("a"));
  EXPECT_FALSE(object->text("z"));
  EXPECT_EQ(object->raw("none"), "");
}

TEST(JsonRecord, RefusesWhatIsNoPlainObject) {
  for (const char* text :
       {"", "[]", "\"x\"", "{", "{}x", "{} {}", R"({"a":1,"a":1})", R"({"a":1,"\u0061":2})",
        R"({"a":01})", "{\"a\":\"\xff\"}", "{\"a\":\"\n\"}", R"({"a":1,})", R"({"\ud800":1})",
        R"({"a":[[[[[[[[[1]]]]]]]]]})"}) {
    EXPECT_FALSE(JsonRecord::parse(text)) << text;
  }
  std::string many = "{";
  for (size_t i = 0; i < JsonRecord::kMaxMembers; ++i) {
    many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  }
  EXPECT_TRUE(JsonRecord::parse(many + "}"));
  EXPECT_FALSE(JsonRecord::parse(many + ",\"more\":0}"));
}

TEST(JsonRecord, TimesAreWholeAndBounded) {
  const auto object = JsonRecord::parse(
      R"({"minus":-1,"exp":1e9,"big":9007199254740993,"most":9007199254740992,"text":"1"})");
  ASSERT_TRUE(object);
  for (const char* name : {"minus", "exp", "big", "text"}) {
    EXPECT_FALSE(object->number(name)) << name;
  }
  EXPECT_EQ(object->number("most"), int64_t{1} << 53);
}

}  // namespace
}  // namespace weir
