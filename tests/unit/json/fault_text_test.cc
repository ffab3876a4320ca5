#include "json/fault_text.h"

#include <gtest/gtest.h>

#include "json_cases.h"

namespace weir {
namespace {

TEST(FaultText, NamesSubjectReasonAndPlace) {
  FaultText text;
  const std::string_view located = text.write("The body", JsonIndex::Status::kBadEscape, 12345);
  EXPECT_TRUE(located.starts_with("The body is not valid JSON: "));
  EXPECT_TRUE(located.ends_with(" (at byte 12345, counted from 0)."));
  const std::string_view unlocated = text.write("The body", JsonIndex::Status::kOpenString, 7);
  EXPECT_EQ(unlocated.find('7'), std::string_view::npos);
}

TEST(FaultText, TakesThePlaceFromTheCursor) {
  const testing::Padded json("[1, x]");
  JsonIndex index;
  ASSERT_EQ(index.build(json.view(), {}), JsonIndex::Status::kOk);
  JsonCursor cursor(json.view(), index, 512, true);
  ASSERT_FALSE(cursor.skip_value());
  FaultText text;
  EXPECT_NE(text.write("It", cursor).find("at byte 4"), std::string_view::npos);
}

TEST(FaultText, CutsWhatDoesNotFit) {
  FaultText text;
  const std::string subject(1000, 's');
  EXPECT_EQ(text.write(subject, JsonIndex::Status::kBadUtf8, 1).size(), 224U);
}

}  // namespace
}  // namespace weir
