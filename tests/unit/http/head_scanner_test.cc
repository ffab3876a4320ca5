// Goal: the raw byte rules of heads, each at its first wrong byte and for every cut.
// Method: tables of heads, one idea per row; a row is fed whole, byte by byte and in two pieces cut
// at every place. For a refusal the row gives the bytes up to and with the first wrong one.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "head_feed.h"
#include "http/parser.h"

namespace weir {
namespace {

using Kind = HeadScanner::Kind;
using namespace std::string_literals;

struct Refusal {
  const char* idea;
  std::string upto;  // ends with the byte that must be refused
  Errc code = Errc::kMalformedRequest;
};

std::vector<Refusal> request_refusals() {
  const std::string line = "GET / HTTP/1.1\r\n";
  return {
      {"bare LF behind the request line", "GET / HTTP/1.1\n"},
      {"bare CR behind the request line", "GET / HTTP/1.1\rX"},
      {"bare LF behind a field", line + "A: b\n"},
      {"bare CR in a field value", line + "A: b\rc"},
      {"bare LF for the blank line", line + "\n"},
      {"bare CR for the blank line", line + "\rX"},
      {"CR CR LF", line + "A: b\r\r"},
      {"NUL in a value", line + "A: b\0"s},
      {"escape in a value", line + "A: \x1b"},
      {"DEL in a value", line + "A: \x7f"},
      {"vertical tab in a value", line + "A: \x0b"},
      {"NUL in a name", line + "A\0"s},
      {"obs-fold with a space", line + "A: b\r\n "},
      {"obs-fold with a tab", line + "A: b\r\n\t"},
      {"white space before the first field", line + " "},
      {"empty field name", line + ":"},
      {"space before the colon", line + "Host "},
      {"tab before the colon", line + "Host\t"},
      {"line without a colon", line + "Host\r"},
      {"bracket in a name", line + "Ho["},
      {"quote in a name", line + "\""},
      {"high byte in a name", line + "H\xc3"},
      {"space before the method", " "},
      {"tab before the method", "\t"},
      {"two empty lines in front", "\r\n\r"},
      {"bare LF in front", "\n"},
      {"CR and no LF in front", "\rG"},
      {"TLS hello", "\x16"},
      {"colon in the method", "GE:"},
      {"method alone", "GET\r"},
      {"tab behind the method", "GET\t"},
      {"two spaces behind the method", "GET  "},
      {"tab before the version", "GET /\t"},
      {"two spaces before the version", "GET /  "},
      {"space behind the version", "GET / HTTP/1.1 "},
      {"NUL in the target", "GET /\0"s},
      {"high byte in the target", "GET /\xc3"},
      {"DEL in the target", "GET /\x7f"},
      {"fragment in the target", "GET /a#"},
      {"bare LF in the target", "GET /\n"},
      {"HTTP/0.9 without a version", "GET /\r"},
      {"HTTP/0.9 by name", "GET / HTTP/0", Errc::kVersionNotSupported},
      {"HTTP/1.2", "GET / HTTP/1.2", Errc::kVersionNotSupported},
      {"HTTP/1.10", "GET / HTTP/1.10"},
      {"HTTP/2 by name", "GET / HTTP/2", Errc::kVersionNotSupported},
      {"HTTP/2 preface", "PRI * HTTP/2", Errc::kVersionNotSupported},
      {"HTTP/1 without a minor version", "GET / HTTP/1\r"},
      {"version in small letters", "GET / h"},
      {"RTSP", "OPTIONS rtsp://a/b R"},
      {"ICE", "SOURCE /a I"},
      {"letter for a minor version", "GET / HTTP/1.x"},
  };
}

std::vector<Refusal> response_refusals() {
  const std::string line = "HTTP/1.1 200 OK\r\n";
  return {
      {"blank line in front", "\r"},
      {"space in front", " "},
      {"HTTP/2", "HTTP/2"},
      {"HTTP/0.9", "HTTP/0"},
      {"HTTP/1.2", "HTTP/1.2"},
      {"ICY", "I"},
      {"two spaces before the status", "HTTP/1.1  "},
      {"two digits of status", "HTTP/1.1 20 "},
      {"four digits of status", "HTTP/1.1 2000"},
      {"letters for a status", "HTTP/1.1 2x"},
      {"no space behind the status", "HTTP/1.1 200\r"},
      {"tab behind the status", "HTTP/1.1 200\t"},
      {"control byte in the reason", "HTTP/1.1 200 O\x01"},
      {"bare LF behind the reason", "HTTP/1.1 200 OK\n"},
      {"bare CR behind the reason", "HTTP/1.1 200 OK\rX"},
      {"NUL in a value", line + "A: \0"s},
      {"bare LF behind a field", line + "A: b\n"},
      {"obs-fold", line + "A: b\r\n "},
      {"space before the colon", line + "A "},
      {"empty name", line + ":"},
      {"line without a colon", line + "A\r"},
      {"bare LF for the blank line", line + "\n"},
  };
}

struct Acceptance {
  const char* idea;
  std::string head;
};

std::vector<Acceptance> request_acceptances() {
  const std::string line = "GET / HTTP/1.1\r\n";
  return {
      {"no field", line + "\r\n"},
      {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"},
      {"one empty line in front", "\r\n" + line + "\r\n"},
      {"obs-text in a value", line + "A: caf\xc3\xa9\r\n\r\n"},
      {"tab within a value", line + "A: b\tc\r\n\r\n"},
      {"empty value", line + "A:\r\n\r\n"},
      {"value of blanks", line + "A:  \t \r\n\r\n"},
      {"colon in a value", line + "A: b:c:\r\n\r\n"},
      {"every token byte in a name", line + "!#$%&'*+-.^_`|~09azAZ: 1\r\n\r\n"},
      {"an unknown method is still a token", "F_OO / HTTP/1.1\r\n\r\n"},
      {"a long value", line + "A: " + std::string(8000, 'x') + "\r\n\r\n"},
  };
}

std::vector<Acceptance> response_acceptances() {
  return {
      {"no field", "HTTP/1.1 200 OK\r\n\r\n"},
      {"empty reason", "HTTP/1.1 200 \r\n\r\n"},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n"},
      {"obs-text in the reason", "HTTP/1.1 400 fehlt \xe4\r\n\r\n"},
      {"obs-text in a value", "HTTP/1.1 200 OK\r\nA: \xff\x80\r\n\r\n"},
  };
}

// Fed in any pieces, the refusal comes with the last byte of `upto` and not before it.
void expect_refused(Kind kind, const Refusal& row, Errc code) {
  SCOPED_TRACE(row.idea);
  const ScanOutcome waiting{ScanOutcome::Kind::kMore, row.upto.size() - 1, Errc::kInternal};
  const std::string_view good = std::string_view(row.upto).substr(0, row.upto.size() - 1);
  EXPECT_EQ(head_feed(kind, good, row.upto.size()), waiting);
  const ScanOutcome refused{ScanOutcome::Kind::kRefused, row.upto.size(), code};
  for (size_t step = 1; step <= row.upto.size(); ++step) {
    EXPECT_EQ(head_feed(kind, row.upto, step), refused) << "in pieces of " << step;
  }
  const std::string more = row.upto + "rest\r\n\r\n";
  EXPECT_EQ(head_feed(kind, more, more.size()).code, code);
}

void expect_accepted(Kind kind, const Acceptance& row) {
  SCOPED_TRACE(row.idea);
  const ScanOutcome complete{ScanOutcome::Kind::kComplete, row.head.size(), Errc::kInternal};
  const std::string stream = row.head + "body \n\0 bytes"s;
  for (size_t step = 1; step <= row.head.size() && step < 200; ++step) {
    EXPECT_EQ(head_feed(kind, stream, step), complete) << "in pieces of " << step;
  }
  EXPECT_EQ(head_feed(kind, stream, stream.size()), complete);
}

TEST(HeadScanner, RefusesRequestsAtTheFirstWrongByte) {
  for (const Refusal& row : request_refusals()) expect_refused(Kind::kRequest, row, row.code);
}

TEST(HeadScanner, RefusesResponsesAtTheFirstWrongByte) {
  for (const Refusal& row : response_refusals()) {
    expect_refused(Kind::kResponse, row, Errc::kUpstreamUnavailable);
  }
}

TEST(HeadScanner, AcceptsRequestsForEveryCut) {
  for (const Acceptance& row : request_acceptances()) expect_accepted(Kind::kRequest, row);
}

TEST(HeadScanner, AcceptsResponsesForEveryCut) {
  for (const Acceptance& row : response_acceptances()) expect_accepted(Kind::kResponse, row);
}

// The limits: each at exactly the bound and one past it, whole and byte by byte.
struct LimitRow {
  const char* idea;
  std::string head;
  HeadLimits fits;
  HeadLimits too_small;
  Errc code;
};

TEST(HeadScanner, HoldsItsLimits) {
  const std::string head = "GET /abc HTTP/1.1\r\nA: b\r\nC: d\r\n\r\n";
  const auto size = static_cast<uint32_t>(head.size());
  const std::string line = "GET /abc HTTP/1.1\r\n";
  const auto line_size = static_cast<uint32_t>(line.size());
  const LimitRow rows[] = {
      {"whole head", head, {size, 100, 9}, {size - 1, 100, 9}, Errc::kHeadTooLarge},
      {"request line", head, {500, line_size, 9}, {500, line_size - 1, 9}, Errc::kUriTooLong},
      {"request line behind an empty line",
       "\r\n" + head,
       {500, line_size, 9},
       {500, line_size - 1, 9},
       Errc::kUriTooLong},
      {"fields", head, {500, 100, 2}, {500, 100, 1}, Errc::kHeadTooLarge},
  };
  for (const LimitRow& row : rows) {
    SCOPED_TRACE(row.idea);
    for (size_t step = 1; step <= row.head.size(); ++step) {
      const ScanOutcome fits = head_feed(Kind::kRequest, row.head, step, row.fits);
      EXPECT_EQ(fits.kind, ScanOutcome::Kind::kComplete);
      EXPECT_EQ(fits.consumed, row.head.size());
      const ScanOutcome small = head_feed(Kind::kRequest, row.head, step, row.too_small);
      EXPECT_EQ(small.kind, ScanOutcome::Kind::kRefused);
      EXPECT_EQ(small.code, row.code);
    }
  }
}

TEST(HeadScanner, OrdinaryTrafficFitsTheDefaultLimits) {
  std::string head = "GET /" + std::string(8 * 1024 - 20, 'a') + " HTTP/1.1\r\n";
  for (int i = 0; i < 64; ++i)
    head += "x-field-" + std::to_string(i) + ": " + std::string(100, 'v') + "\r\n";
  head += "\r\n";
  const ScanOutcome outcome = head_feed(Kind::kRequest, head, 1000);
  EXPECT_EQ(outcome.kind, ScanOutcome::Kind::kComplete);
  EXPECT_EQ(outcome.consumed, head.size());
}

TEST(HeadScanner, AResponseOverALimitIsTheProvidersFault) {
  const std::string head = "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n";
  const ScanOutcome fields = head_feed(Kind::kResponse, head, head.size(), {500, 100, 1});
  EXPECT_EQ(fields.code, Errc::kUpstreamUnavailable);
  const ScanOutcome bytes = head_feed(Kind::kResponse, head, 1, {20, 100, 9});
  EXPECT_EQ(bytes.code, Errc::kUpstreamUnavailable);
  const ScanOutcome line = head_feed(Kind::kResponse, head, 1, {500, 5, 9});
  EXPECT_EQ(line.kind, ScanOutcome::Kind::kComplete) << "the line limit is for requests";
}

TEST(HeadScanner, IsReadyForTheNextHeadAfterReset) {
  HeadScanner scanner(Kind::kRequest);
  const std::string head = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
  for (int i = 0; i < 3; ++i) {
    const auto progress = scanner.feed(head, {});
    ASSERT_TRUE(progress.has_value());
    EXPECT_EQ(progress->status, HeadScanner::Status::kComplete);
    EXPECT_EQ(scanner.seen_bytes(), head.size());
    scanner.reset();
    EXPECT_EQ(scanner.seen_bytes(), 0u);
  }
}

// Random damage to good heads: the verdict, its code and its place do not depend on the cut.
TEST(HeadScanner, AnyCutGivesTheSameVerdict) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string good[] = {
      "\r\nPOST /v1/chat/completions?a=b HTTP/1.1\r\nHost: a:80\r\nA:\tb c\r\n\r\n",
      "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nX: \xe4 y\r\n\r\n"};
  const std::string bytes = "\r\n\t :\0\x7f\x80/AHTP1.2#"s;
  const HeadLimits limits{64, 40, 2};
  for (int round = 0; round < 4000; ++round) {
    const size_t which = random() % 2;
    const Kind kind = which == 0 ? Kind::kRequest : Kind::kResponse;
    std::string head = good[which];
    for (auto changes = random() % 3; changes != 0; --changes) {
      head[random() % head.size()] = bytes[random() % bytes.size()];
    }
    const HeadLimits used = random() % 2 == 0 ? limits : HeadLimits{};
    const ScanOutcome whole = head_feed(kind, head, head.size(), used);
    const ScanOutcome single = head_feed(kind, head, 1, used);
    const ScanOutcome pieces = head_feed(kind, head, 1 + random() % 9, used);
    ASSERT_EQ(whole.kind, single.kind) << head;
    ASSERT_EQ(whole.kind, pieces.kind) << head;
    ASSERT_EQ(whole.code, single.code) << head;
    ASSERT_EQ(whole.code, pieces.code) << head;
    if (whole.kind == ScanOutcome::Kind::kComplete) {
      ASSERT_EQ(whole.consumed, single.consumed) << head;
    }
  }
}

}  // namespace
}  // namespace weir
