#include "base/shared_text.h"

#include <gtest/gtest.h>

namespace weir {

namespace {

TEST(SharedText, CopiesShareTheirBytes) {
  const std::string long_text(100, 'x');
  SharedText first(long_text);
  const char* bytes = first.view().data();
  SharedText second = first;
  EXPECT_EQ(second.view().data(), bytes);
  first.clear();
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(second, long_text);
  // One that was moved away holds nothing, whatever becomes of the text.
  SharedText third = std::move(second);
  second = SharedText("short");
  EXPECT_EQ(second, "short");
  first = std::move(third);
  third.clear();
  EXPECT_EQ(first.view().data(), bytes);
  EXPECT_EQ(first.size(), 100u);
}

TEST(SharedText, AnEmptyOneIsAnEmptyText) {
  EXPECT_EQ(SharedText(), "");
  EXPECT_EQ(SharedText(std::string()), "");
  SharedText moved("text");
  const SharedText kept = std::move(moved);
  moved.clear();
  EXPECT_EQ(std::string_view(kept), "text");
}

}  // namespace

}  // namespace weir
