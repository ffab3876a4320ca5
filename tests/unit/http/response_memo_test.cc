// Goal: a head that is recalled means what the parser says it means, and one that the parser would
// refuse is never recalled. No value of a field stays in the memo that does not frame the message.
// Method: heads of all kinds, each kept and then compared with thousands of changes of itself: what
// the memo answers, scanner and parser answer too.
#include "http/response_memo.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "head_feed.h"
#include "http/head_pattern.h"
#include "tests/shared/same_head.h"

namespace weir {
namespace {

// The size of the head that scanner and parser accept at the front of `text`, else 0.
size_t read_plainly(const std::string& text, ResponseHead* head) {
  const ScanOutcome scan = head_feed(HeadScanner::Kind::kResponse, text, text.size());
  if (scan.kind != ScanOutcome::Kind::kComplete) return 0;
  const std::string_view whole = std::string_view(text).substr(0, scan.consumed);
  return parse_response_head(whole, false, head) ? scan.consumed : 0;
}

void keep(ResponseMemo* memo, const std::string& text) {
  ResponseHead head;
  const size_t size = read_plainly(text, &head);
  ASSERT_NE(size, 0u) << text;
  memo->keep(std::string_view(text).substr(0, size), head);
}

size_t recall(ResponseMemo* memo, const std::string& text) {
  ResponseHead head;
  return memo->find(text, HeadLimits(), &head);
}

// What is recalled is what is read; whether it was recalled.
bool compare(ResponseMemo* memo, const std::string& text) {
  // A copy of exact size lets the address sanitizer see a read past its end.
  const auto exact = std::make_unique<std::string>(text);
  exact->shrink_to_fit();
  ResponseHead recalled;
  const size_t size = memo->find(*exact, HeadLimits(), &recalled);
  if (size == 0) return false;
  ResponseHead plain;
  EXPECT_EQ(read_plainly(*exact, &plain), size) << text;
  EXPECT_TRUE(same_head(plain, recalled)) << text;
  return true;
}

const std::string kWhole =
    "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: application/json\r\n"
    "Content-Length: 589\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
    "x-request-id: req_1\r\nx-ratelimit-remaining-requests: 59\r\nset-cookie: a=b\r\n\r\n";

const std::string kHeads[] = {
    kWhole,
    "HTTP/1.1 200 OK\r\ncontent-type:text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    "content-encoding: gzip\r\nx-request-id: \r\nX-Request-Id: 2\t\r\nopenai-version:\r\n\r\n",
    "HTTP/1.0 429 Too Many Requests\r\nRetry-After: 7\r\nretry-after: 8\r\nretry-after-ms: 6500\r\n"
    "x-should-retry: true\r\nContent-Length:\t0 \r\nserver: s\r\ncf-ray: 1-ZRH\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n",
    "HTTP/1.1 500 \r\ncontent-type: text/html\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\n",
};

TEST(ResponseMemo, RecallsWhatDiffersInKnownPlaces) {
  ResponseMemo memo;
  keep(&memo, kWhole);
  const std::string text =
      "HTTP/1.1 200 OK\r\nDate:Fri, 02 Jan 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n"
      "Content-Length: 12345\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
      "x-request-id:  two \r\nx-ratelimit-remaining-requests: 9\r\nset-cookie:\r\n\r\n";
  const std::string sent = text + "{body";
  ResponseHead head;
  ASSERT_EQ(memo.find(sent, HeadLimits(), &head), text.size());
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.content_type, "text/plain");
  EXPECT_EQ(head.content_length, 12345u);
  EXPECT_EQ(head.date, "Fri, 02 Jan 2026 00:00:00 GMT");
  EXPECT_EQ(head.keep_alive_timeout_s, 5u);
  ASSERT_EQ(head.kept_count, 2u);
  EXPECT_EQ(head.kept[0].name, "x-request-id");
  EXPECT_EQ(head.kept[0].value, "two");
  EXPECT_EQ(head.kept[1].value, "9");
  EXPECT_TRUE(compare(&memo, text));
}

TEST(ResponseMemo, AgreesWithTheParserOnEveryChange) {
  constexpr std::string_view kBytes("\0\t\n\r !,019:;AZaz~\x7f\x80\xff", 20);
  for (const std::string& head : kHeads) {
    ResponseMemo memo;
    keep(&memo, head);
    ASSERT_TRUE(compare(&memo, head)) << head;
    for (size_t at = 0; at < head.size(); ++at) {
      EXPECT_FALSE(compare(&memo, head.substr(0, at)));
      std::string shorter = head + "HTTP/1.1 200 OK\r\n";
      shorter.erase(at, 1);
      compare(&memo, shorter);
      for (const char byte : kBytes) {
        std::string changed = head;
        changed[at] = byte;
        compare(&memo, changed);
        std::string longer = head;
        longer.insert(at, 1, byte);
        compare(&memo, longer);
      }
      std::string folded = head;
      folded.insert(at, "\r\nTransfer-Encoding: chunked\r\nx:");
      compare(&memo, folded);
    }
  }
}

TEST(ResponseMemo, TakesNoHeadAboveTheLimit) {
  ResponseMemo memo;
  keep(&memo, kWhole);
  ResponseHead head;
  const auto size = static_cast<uint32_t>(kWhole.size());
  EXPECT_EQ(memo.find(kWhole, {.max_bytes = size}, &head), size);
  EXPECT_EQ(memo.find(kWhole, {.max_bytes = size - 1}, &head), 0u);
}

TEST(ResponseMemo, KeepsNoMoreFieldsThanTheParser) {
  std::string text = "HTTP/1.1 200 OK\r\n";
  for (size_t i = 0; i <= ResponseHead::kMaxKept; ++i) text += "x-request-id: 1\r\n";
  ResponseMemo memo;
  keep(&memo, text + "\r\n");
  EXPECT_TRUE(compare(&memo, text + "\r\n"));
}

TEST(ResponseMemo, KeepsNothingThatItCannotJudge) {
  std::string many;
  for (size_t i = 0; i <= HeadPattern::kMaxHoles; ++i) many += "x" + std::to_string(i) + ": v\r\n";
  const std::string rows[] = {
      "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n",
      "HTTP/1.1 200 OK\r\n" + many + "\r\n",
      "HTTP/1.1 200 " + std::string(HeadPattern::kMaxText, 'a') + "\r\n\r\n",
      "HTTP/1.1 200 OK\r\n" + std::string(256, 'n') + ": v\r\n\r\n",
  };
  for (const std::string& text : rows) {
    ResponseMemo memo;
    keep(&memo, text);
    EXPECT_EQ(recall(&memo, text), 0u) << text;
  }
}

TEST(ResponseMemo, KnowsTwoKinds) {
  ResponseMemo memo;
  keep(&memo, kHeads[0]);
  keep(&memo, kHeads[1]);
  EXPECT_EQ(recall(&memo, kHeads[1]), 0u);  // nothing was recalled since, so it learns more rarely
  keep(&memo, kHeads[1]);
  for (int round = 0; round < 2; ++round) {
    EXPECT_NE(recall(&memo, kHeads[0]), 0u);
    EXPECT_NE(recall(&memo, kHeads[1]), 0u);
  }
  // A third takes the place of the one that was recalled before the other.
  keep(&memo, kHeads[2]);
  EXPECT_EQ(recall(&memo, kHeads[0]), 0u);
  EXPECT_NE(recall(&memo, kHeads[1]), 0u);
  EXPECT_NE(recall(&memo, kHeads[2]), 0u);
}

}  // namespace
}  // namespace weir
