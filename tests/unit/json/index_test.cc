#include "json/index.h"

#include <gtest/gtest.h>

#include <vector>

#include "json_cases.h"

namespace weir {
namespace {

using Status = JsonIndex::Status;
using testing::Padded;

Status build(std::string_view text, JsonIndex::Options options = {}) {
  JsonIndex index;
  const Padded padded(text);
  return index.build(padded.view(), options);
}

TEST(JsonIndex, NamesEveryTokenByItsOffset) {
  const Padded text("{\"a\": [1, true], \"b\":\"x\"}");
  JsonIndex index;
  ASSERT_EQ(index.build(text.view(), {}), Status::kOk);
  const std::vector<uint32_t> positions(index.positions(), index.positions() + index.count());
  EXPECT_EQ(positions, (std::vector<uint32_t>{0, 1, 4, 6, 7, 8, 10, 14, 15, 17, 20, 21, 24}));
  EXPECT_EQ(index.positions()[index.count()], text.view().size());
  EXPECT_EQ(index.positions()[index.count() + 1], text.view().size());
}

TEST(JsonIndex, SaysWhatIsWrongWithTheBytes) {
  EXPECT_EQ(build(""), Status::kEmpty);
  EXPECT_EQ(build("  \n "), Status::kEmpty);
  EXPECT_EQ(build("\"a\nb\""), Status::kControlCharacter);
  EXPECT_EQ(build("{\"a"), Status::kOpenString);
  EXPECT_EQ(build("\"\xFF\""), Status::kBadUtf8);
  EXPECT_EQ(build("\"\\x\""), Status::kBadEscape);
  EXPECT_EQ(build("\"\\x\"", {.escapes = false}), Status::kOk);
  for (int status = 0; status <= static_cast<int>(Status::kNoMemory); ++status) {
    EXPECT_FALSE(describe(static_cast<Status>(status)).empty());
  }
}

TEST(JsonIndex, TellsWhereBadUtf8AndEscapesAre) {
  JsonIndex index;
  EXPECT_EQ(index.build(Padded("[\"ab\xC0\"]").view(), {}), Status::kBadUtf8);
  EXPECT_EQ(index.error_offset(), 4U);
  EXPECT_EQ(index.build(Padded("[\"ab\\q\"]").view(), {}), Status::kBadEscape);
  EXPECT_EQ(index.error_offset(), 4U);
}

// Goal: a large body of nothing but brackets is refused before its index is built. Method: the
// memory held afterwards.
TEST(JsonIndex, RefusesDeepTextsBeforeItTakesMemory) {
  JsonIndex index;
  const Padded text(std::string(4 << 20, '['));
  EXPECT_EQ(index.build(text.view(), {}), Status::kTooDeep);
  EXPECT_EQ(index.held_bytes(), 0U);
}

TEST(JsonIndex, GrowsInStepsAndShrinks) {
  JsonIndex index;
  ASSERT_EQ(index.build(Padded("[]").view(), {}), Status::kOk);
  const size_t ordinary = index.held_bytes();
  index.shrink();
  EXPECT_EQ(index.held_bytes(), ordinary);
  const Padded large("\"" + std::string(1 << 20, 'a') + "\"");
  ASSERT_EQ(index.build(large.view(), {}), Status::kOk);
  EXPECT_GT(index.held_bytes(), ordinary);
  index.shrink();
  EXPECT_LE(index.held_bytes(), ordinary);
  EXPECT_EQ(index.build(Padded("[1]").view(), {}), Status::kOk);
  EXPECT_EQ(index.count(), 3U);
}

}  // namespace
}  // namespace weir
