// Goal: the quick ways through LineWriter write what the plain ones would.
// Method: every byte at every place of texts around a word's width; numbers around each length.
#include "control/line_writer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace weir {

namespace {

std::string string_written(std::string_view text) {
  const auto line = std::make_unique<LineWriter>();
  line->string(text);
  EXPECT_FALSE(line->failed());
  return std::string(line->view());
}

TEST(LineWriter, StringsAreThoseOfJsonAppendString) {
  for (size_t size = 0; size < 36; ++size) {
    EXPECT_EQ(string_written(std::string(size, 'k')), '"' + std::string(size, 'k') + '"');
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text(size, 'k');
        text[at] = static_cast<char>(c);
        std::string expected;
        json_append_string(&expected, text);
        ASSERT_EQ(string_written(text), expected) << size << ' ' << at << ' ' << c;
      }
    }
  }
}

TEST(LineWriter, NumbersOfEveryLength) {
  const auto line = std::make_unique<LineWriter>();
  std::string expected;
  for (uint64_t power = 1; power <= 10'000'000'000; power *= 10) {
    for (const uint64_t value : {power - 1, power, power + 1, power * 2 + power / 2}) {
      line->number(value);
      line->literal(",");
      expected += std::to_string(value) + ",";
    }
  }
  for (const uint32_t value : {0u, 7u, 42u, 100u, 305u, 999u}) {
    line->milliseconds(value);
    expected += std::to_string(1000 + value).substr(1);
  }
  line->raw("");
  line->raw("completed");
  line->number(UINT64_MAX);
  EXPECT_EQ(line->view(), expected + "completed18446744073709551615");
}

TEST(LineWriter, SaysWhenThereIsNoRoom) {
  const auto line = std::make_unique<LineWriter>();
  EXPECT_FALSE(line->begin(LineWriter::kBytes + 1));
  EXPECT_TRUE(line->failed());
  EXPECT_TRUE(line->begin(LineWriter::kBytes));
  EXPECT_FALSE(line->failed());
  line->raw(std::string(LineWriter::kBytes, 'k'));
  EXPECT_EQ(line->view().size(), LineWriter::kBytes);
  EXPECT_FALSE(line->begin(1));
}

}  // namespace

}  // namespace weir
