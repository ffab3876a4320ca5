// Goal: a head that is recalled means what the parser says it means, and one that the parser would
// refuse is never recalled. No secret stays in the memo.
// Method: heads of all kinds, each kept and then compared with thousands of changes of itself: what
// the memo answers, scanner and parser answer too.
#include "http/head_memo.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "head_feed.h"
#include "http/head_pattern.h"
#include "tests/shared/same_head.h"

namespace weir {
namespace {

// The size of the head that scanner and parser accept at the front of `text`, else 0.
size_t read_plainly(const std::string& text, RequestHead* head) {
  const ScanOutcome scan = head_feed(HeadScanner::Kind::kRequest, text, text.size());
  if (scan.kind != ScanOutcome::Kind::kComplete) return 0;
  return parse_request_head(std::string_view(text).substr(0, scan.consumed), head) ? scan.consumed
                                                                                    : 0;
}

void keep(HeadMemo* memo, const std::string& text, HeadMemo::Hint* hint) {
  RequestHead head;
  const size_t size = read_plainly(text, &head);
  ASSERT_NE(size, 0u) << text;
  memo->keep(std::string_view(text).substr(0, size), head, hint);
}

struct Recall {
  size_t size = 0;
  RequestHead head;
};

Recall recall(HeadMemo* memo, const std::string& text, HeadMemo::Hint* hint) {
  Recall found;
  found.size = memo->find(text, HeadLimits(), hint, &found.head);
  return found;
}

// What is recalled is what is read; whether it was recalled.
bool compare(HeadMemo* memo, const std::string& text) {
  // A copy of exact size lets the address sanitizer see a read past its end.
  const auto exact = std::make_unique<std::string>(text);
  exact->shrink_to_fit();
  HeadMemo::Hint hint;
  const Recall found = recall(memo, *exact, &hint);
  if (found.size == 0) return false;
  RequestHead plain;
  EXPECT_EQ(read_plainly(*exact, &plain), found.size) << text;
  EXPECT_TRUE(same_head(plain, found.head)) << text;
  return true;
}

const std::string kSdk =
    "POST /v1/chat/completions HTTP/1.1\r\nHost: weir.example:8080\r\nConnection: keep-alive\r\n"
    "Accept: application/json\r\nX-Stainless-Lang: js\r\nauthorization: Bearer sk-1234\r\n"
    "x-request-id: one\r\nContent-Length: 305\r\nContent-Type: application/json\r\n\r\n";

const std::string kHeads[] = {
    kSdk,
    "POST http://a/v1/completions?version=2024-01-01 HTTP/1.1\r\nhost:a\r\nContent-Length:7 \r\n"
    "Traceparent:00-ab-cd-01\t\r\nx-weir-hop: 1\r\nX-Weir-Hop: 2\r\nvia:\r\n\r\n",
    "PUT / HTTP/1.0\r\nContent-Length:\t0\r\nConnection: close\r\nX-IBM-Project-Id: p\r\n"
    "x-ibm-space-id: s\r\nx-api-key: k\r\ncookie: a=b\r\nX-Weir-Timing: 1\r\nCookie: c\r\n\r\n",
};

TEST(HeadMemo, RecallsWhatDiffersInKnownPlaces) {
  HeadMemo memo;
  HeadMemo::Hint hint;
  keep(&memo, kSdk, &hint);
  const std::string text =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: weir.example:8080\r\nConnection: keep-alive\r\n"
      "Accept: application/json\r\nX-Stainless-Lang: js\r\nauthorization:  Bearer sk-999999 \r\n"
      "x-request-id:two\r\nContent-Length: 12345\r\nContent-Type: application/json\r\n\r\n";
  const std::string sent = text + "{body";
  const Recall found = recall(&memo, sent, &hint);
  ASSERT_EQ(found.size, text.size());
  EXPECT_EQ(found.head.method, Method::kPost);
  EXPECT_EQ(found.head.path, "/v1/chat/completions");
  EXPECT_EQ(found.head.authorization, "Bearer sk-999999");
  EXPECT_EQ(found.head.request_id, "two");
  EXPECT_EQ(found.head.content_length, 12345u);
  EXPECT_EQ(found.head.content_type, "application/json");
  EXPECT_TRUE(compare(&memo, text));
}

TEST(HeadMemo, AgreesWithTheParserOnEveryChange) {
  constexpr std::string_view kBytes("\0\t\n\r !,019:;AZaz~\x7f\x80\xff", 20);
  for (const std::string& head : kHeads) {
    HeadMemo memo;
    HeadMemo::Hint hint;
    keep(&memo, head, &hint);
    ASSERT_TRUE(compare(&memo, head));
    size_t recalled = 0;
    for (size_t at = 0; at < head.size(); ++at) {
      EXPECT_FALSE(compare(&memo, head.substr(0, at)));
      std::string shorter = head + "POST / HTTP/1.1\r\n";
      shorter.erase(at, 1);
      recalled += compare(&memo, shorter) ? 1 : 0;
      for (const char byte : kBytes) {
        std::string changed = head;
        changed[at] = byte;
        recalled += compare(&memo, changed) ? 1 : 0;
        std::string longer = head;
        longer.insert(at, 1, byte);
        recalled += compare(&memo, longer) ? 1 : 0;
      }
      std::string folded = head;
      folded.insert(at, "\r\nTransfer-Encoding: chunked\r\nx:");
      recalled += compare(&memo, folded) ? 1 : 0;
    }
    EXPECT_GT(recalled, 100u) << head;
  }
}

TEST(HeadMemo, ReadsLengthsAsStrictlyAsTheParser) {
  HeadMemo memo;
  HeadMemo::Hint hint;
  keep(&memo, kSdk, &hint);
  const auto with_length = [](std::string_view digits) {
    std::string text = kSdk;
    return text.replace(text.find("305"), 3, digits);
  };
  for (const char* good : {"0", "1", "007", "999999999999999999"}) {
    EXPECT_TRUE(compare(&memo, with_length(good))) << good;
  }
  for (const char* bad : {"", "+1", "-1", " 1", "1 ", "1 2", "0x1", "1,1", "1;", "\t1", "1\r\n ",
                          "18446744073709551616", "9223372036854775808", "0000000000000000000"}) {
    EXPECT_FALSE(compare(&memo, with_length(bad))) << bad;
  }
}

TEST(HeadMemo, TakesNoHeadAboveTheLimit) {
  HeadMemo memo;
  HeadMemo::Hint hint;
  keep(&memo, kSdk, &hint);
  RequestHead head;
  const auto size = static_cast<uint32_t>(kSdk.size());
  EXPECT_EQ(memo.find(kSdk, {.max_bytes = size}, &hint, &head), size);
  EXPECT_EQ(memo.find(kSdk, {.max_bytes = size - 1}, &hint, &head), 0u);
}

TEST(HeadMemo, KeepsNothingThatItCannotJudge) {
  const auto post = [](const std::string& fields) {
    return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  };
  const std::string length = "Content-Length: 3\r\n";
  std::string many;
  for (size_t i = 0; i < HeadPattern::kMaxHoles; ++i) many += "x" + std::to_string(i) + ": v\r\n";
  const std::pair<const char*, std::string> rows[] = {
      {"no length", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"chunked", post("Transfer-Encoding: chunked\r\n")},
      {"expectation", post(length + "Expect: 100-continue\r\n")},
      {"upgrade", post(length + "Upgrade: h2c\r\n")},
      {"proxy-connection", post(length + "Proxy-Connection: close\r\n")},
      {"empty line in front", "\r\n" + post(length)},
      {"a query that may be private", "POST /?key=1 HTTP/1.1\r\nHost: a\r\n" + length + "\r\n"},
      {"more in the query", "POST /?version=1&k=1 HTTP/1.1\r\nHost: a\r\n" + length + "\r\n"},
      {"too many values that differ", post(length + many)},
      {"too long",
       post(length + "User-Agent: " + std::string(HeadPattern::kMaxText, 'u') + "\r\n")},
      {"a long name", post(length + std::string(256, 'n') + ": v\r\n")},
  };
  for (const auto& [idea, text] : rows) {
    SCOPED_TRACE(idea);
    HeadMemo memo;
    HeadMemo::Hint hint;
    keep(&memo, text, &hint);
    EXPECT_EQ(recall(&memo, text, &hint).size, 0u);
  }
}

// Of several kinds of clients, on connections of their own.
TEST(HeadMemo, FindsTheHeadOfTheConnectionAmongMany) {
  HeadMemo memo;
  const auto head_of = [](size_t client) {
    return "POST / HTTP/1.1\r\nHost: a\r\nUser-Agent: agent" + std::to_string(client) +
           "\r\nContent-Length: 3\r\n\r\n";
  };
  std::vector<HeadMemo::Hint> hints(HeadMemo::kEntries + 1);
  for (size_t i = 0; i < HeadMemo::kEntries; ++i) keep(&memo, head_of(i), &hints[i]);
  for (size_t i = 0; i < HeadMemo::kEntries; ++i) {
    EXPECT_NE(recall(&memo, head_of(i), &hints[i]).size, 0u);
  }
  // A new connection knows where to look once its head was kept, and takes no place of its own.
  HeadMemo::Hint fresh;
  EXPECT_EQ(recall(&memo, head_of(5), &fresh).size, 0u);
  keep(&memo, head_of(5), &fresh);
  EXPECT_EQ(fresh.entry, hints[5].entry);
  // One more: the oldest gives way.
  keep(&memo, head_of(99), &hints[HeadMemo::kEntries]);
  EXPECT_EQ(recall(&memo, head_of(0), &hints[0]).size, 0u);
  EXPECT_NE(recall(&memo, head_of(1), &hints[1]).size, 0u);
  EXPECT_NE(recall(&memo, head_of(99), &hints[0]).size, 0u);
}

TEST(HeadMemo, GivesUpOnAConnectionWhoseHeadsNeverComeBack) {
  HeadMemo memo;
  HeadMemo::Hint hint;
  const auto head_of = [](int nth) {
    return "POST / HTTP/1.1\r\nHost: a" + std::to_string(nth) + "\r\nContent-Length: 3\r\n\r\n";
  };
  for (int i = 0; i <= HeadMemo::kMaxTries; ++i) keep(&memo, head_of(i), &hint);
  EXPECT_EQ(recall(&memo, head_of(HeadMemo::kMaxTries), &hint).size, 0u);
  EXPECT_NE(recall(&memo, head_of(HeadMemo::kMaxTries - 1), &hint).size, 0u);
  // One that came back counts anew.
  keep(&memo, head_of(77), &hint);
  EXPECT_NE(recall(&memo, head_of(77), &hint).size, 0u);
}

}  // namespace
}  // namespace weir
