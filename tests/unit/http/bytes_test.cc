// Goal: the searches over 16 bytes at a time and the folding compare do what a plain loop does.
// Method: every byte value at every place of buffers around the width of a step.
#include "http/bytes.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir {
namespace {

bool is_value_byte(unsigned char c) {
  return c == '\t' || (c >= 0x20 && c != 0x7f);
}

TEST(Bytes, ValueSkipFindsEveryForbiddenByteEverywhere) {
  for (size_t size = 0; size < 40; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text(size, '\xff');
        text[at] = static_cast<char>(c);
        // An exact copy on the heap, so that the address sanitizer sees a read past the end.
        const std::vector<char> exact(text.begin(), text.end());
        const char* const end = exact.data() + size;
        const char* const expected =
            is_value_byte(static_cast<unsigned char>(c)) ? end : exact.data() + at;
        ASSERT_EQ(value_skip(exact.data(), end), expected) << size << ' ' << at << ' ' << c;
        const char* const line = c == '\r' || c == '\n' ? exact.data() + at : end;
        ASSERT_EQ(line_end_find(exact.data(), end), line) << size << ' ' << at << ' ' << c;
        const char* const found = c == 0xff ? exact.data() : exact.data() + at;
        ASSERT_EQ(byte_find(exact.data(), end, text[at]), found) << size << ' ' << at << ' ' << c;
      }
    }
  }
}

TEST(Bytes, TokenAndTargetSkipStopWhereAPlainLoopStops) {
  for (size_t size = 0; size < 40; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::vector<char> text(size, 'k');
        text[at] = static_cast<char>(c);
        const char* const begin = text.data();
        const char* const end = begin + size;
        ASSERT_EQ(token_skip(begin, end), bytes_skip(begin, end, kTokenByte)) << at << ' ' << c;
        ASSERT_EQ(target_skip(begin, end), bytes_skip(begin, end, kTargetByte)) << at << ' ' << c;
      }
    }
  }
}

TEST(Bytes, EqualsFoldedFoldsLettersAndNothingElse) {
  const std::string letters = "ab-cdefgz9,hijklmnop=qrstuvw";
  for (size_t size = 0; size <= letters.size(); ++size) {
    const std::string lower = letters.substr(0, size);
    EXPECT_TRUE(equals_folded(lower, lower));
    EXPECT_FALSE(equals_folded(lower + "a", lower));
    for (size_t at = 0; at < size; ++at) {
      for (int c = 0; c < 256; ++c) {
        std::string text = lower;
        text[at] = static_cast<char>(c);
        const char small = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
        ASSERT_EQ(equals_folded(text, lower), small == lower[at]) << lower << ' ' << at << ' ' << c;
      }
    }
  }
}

TEST(Bytes, ClassesAreThoseOfTheGrammar) {
  std::string tokens;
  std::string targets;
  for (int c = 0; c < 256; ++c) {
    if (byte_is(static_cast<char>(c), kTokenByte)) tokens += static_cast<char>(c);
    if (byte_is(static_cast<char>(c), kTargetByte)) targets += static_cast<char>(c);
    EXPECT_EQ(byte_is(static_cast<char>(c), kVisibleByte), c == '\t' || (c >= 0x20 && c < 0x7f));
  }
  EXPECT_EQ(tokens,
            "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
  EXPECT_EQ(targets,
            "!\"$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
            "abcdefghijklmnopqrstuvwxyz{|}~");
}

TEST(Bytes, ReadsHexDigitsAndTrimsBlanks) {
  int count = 0;
  for (int c = 0; c < 256; ++c) count += hex_value(static_cast<char>(c)) >= 0 ? 1 : 0;
  EXPECT_EQ(count, 22);
  EXPECT_EQ(hex_value('a'), 10);
  EXPECT_EQ(hex_value('F'), 15);
  EXPECT_EQ(blanks_trim(" \t a b\t "), "a b");
  EXPECT_EQ(blanks_trim(" \t"), "");
  EXPECT_EQ(blanks_trim(""), "");
}

}  // namespace
}  // namespace weir
