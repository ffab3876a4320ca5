#include "json/key_name.h"

#include <gtest/gtest.h>

#include "json_cases.h"

namespace weir {
namespace {

using testing::Padded;

// Each name of `text`, its end, and one that goes on or stops before.
template <KeyName name>
void expect_only(const std::string& text) {
  EXPECT_TRUE(key_is<name>(Padded(text + "\"", 'x').view().data())) << text;
  for (const char* behind : {"s\"", "\\\"", " \"", "\\u0000\""}) {
    EXPECT_FALSE(key_is<name>(Padded(text + behind, '"').view().data())) << text << behind;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text + "\"";
    other[i] ^= 0x20;
    EXPECT_FALSE(key_is<name>(Padded(other, '"').view().data())) << other;
    EXPECT_FALSE(key_is<name>(Padded(text.substr(0, i) + "\"", '"').view().data())) << text << i;
  }
}

TEST(KeyName, IsKnownByEveryByteAndTheQuote) {
  expect_only<"n">("n");
  expect_only<"stream">("stream");
  expect_only<"choices">("choices");
  expect_only<"messages">("messages");
  expect_only<"finish_reason">("finish_reason");
  expect_only<"encoding_format">("encoding_format");
  expect_only<"reasoning_tokens">("reasoning_tokens");
  expect_only<"completion_tokens_details">("completion_tokens_details");
}

TEST(KeyName, NoEscapeIsMissed) {
  for (size_t size = 0; size < 40; ++size) {
    const Padded plain(std::string(size, 'a'), 'a');
    const char* begin = plain.view().data();
    EXPECT_FALSE(may_have_escape(begin, begin + size));
    for (size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      text[at] = '\\';
      const Padded escaped(text, 'a');
      EXPECT_TRUE(may_have_escape(escaped.view().data(), escaped.view().data() + size)) << text;
    }
  }
}

}  // namespace
}  // namespace weir
