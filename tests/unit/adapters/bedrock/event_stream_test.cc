// Goal: event stream messages come out whole however their bytes are cut, and no broken byte is
// believed. The vectors of the recordings' folder are read too, when it is there.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "adapters/bedrock/event_stream.h"
#include "adapters/common/json_walk.h"
#include "tests/shared/paths.h"
#include "tests/unit/adapters/bedrock/frames.h"
#include "tests/unit/adapters/harness.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

struct Decoded {
  std::vector<std::string> messages;  // headers and payload
  bool broken = false;
  bool cut = false;
};

// Feeds the bytes in pieces that `next_size` chooses.
template <typename NextSize>
Decoded decode(std::string_view bytes, NextSize next_size) {
  Arena arena;
  AdapterState state;
  auto& carry = *state.as<StreamCarry>();
  Decoded out;
  while (!bytes.empty() && !out.broken) {
    const size_t size = std::min<size_t>(next_size(), bytes.size());
    // An exact copy, so that a read outside of the piece is seen.
    const std::vector<char> piece(bytes.begin(), bytes.begin() + static_cast<long>(size));
    bytes.remove_prefix(size);
    std::string_view in(piece.data(), piece.size());
    for (;;) {
      StreamMessage message;
      const auto more = carry.next(&in, arena, &message);
      out.broken = !more.has_value();
      if (!more || !*more) break;
      out.messages.push_back(std::string(message.headers) + "|" + std::string(message.payload));
    }
  }
  out.cut = carry.is_cut();
  return out;
}

Decoded decode_whole(std::string_view bytes) {
  return decode(bytes, [] { return size_t{1} << 30; });
}

TEST(EventStream, Checksum) {
  EXPECT_EQ(0xcbf43926u, crc32_of("123456789"));
  EXPECT_EQ(0u, crc32_of(""));
  std::mt19937 random(7);
  for (size_t size = 0; size < 70; ++size) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += static_cast<char>(random());
    EXPECT_EQ(crc32_slow(text), crc32_of(text)) << size;
    const std::string_view view(text);
    EXPECT_EQ(crc32_slow(text),
              crc32_of(view.substr(size / 3), crc32_of(view.substr(0, size / 3))));
  }
}

TEST(EventStream, AnyCutGivesTheSame) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::string bytes;
  std::vector<std::string> wanted;
  for (size_t i = 0; i < 30; ++i) {
    const std::string payload(i == 7 ? 5000 : random() % 40, static_cast<char>('a' + i % 26));
    const std::string headers = i % 3 == 0 ? "" : frame_header("name", std::to_string(i));
    bytes += frame_raw(headers, payload);
    wanted.push_back(headers + "|" + payload);
  }
  EXPECT_EQ(wanted, decode_whole(bytes).messages);
  for (int round = 0; round < 50; ++round) {
    const size_t most = 1 + random() % 64;
    const Decoded got = decode(bytes, [&] { return 1 + random() % most; });
    EXPECT_EQ(wanted, got.messages);
    EXPECT_FALSE(got.cut);
  }
}

TEST(EventStream, EveryFlippedBitIsSeen) {
  const std::string good = event_frame("messageStop", R"({"stopReason":"end_turn"})");
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    EXPECT_TRUE(decode_whole(bad).broken) << bit;
    EXPECT_TRUE(decode(bad, [] { return 5; }).broken) << bit;
  }
}

TEST(EventStream, EveryTruncationIsACut) {
  const std::string good = event_frame("messageStop", "{}");
  for (size_t size = 1; size < good.size(); ++size) {
    const Decoded got = decode_whole(good.substr(0, size));
    EXPECT_TRUE(got.cut) << size;
    EXPECT_FALSE(got.broken) << size;
  }
}

TEST(EventStream, LengthsAreBounded) {
  const auto prelude = [](uint32_t size, uint32_t headers) {
    std::string text = big_endian(size, 4) + big_endian(headers, 4);
    return text + big_endian(crc32_slow(text), 4);
  };
  EXPECT_TRUE(decode_whole(prelude(15, 0)).broken);
  EXPECT_TRUE(decode_whole(prelude(kMaxEventStreamMessage + 1, 0)).broken);
  EXPECT_TRUE(decode_whole(prelude(kMaxEventStreamMessage, kMaxEventStreamHeaders + 1)).broken);
  EXPECT_TRUE(decode_whole(prelude(20, 5)).broken);
  EXPECT_TRUE(decode_whole(prelude(kMaxEventStreamMessage, 0)).cut);
}

TEST(EventStream, HeadersAreReadOrRefused) {
  using Type = StreamHeaders::Type;
  const std::string block = std::string("\1t\0\1f\1", 6) + std::string("\1i\2\x7f", 4) +
                            std::string("\1b\6\0\2xy", 7) + frame_header("s", "text");
  StreamHeaders each(block);
  const std::vector<std::pair<Type, std::string>> wanted = {{Type::kTrue, ""},
                                                            {Type::kFalse, ""},
                                                            {Type::kInt8, "\x7f"},
                                                            {Type::kBytes, "xy"},
                                                            {Type::kString, "text"}};
  for (const auto& [type, value] : wanted) {
    ASSERT_TRUE(each.next());
    EXPECT_EQ(type, each.type());
    EXPECT_EQ(value, each.value());
  }
  EXPECT_FALSE(each.next());
  EXPECT_FALSE(each.failed());
  for (const std::string& bad :
       {std::string("\0", 1), std::string("\5ab", 3), std::string("\1a", 2),
        std::string("\1a\12", 3), std::string("\1a\5\0\0", 5), std::string("\1a\7\0\3ab", 7),
        std::string("\1a\7\0", 4)}) {
    EXPECT_TRUE(decode_whole(frame_raw(bad, "")).broken);
  }
  const std::string twice = frame_header(":event-type", "a") + frame_header(":event-type", "b");
  EXPECT_TRUE(decode_whole(frame_raw(twice, "")).broken);
}

std::string base64_decode(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t digit = kAlphabet.find(c);
    if (digit == kAlphabet.npos) continue;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if ((count += 6) >= 8) out += static_cast<char>(bits >> (count -= 8) & 0xff);
  }
  return out;
}

void headers_check(std::string_view wanted, std::string_view block) {
  Arena arena;
  size_t count = 0;
  JsonMembers each(wanted);
  StreamHeaders headers(block);
  while (each.next()) {
    ASSERT_TRUE(headers.next());
    ++count;
    EXPECT_EQ(each.key(), headers.name());
    const std::string_view value = json_member(each.value(), "value");
    const std::string_view type = json_inner(json_member(each.value(), "type"));
    if (type == "string") {
      EXPECT_EQ(json_unquote(value, arena), headers.value());
    } else if (type == "bytes") {
      EXPECT_EQ(base64_decode(json_inner(json_member(each.value(), "value_base64"))),
                headers.value());
    } else if (type.starts_with("int")) {
      int64_t number = static_cast<int8_t>(headers.value()[0]);
      for (const char c : headers.value().substr(1)) number = number << 8 | static_cast<uint8_t>(c);
      EXPECT_EQ(json_integer(value, -1), number);
    }
  }
  EXPECT_FALSE(headers.next());
}

TEST(EventStream, Vectors) {
  const fs::path folder = test::fixtures_dir() / "eventstream";
  if (!fs::exists(folder)) GTEST_SKIP() << "no vectors at " << folder << "; set WEIR_FIXTURES";
  for (const auto& entry : fs::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const std::string bytes = base64_decode(json_inner(json_member(text, "provider_body")));
    const std::string_view expect = json_member(text, "expect");
    for (const size_t step : {size_t{1}, size_t{7}, bytes.size()}) {
      const Decoded got = decode(bytes, [step] { return step; });
      EXPECT_EQ(json_member(expect, "ok") == "false", got.broken);
      if (!json_member(expect, "messages").empty()) {
        EXPECT_EQ(json_integer(json_member(expect, "messages"), -1),
                  static_cast<int64_t>(got.messages.size()));
        EXPECT_TRUE(got.cut);
      }
      if (json_member(expect, "headers").empty()) continue;
      ASSERT_EQ(1u, got.messages.size());
      Arena arena;
      const std::string payload(json_unquote(json_member(expect, "payload"), arena));
      EXPECT_TRUE(got.messages[0].ends_with("|" + payload));
      headers_check(json_member(expect, "headers"),
                    got.messages[0].substr(0, got.messages[0].size() - payload.size() - 1));
    }
  }
}

}  // namespace
}  // namespace weir::test
