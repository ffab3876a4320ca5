// Goal: the chunked decoder takes exactly what RFC 9112 section 7.1 says (less the white space that
// it allows for old senders), for every cut, and refuses at the first wrong byte.
// Method: tables, one idea per row; random streams against what they were built from.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "http/chunked.h"

namespace weir {
namespace {

using namespace std::string_literals;

struct Outcome {
  std::string data;
  size_t consumed = 0;
  bool done = false;
  bool refused = false;
  Errc code = Errc::kInternal;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(std::string_view bytes, size_t step) {
  ChunkedDecoder decoder;
  Outcome out;
  while (out.consumed < bytes.size() && !out.done) {
    const std::string input(bytes.substr(out.consumed, step));
    const auto piece = decoder.feed(input);
    if (!piece) {
      out.refused = true;
      out.code = piece.error().code;
      out.consumed = 0;
      return out;
    }
    EXPECT_GT(piece->consumed, 0u);
    out.data += piece->data;
    out.consumed += piece->consumed;
    out.done = piece->done;
    EXPECT_EQ(decoder.done(), piece->done);
  }
  return out;
}

struct Good {
  const char* idea;
  std::string bytes;
  std::string data;
};

TEST(Chunked, DecodesForEveryCut) {
  const Good rows[] = {
      {"no chunk", "0\r\n\r\n", ""},
      {"one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"},
      {"two chunks", "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n", "abcdefg"},
      {"digits of both cases", "0a\r\n0123456789\r\nB\r\nabcdefghijk\r\n0\r\n\r\n",
       "0123456789abcdefghijk"},
      {"zeros in front", "0000000000000000000003\r\nabc\r\n000\r\n\r\n", "abc"},
      {"CRLF in the data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"},
      {"extension", "3;a=b\r\nabc\r\n0;last\r\n\r\n", "abc"},
      {"quoted extension with a tab", "3;a=\"b \t;\"\r\nabc\r\n0\r\n\r\n", "abc"},
      {"trailer", "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "x"},
      {"extensions at the bound",
       "1;" + std::string(2000, 'e') + "\r\nx\r\n1;" + std::string(2095, 'e') +
           "\r\ny\r\n0\r\n\r\n",
       "xy"},
  };
  for (const Good& row : rows) {
    SCOPED_TRACE(row.idea);
    const Outcome expected{row.data, row.bytes.size(), true, false, Errc::kInternal};
    const std::string stream = row.bytes + "GET / HTTP/1.1\r\n";
    for (size_t step = 1; step <= std::min<size_t>(row.bytes.size(), 64); ++step) {
      EXPECT_EQ(decode(stream, step), expected) << "in pieces of " << step;
    }
    EXPECT_EQ(decode(stream, stream.size()), expected);
  }
}

struct Bad {
  const char* idea;
  std::string upto;  // ends with the byte that must be refused
  std::string data;  // given out before
  Errc code = Errc::kMalformedRequest;
};

std::vector<Bad> bad_rows() {
  const std::string end = "0\r\n";
  return {
      {"size without a digit", "\r", ""},
      {"extension without a size", ";", ""},
      {"space before the size", " ", ""},
      {"space behind the size", "5 ", ""},
      {"tab behind the size", "5\t", ""},
      {"sign", "-", ""},
      {"plus", "+", ""},
      {"0x prefix", "0x", ""},
      {"letter behind the size", "5g", ""},
      {"NUL behind the size", "5\0"s, ""},
      {"sixteen digits", "1000000000000000", ""},
      {"bare LF behind the size", "5\n", ""},
      {"bare CR behind the size", "5\rh", ""},
      {"bare LF behind an extension", "5;a\n", ""},
      {"bare CR in an extension", "5;a\rb", ""},
      {"control byte in an extension", "5;a\x01", ""},
      {"high byte in an extension", "5;a\x80", ""},
      {"too many extension bytes", "1;" + std::string(4097, 'e'), ""},
      {"too many zeros", std::string(4097, '0'), ""},
      {"bare LF behind the data", "1\r\nx\n", "x"},
      {"too much data", "1\r\nxy", "x"},
      {"CR without LF behind the data", "1\r\nx\ry", "x"},
      {"space before the second size", "1\r\nx\r\n ", "x"},
      {"bare LF ends the trailer", end + "\n", ""},
      {"CR alone ends the trailer", end + "\rG", ""},
      {"bare LF behind a trailer field", end + "A: b\n", ""},
      {"folded trailer", end + "A: b\r\n ", ""},
      {"trailer without a colon", end + "A\r", ""},
      {"trailer with an empty name", end + ":", ""},
      {"space before a trailer's colon", end + "A ", ""},
      {"control byte in a trailer", end + "A: \x02", ""},
      {"next request in the place of a trailer", end + "GET ", ""},
      {"trailer too large", end + "A:" + std::string(16382, 'v'), "", Errc::kHeadTooLarge},
  };
}

TEST(Chunked, RefusesAtTheFirstWrongByteForEveryCut) {
  for (const Bad& row : bad_rows()) {
    SCOPED_TRACE(row.idea);
    const std::string good = row.upto.substr(0, row.upto.size() - 1);
    EXPECT_FALSE(decode(good, good.size() + 1).refused);
    const Outcome expected{row.data, 0, false, true, row.code};
    for (size_t step = 1; step <= std::min<size_t>(row.upto.size(), 40); ++step) {
      EXPECT_EQ(decode(row.upto, step), expected) << "in pieces of " << step;
    }
    const std::string more = row.upto + "more\r\n0\r\n\r\n";
    EXPECT_EQ(decode(more, more.size()), expected);
  }
}

TEST(Chunked, RefusesTooManyTrailerFields) {
  std::string bytes = "0\r\n";
  for (uint32_t i = 0; i < ChunkedDecoder::kMaxTrailerFields; ++i) bytes += "A:\r\n";
  EXPECT_TRUE(decode(bytes + "\r\n", 7).done);
  EXPECT_EQ(decode(bytes + "A", 7).code, Errc::kHeadTooLarge);
}

TEST(Chunked, TakesTheLargestSizeWithoutOverflow) {
  ChunkedDecoder decoder;
  const auto piece = decoder.feed("fffffffffffffff\r\nabc");
  ASSERT_TRUE(piece.has_value());
  EXPECT_EQ(piece->data, "abc");
  EXPECT_FALSE(piece->done);
}

TEST(Chunked, ConsumesNothingBehindItsEnd) {
  ChunkedDecoder decoder;
  const auto last = decoder.feed("0\r\n\r\nGET");
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->consumed, 5u);
  const auto behind = decoder.feed("GET");
  ASSERT_TRUE(behind.has_value());
  EXPECT_EQ(behind->consumed, 0u);
  EXPECT_TRUE(behind->done);
  decoder.reset();
  EXPECT_FALSE(decoder.done());
  const auto fresh = decoder.feed("1\r\nx");
  ASSERT_TRUE(fresh.has_value());
  EXPECT_EQ(fresh->data, "x");
}

TEST(Chunked, RandomStreamsComeBackFromAnyCut) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    std::string data;
    std::string bytes;
    for (auto chunk = random() % 6; chunk != 0; --chunk) {
      std::string part(1 + random() % 300, '\0');
      for (char& c : part) c = static_cast<char>(random());
      char size[18];
      bytes.append(size, write_chunk_size(size, part.size()));
      bytes += part + "\r\n";
      data += part;
    }
    bytes += "0\r\n";
    if (random() % 2 == 0) bytes += "Trailer: value\r\n";
    bytes += "\r\n";
    const Outcome expected{data, bytes.size(), true, false, Errc::kInternal};
    ASSERT_EQ(decode(bytes, 1 + random() % 50), expected);
    ASSERT_EQ(decode(bytes, bytes.size()), expected);
  }
}

TEST(Chunked, WritesSizes) {
  const std::pair<uint64_t, const char*> rows[] = {{0, "0\r\n"},
                                                   {9, "9\r\n"},
                                                   {15, "f\r\n"},
                                                   {16, "10\r\n"},
                                                   {0x1234abcd, "1234abcd\r\n"},
                                                   {UINT64_MAX, "ffffffffffffffff\r\n"}};
  for (const auto& [size, text] : rows) {
    char buffer[18];
    EXPECT_EQ(std::string(buffer, write_chunk_size(buffer, size)), text);
  }
}

}  // namespace
}  // namespace weir
