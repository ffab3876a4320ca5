// Goal: event boundaries and fields of server-sent events, for any cut and all three line ends.
// Method: tables of streams; random streams against a slow reader that sees the whole at once.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "http/sse.h"

namespace weir {
namespace {

// The events of a stream fed in pieces of `step`; the last element is the tail. A lone LF behind an
// event that ended in CR goes back to that event.
std::vector<std::string> events_cut(std::string_view stream, size_t step) {
  SseBoundary boundary;
  std::vector<std::string> events;
  std::string held;
  for (size_t at = 0; at < stream.size(); at += step) {
    const std::string piece(stream.substr(at, step));
    std::string_view rest = piece;
    while (const size_t n = boundary.next(rest)) {
      held += rest.substr(0, n);
      rest.remove_prefix(n);
      if (held == "\n" && !events.empty() && events.back().back() == '\r') {
        events.back() += held;
      } else {
        events.push_back(held);
      }
      held.clear();
    }
    held += rest;
  }
  events.push_back(held);
  return events;
}

struct Row {
  const char* idea;
  std::vector<std::string> events;  // the last one is the tail
};

TEST(SseBoundary, CutsTheSameEventsForEveryCut) {
  const Row rows[] = {
      {"LF", {"data: a\n\n", "data: b\n\n", ""}},
      {"CRLF", {"data: a\r\n\r\n", "data: b\r\n\r\n", ""}},
      {"CR", {"data: a\r\r", "data: b\r\r", ""}},
      {"mixed ends", {"data: a\r\n\n", "data: b\n\r\n", "data: c\r\r\n", "data: d\n\r", "x"}},
      {"several lines", {"event: e\ndata: a\ndata: b\n\n", ""}},
      {"comment", {": ping\n\n", "data: a\n\n", ""}},
      {"tail without an end", {"data: a\n\n", "data: b\n"}},
      {"nothing but a tail", {"data: a"}},
      {"blank lines on their own", {"\n", "\n", "data: a\n\n", "\n", ""}},
      {"BOM in front",
       {"\xef\xbb\xbf"
        "data: a\n\n",
        ""}},
      {"BOM and a blank line", {"\xef\xbb\xbf\n", "data: a\n\n", ""}},
      {"half a BOM is text", {"\xef\xbb\ndata\n\n", ""}},
      {"BOM later is text", {"data: a\n\n", "\xef\xbb\xbf\n\n", ""}},
      {"CR within long lines",
       {"data: " + std::string(100, 'x') + "\r" + std::string(40, 'y') + "\r\r", ""}},
      {"empty", {""}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.idea);
    std::string stream;
    for (const std::string& event : row.events) stream += event;
    for (size_t step = 1; step <= stream.size() + 1; ++step) {
      EXPECT_EQ(events_cut(stream, step), row.events) << "in pieces of " << step;
    }
  }
}

TEST(SseBoundary, ReportsAnEventInCrAtOnce) {
  SseBoundary boundary;
  EXPECT_EQ(boundary.next("data: a\r\r"), 9u);
  EXPECT_EQ(boundary.next("\ndata: b\r\r"), 1u);
  EXPECT_EQ(boundary.next("data: b\r\r"), 9u);
  EXPECT_EQ(boundary.next("data: c\n\n"), 9u);
  EXPECT_EQ(boundary.next(""), 0u);
  boundary.reset();
  EXPECT_EQ(boundary.next("\xef\xbb\xbf\n"), 4u);
}

TEST(SseBoundary, RandomStreamsAreCutAlike) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string alphabet = "\n\n\r\r\n:ad \xef\xbb\xbf";
  for (int round = 0; round < 3000; ++round) {
    std::string stream(random() % 60, 'x');
    for (char& c : stream) {
      if (random() % 3 != 0) c = alphabet[random() % alphabet.size()];
    }
    const auto whole = events_cut(stream, stream.size() + 1);
    ASSERT_EQ(events_cut(stream, 1), whole);
    ASSERT_EQ(events_cut(stream, 1 + random() % 7), whole);
  }
}

struct EventRow {
  const char* idea;
  std::string raw;
  bool has_data;
  std::string data;
  std::string event;
  bool multi_line = false;
};

TEST(SseReadEvent, ReadsFields) {
  const EventRow rows[] = {
      {"one data line", "data: {\"a\":1}\n\n", true, "{\"a\":1}", ""},
      {"CRLF", "data: a\r\n\r\n", true, "a", ""},
      {"CR", "data: a\r\r", true, "a", ""},
      {"no space behind the colon", "data:a\n\n", true, "a", ""},
      {"only one space goes", "data:  a \n\n", true, " a ", ""},
      {"no colon", "data\n\n", true, "", ""},
      {"empty data", "data:\n\n", true, "", ""},
      {"event name", "event: message_stop\ndata: {}\n\n", true, "{}", "message_stop"},
      {"event name behind the data", "data: {}\nevent: e\n\n", true, "{}", "e"},
      {"the last event name counts", "event: a\nevent: b\n\n", false, "", "b"},
      {"comment", ": ping\n\n", false, "", ""},
      {"comment among data", ": c\ndata: a\n\n", true, "a", ""},
      {"other fields", "id: 1\nretry: 5\nfoo\n\n", false, "", ""},
      {"longer field name", "database: 1\n\n", false, "", ""},
      {"field name in capitals", "DATA: 1\n\n", false, "", ""},
      {"space before the colon", "data : 1\n\n", false, "", ""},
      {"two data lines", "data: a\ndata: b\n\n", true, "a\nb", "", true},
      {"empty lines of data", "data\ndata:\ndata: \n\n", true, "\n\n", "", true},
      {"three data lines in CRLF", "data: a\r\ndata: b\r\ndata: c\r\n\r\n", true, "a\nb\nc", "",
       true},
      {"tail without a line end", "data: a", true, "a", ""},
      {"BOM",
       "\xef\xbb\xbf"
       "data: a\n\n",
       true, "a", ""},
      {"nothing", "", false, "", ""},
      {"line end alone", "\n", false, "", ""},
  };
  for (const EventRow& row : rows) {
    SCOPED_TRACE(row.idea);
    std::array<char, 16> scratch;
    const auto event = sse_read_event(row.raw, scratch);
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->has_data, row.has_data);
    EXPECT_EQ(event->data, row.data);
    EXPECT_EQ(event->event, row.event);
    EXPECT_EQ(event->multi_line, row.multi_line);
  }
}

TEST(SseReadEvent, BorrowsASingleLine) {
  const std::string raw = "data: " + std::string(100, 'x') + "\n\n";
  const auto event = sse_read_event(raw, {});
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->data.data(), raw.data() + 6);
}

TEST(SseReadEvent, RefusesWhatDoesNotFitTheScratch) {
  std::array<char, 5> scratch;
  EXPECT_TRUE(sse_read_event("data: ab\ndata: cd\n\n", scratch).has_value());
  const char* const rows[] = {"data: abc\ndata: cd\n\n", "data: abcdef\ndata: g\n\n",
                              "data: ab\ndata: cd\ndata\n\n"};
  for (const char* raw : rows) {
    const auto event = sse_read_event(raw, scratch);
    ASSERT_FALSE(event.has_value()) << raw;
    EXPECT_EQ(event.error().code, Errc::kUpstreamUnavailable);
  }
}

TEST(SseIsDone, IgnoresWhiteSpaceOnly) {
  for (const char* done : {"[DONE]", " [DONE]", "[DONE] \t", "\r[DONE]\n"}) {
    EXPECT_TRUE(sse_is_done(done)) << done;
  }
  for (const char* other : {"", " ", "[DONE", "[done]", "[ DONE ]", "\"[DONE]\"", "[DONE]x"}) {
    EXPECT_FALSE(sse_is_done(other)) << other;
  }
}

}  // namespace
}  // namespace weir
