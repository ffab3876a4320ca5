// Goal: the quick ways of writing a line write what the plain ones would.
// Method: every byte at every place of texts around a block's width, with garbage behind them.
#include "control/line_text.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace weir {

namespace {

// Exactly as much as may be used, so that the address sanitizer sees a byte more.
using Memory = std::unique_ptr<char[]>;

template <size_t N>
std::string string_written(const char (&text)[N], size_t size) {
  const size_t room = line_string_room(N) + kLineSlack;
  const Memory memory = std::make_unique<char[]>(room);
  const char* end = line_string(memory.get(), text, size);
  return {memory.get(), static_cast<size_t>(end - memory.get())};
}

std::string expected_of(std::string_view text) {
  std::string quoted;
  json_append_string(&quoted, text);
  return quoted;
}

TEST(LineText, StringsAreThoseOfJsonAppendString) {
  char text[48];
  for (const char behind : {'k', '"', '\xff'}) {
    for (size_t size = 0; size <= sizeof text; ++size) {
      std::memset(text, 'k', size);
      std::memset(text + size, behind, sizeof text - size);
      EXPECT_EQ(string_written(text, size), expected_of(std::string(size, 'k')));
      for (size_t at = 0; at < size; ++at) {
        for (int c = 0; c < 256; ++c) {
          text[at] = static_cast<char>(c);
          ASSERT_EQ(string_written(text, size), expected_of({text, size}))
              << size << ' ' << at << ' ' << c;
        }
        text[at] = 'k';
      }
    }
  }
}

TEST(LineText, ALengthBeyondTheRoomIsCut) {
  char text[16];
  std::memset(text, 'k', sizeof text);
  EXPECT_EQ(string_written(text, 255), '"' + std::string(16, 'k') + '"');
}

TEST(LineText, PiecesFollowOneAnother) {
  constexpr std::string_view kExpected =
      R"({"a":0,"a name of more than a block":1999,"b":"completed","c":"q\"","d":""})";
  const Memory memory = std::make_unique<char[]>(kExpected.size() + kLineSlack);
  char* to = line_number<"{\"a\":">(memory.get(), 0);
  to = line_number<",\"a name of more than a block\":">(to, 1999);
  to = line_raw(line_fixed<",\"b\":\"">(to), "completed");
  to = line_string(line_fixed<"\",\"c\":">(to), "q\"");
  to = line_string(line_fixed<",\"d\":">(to), "");
  to = line_fixed<"}">(to);
  EXPECT_EQ(std::string_view(memory.get(), static_cast<size_t>(to - memory.get())), kExpected);
}

}  // namespace

}  // namespace weir
