// Goal: the quick ways through LineWriter write what the plain ones would.
// Method: every byte at every place of texts around a word's width; numbers around each length.
#include "control/line_writer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace weir {

namespace {

// Exactly as much as the writer may use, so that the address sanitizer sees a byte more.
using Memory = std::unique_ptr<char[]>;
Memory make_memory() { return std::make_unique<char[]>(LineWriter::kBytes); }

std::string string_written(char* memory, std::string_view text) {
  LineWriter line(memory);
  line.string(text);
  EXPECT_FALSE(line.failed());
  return std::string(line.view());
}

TEST(LineWriter, StringsAreThoseOfJsonAppendString) {
  const Memory memory = make_memory();
  for (size_t size = 0; size < 36; ++size) {
    const std::string plain(size, 'k');
    EXPECT_EQ(string_written(memory.get(), plain), '"' + plain + '"');
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text = plain;
        text[at] = static_cast<char>(c);
        std::string expected;
        json_append_string(&expected, text);
        ASSERT_EQ(string_written(memory.get(), text), expected) << size << ' ' << at << ' ' << c;
      }
    }
  }
}

TEST(LineWriter, NumbersOfEveryLength) {
  const Memory memory = make_memory();
  LineWriter line(memory.get());
  std::string expected;
  for (uint64_t power = 1; power <= 10'000'000'000; power *= 10) {
    for (const uint64_t value : {power - 1, power, power + 1, power * 2 + power / 2}) {
      line.number(value);
      line.literal(",");
      expected += std::to_string(value) + ",";
    }
  }
  for (const uint32_t value : {0u, 7u, 42u, 100u, 305u, 999u}) {
    line.milliseconds(value);
    expected += std::to_string(1000 + value).substr(1);
  }
  line.raw("");
  line.raw("completed");
  line.number(UINT64_MAX);
  EXPECT_EQ(line.view(), expected + "completed18446744073709551615");
}

TEST(LineWriter, SaysWhenThereIsNoRoom) {
  const Memory memory = make_memory();
  LineWriter line(memory.get());
  EXPECT_FALSE(line.begin(LineWriter::kBytes + 1));
  EXPECT_TRUE(line.failed());
  EXPECT_TRUE(line.begin(LineWriter::kBytes));
  EXPECT_FALSE(line.failed());
  line.raw(std::string(LineWriter::kBytes, 'k'));
  EXPECT_EQ(line.view().size(), LineWriter::kBytes);
  EXPECT_FALSE(line.begin(1));
}

}  // namespace

}  // namespace weir
