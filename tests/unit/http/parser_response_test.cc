// Goal: what a provider's response head means, which are refused, and which fields reach a client.
// Method: tables of heads, one idea per row, each through a HeadScanner first; and heads with
// thousands of changes: whatever the scanner passes and Weir accepts, llhttp accepts too, with the
// same status, version and fields.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "head_feed.h"
#include "http/head_fields.h"
#include "http/parser.h"
#include "tests/shared/llhttp_fields.h"

namespace weir {
namespace {

Result<void> parse(const std::string& head, ResponseHead* out, bool to_head_request = false) {
  const ScanOutcome scan = head_feed(HeadScanner::Kind::kResponse, head, head.size());
  EXPECT_EQ(scan.kind, ScanOutcome::Kind::kComplete) << head;
  return parse_response_head(head, to_head_request, out);
}

std::string ok_with(const std::string& fields) {
  return "HTTP/1.1 200 OK\r\n" + fields + "\r\n";
}

TEST(ResponseHead, ReadsATypicalAnswer) {
  const std::string text =
      "HTTP/1.1 429 Too Many Requests\r\n"
      "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
      "Content-Type: application/json; charset=utf-8\r\n"
      "Content-Length: 17\r\n"
      "content-encoding: gzip\r\n"
      "Retry-After: 7\r\n"
      "retry-after-ms: 6500\r\n"
      "x-should-retry: true\r\n"
      "Keep-Alive: timeout=5, max=100\r\n\r\n";
  ResponseHead head;
  ASSERT_TRUE(parse(text, &head).has_value());
  EXPECT_EQ(head.status, 429);
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.framing, Framing::kLength);
  EXPECT_EQ(head.content_length, 17u);
  EXPECT_EQ(head.content_type, "application/json; charset=utf-8");
  EXPECT_EQ(head.content_encoding, "gzip");
  EXPECT_EQ(head.retry_after, "7");
  EXPECT_EQ(head.retry_after_ms, "6500");
  EXPECT_EQ(head.should_retry, "true");
  EXPECT_EQ(head.keep_alive_timeout_s, 5u);
  EXPECT_EQ(head.kept_count, 0u);
}

TEST(ResponseHead, Refuses) {
  const std::pair<const char*, std::string> rows[] = {
      {"two lengths", ok_with("Content-Length: 3\r\nContent-Length: 4\r\n")},
      {"two equal lengths", ok_with("Content-Length: 3\r\nContent-Length: 3\r\n")},
      {"list of lengths", ok_with("Content-Length: 3, 3\r\n")},
      {"length with a sign", ok_with("Content-Length: -3\r\n")},
      {"length overflow", ok_with("Content-Length: 18446744073709551616\r\n")},
      {"empty length", ok_with("Content-Length:\r\n")},
      {"both framings", ok_with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")},
      {"both framings, other order",
       ok_with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")},
      {"two codings", ok_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"gzip coding", ok_with("Transfer-Encoding: gzip\r\n")},
      {"gzip, chunked", ok_with("Transfer-Encoding: gzip, chunked\r\n")},
      {"identity coding", ok_with("Transfer-Encoding: identity\r\n")},
      {"coding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"status 099", "HTTP/1.1 099 X\r\n\r\n"},
      {"status 000", "HTTP/1.1 000 X\r\n\r\n"},
      {"status 600", "HTTP/1.1 600 X\r\n\r\n"},
      {"status 999", "HTTP/1.1 999 X\r\n\r\n"},
      {"101", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"},
      {"bad length on a 204", "HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n"},
  };
  for (const auto& [idea, text] : rows) {
    SCOPED_TRACE(idea);
    for (const bool to_head_request : {false, true}) {
      ResponseHead head;
      const Result<void> result = parse(text, &head, to_head_request);
      ASSERT_FALSE(result.has_value());
      EXPECT_EQ(result.error().code, Errc::kUpstreamUnavailable);
    }
  }
}

TEST(ResponseHead, FramesBodiesAndConnections) {
  struct Row {
    const char* idea;
    std::string text;
    bool to_head_request;
    Framing framing;
    bool keep_alive;
  };
  const std::string chunked = "Transfer-Encoding: Chunked\r\n";
  const Row rows[] = {
      {"length", ok_with("Content-Length: 3\r\n"), false, Framing::kLength, true},
      {"length zero", ok_with("Content-Length: 0\r\n"), false, Framing::kLength, true},
      {"chunked", ok_with(chunked), false, Framing::kChunked, true},
      {"until close", ok_with(""), false, Framing::kUntilClose, false},
      {"close", ok_with("Content-Length: 3\r\nConnection: close\r\n"), false, Framing::kLength,
       false},
      {"1.0", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n", false, Framing::kLength, false},
      {"1.0 kept", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n", false,
       Framing::kLength, true},
      {"1.0 kept but unframed", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", false,
       Framing::kUntilClose, false},
      {"to HEAD", ok_with("Content-Length: 3\r\n"), true, Framing::kNone, true},
      {"to HEAD, chunked", ok_with(chunked), true, Framing::kNone, true},
      {"204", "HTTP/1.1 204 No Content\r\n\r\n", false, Framing::kNone, true},
      {"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", false,
       Framing::kNone, true},
      {"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", false, Framing::kNone,
       true},
      {"100", "HTTP/1.1 100 Continue\r\n\r\n", false, Framing::kNone, true},
      {"103", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", false, Framing::kNone, true},
      {"empty reason", "HTTP/1.1 500 \r\nContent-Length: 3\r\n\r\n", false, Framing::kLength, true},
      {"upgrade offered", ok_with("Content-Length: 3\r\nConnection: upgrade\r\nUpgrade: h2\r\n"),
       false, Framing::kLength, true},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.idea);
    ResponseHead head;
    ASSERT_TRUE(parse(row.text, &head, row.to_head_request).has_value());
    EXPECT_EQ(head.framing, row.framing);
    EXPECT_EQ(head.keep_alive, row.keep_alive);
  }
}

TEST(ResponseHead, ReadsKeepAliveParameters) {
  const std::pair<const char*, uint32_t> rows[] = {{"timeout=5", 5},
                                                   {"max=1, Timeout=60", 60},
                                                   {"timeout=x", 0},
                                                   {"timeout=", 0},
                                                   {"timeout", 0},
                                                   {"max=9", 0},
                                                   {"timeout=-1", 0},
                                                   {"", 0},
                                                   {"timeout=9999999999999", 1'000'000'000},
                                                   {"timeout=99999999999999999999999", 0}};
  for (const auto& [value, seconds] : rows) {
    ResponseHead head;
    const std::string text = ok_with("Keep-Alive: " + std::string(value) + "\r\n");
    ASSERT_TRUE(parse(text, &head).has_value());
    EXPECT_EQ(head.keep_alive_timeout_s, seconds) << value;
  }
}

TEST(ResponseHead, KeepsWhatIsOnTheListInOrder) {
  const std::vector<std::string> names = {
      "x-request-id",
      "Request-Id",
      "OpenAI-Processing-Ms",
      "openai-version",
      "openai-model",
      "x-ratelimit-limit-requests",
      "X-RateLimit-Remaining-Tokens",
      "anthropic-ratelimit-input-tokens-reset",
      "apim-request-id",
      "x-ms-request-id",
      "nvcf-reqid",
      "nvcf-status",
      "x-amzn-requestid",
      "x-amzn-errortype",
      "x-amzn-bedrock-input-token-count",
      "x-global-transaction-id",
      "x-requests-limit-rate",
      "rate-limit-remaining",
      "ratelimit-reset",
      "cf-ray",
  };
  std::string fields;
  for (const std::string& name : names) fields += "server: s\r\n" + name + ":  v-" + name + " \r\n";
  const std::string text = ok_with(fields);
  ResponseHead head;
  ASSERT_TRUE(parse(text, &head).has_value());
  ASSERT_EQ(head.kept_count, names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(head.kept[i].name, names[i]);
    EXPECT_EQ(head.kept[i].value, "v-" + names[i]);
  }
}

TEST(ResponseHead, KeepsNothingElse) {
  std::string fields;
  for (const char* name : {"Set-Cookie",
                           "Server",
                           "Date",
                           "Connection",
                           "Keep-Alive",
                           "Proxy-Authenticate",
                           "Proxy-Connection",
                           "TE",
                           "Trailer",
                           "Upgrade",
                           "Content-Type",
                           "Content-Encoding",
                           "Content-Location",
                           "Content-Security-Policy",
                           "Alt-Svc",
                           "Access-Control-Allow-Origin",
                           "Strict-Transport-Security",
                           "Location",
                           "openai-organization",
                           "openai-project",
                           "Via",
                           "x-request-idx",
                           "x-ratelimit-",
                           "x-ratelimit",
                           "request-ids",
                           "cf-cache-status",
                           "x-weir-hop",
                           "WWW-Authenticate",
                           "Link",
                           "~",
                           "9"}) {
    fields += std::string(name) + ": v\r\n";
  }
  const std::string text = ok_with(fields);
  ResponseHead head;
  ASSERT_TRUE(parse(text, &head).has_value());
  for (size_t i = 0; i < head.kept_count; ++i) ADD_FAILURE() << head.kept[i].name;
}

TEST(ResponseHead, KeepsNoMoreThanItHasRoomFor) {
  std::string fields;
  for (size_t i = 0; i < ResponseHead::kMaxKept + 5; ++i) {
    fields += "x-ratelimit-" + std::to_string(i) + ": v\r\n";
  }
  const std::string text = ok_with(fields);
  ResponseHead head;
  ASSERT_TRUE(parse(text, &head).has_value());
  EXPECT_EQ(head.kept_count, ResponseHead::kMaxKept);
  EXPECT_EQ(head.kept[ResponseHead::kMaxKept - 1].name, "x-ratelimit-23");
}

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields fields_of(std::string_view head) {
  Fields fields;
  fields_walk(head, [&fields](std::string_view name, std::string_view value) {
    fields.emplace_back(std::string(name), std::string(value));
  });
  return fields;
}

bool same(const ResponseHead& a, const ResponseHead& b) {
  return a.status == b.status && a.minor_version == b.minor_version &&
         a.keep_alive == b.keep_alive && a.framing == b.framing &&
         a.content_length == b.content_length && a.content_type == b.content_type &&
         a.content_encoding == b.content_encoding && a.retry_after == b.retry_after &&
         a.retry_after_ms == b.retry_after_ms && a.should_retry == b.should_retry &&
         a.date == b.date && a.keep_alive_timeout_s == b.keep_alive_timeout_s &&
         std::equal(a.kept.begin(), a.kept.begin() + a.kept_count, b.kept.begin(),
                    b.kept.begin() + b.kept_count, [](const HeaderField& x, const HeaderField& y) {
                      return x.name == y.name && x.value == y.value;
                    });
}

// What is read in one pass is what scanner and parser read; whether it was.
bool compare_one_pass(const std::string& text) {
  const std::vector<char> exact(text.begin(), text.end());  // for the sanitizer
  const std::string_view bytes(exact.data(), exact.size());
  ResponseHead read;
  const size_t size = read_response_head(bytes, HeadLimits(), false, &read);
  if (size == 0) return false;
  const ScanOutcome scan = head_feed(HeadScanner::Kind::kResponse, text, text.size());
  EXPECT_EQ(scan.kind, ScanOutcome::Kind::kComplete) << text;
  EXPECT_EQ(scan.consumed, size) << text;
  ResponseHead parsed;
  EXPECT_TRUE(parse_response_head(bytes.substr(0, size), false, &parsed).has_value()) << text;
  EXPECT_TRUE(same(read, parsed)) << text;
  return true;
}

// Whether the head was complete and accepted.
bool compare(const std::string& text) {
  const bool one_pass = compare_one_pass(text);
  const ScanOutcome scan = head_feed(HeadScanner::Kind::kResponse, text, text.size());
  if (scan.kind != ScanOutcome::Kind::kComplete) return false;
  const std::string head = text.substr(0, scan.consumed);  // of exact size, for the sanitizer
  ResponseHead parsed;
  if (!parse_response_head(head, false, &parsed)) return false;
  const LlhttpFields oracle = llhttp_fields(HTTP_RESPONSE, head);
  EXPECT_TRUE(oracle.accepted) << head;
  EXPECT_EQ(parsed.status, oracle.status) << head;
  EXPECT_EQ(parsed.minor_version, oracle.minor_version) << head;
  EXPECT_EQ(fields_of(head), oracle.fields) << head;
  // The slow way is for what is cut, wrong, or rare.
  EXPECT_EQ(one_pass, head.starts_with("HTTP/1.1 ")) << head;
  return true;
}

const std::string kHeads[] = {
    "HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.0 404 \r\nA:b\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nX-Request-Id:\r\nconnection: close\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive, Upgrade\r\n"
    "Upgrade: h2c\r\n\r\n",
    "HTTP/1.1 429 Too Many Requests\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    "Content-Type: application/json; charset=utf-8\r\nContent-Length: 17\r\n"
    "x-ratelimit-limit-requests:   60 \t\r\nretry-after-ms: 6500\r\n"
    "Keep-Alive: timeout=5, max=100\r\nx: \x80\xff tail\r\n\r\n",
};

TEST(ResponseOracle, AgreesOnEveryChangedByte) {
  constexpr std::string_view kBytes("\0\t\n\r !,09:;AZaz~\x7f\x80\xff", 19);
  size_t accepted = 0;
  for (const std::string& head : kHeads) {
    EXPECT_TRUE(compare(head));
    for (size_t at = 0; at < head.size(); ++at) {
      std::string shorter = head;
      shorter.erase(at, 1);
      accepted += compare(shorter) ? 1 : 0;
      for (const char byte : kBytes) {
        std::string changed = head;
        changed[at] = byte;
        accepted += compare(changed) ? 1 : 0;
        std::string longer = head;
        longer.insert(at, 1, byte);
        accepted += compare(longer) ? 1 : 0;
      }
    }
  }
  EXPECT_GT(accepted, 5000u);
}

TEST(ResponseOracle, AgreesOnLinesInAnyOrder) {
  const std::vector<std::string> lines = {
      "Content-Length: 12\r\n", "Content-Length: 0012\r\n", "Transfer-Encoding: chunked\r\n",
      "Transfer-Encoding:  Chunked \r\n", "Connection: close\r\n", "Connection: keep-alive\r\n",
      "Connection: upgrade\r\n", "Upgrade: websocket\r\n", "Proxy-Connection: close\r\n",
      "x-request-id: a\r\n", "empty:\r\n", "blank: \t \r\n", "colons: a:b: c\r\n",
      "Trailer: x\r\n", "TE: trailers\r\n", "a-name-longer-than-sixteen-bytes: v\r\n",
  };
  std::minstd_rand random(1);
  size_t accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string head = round % 2 == 0 ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.0 500 Oh no\r\n";
    for (size_t count = random() % 6; count != 0; --count) head += lines[random() % lines.size()];
    accepted += compare(head + "\r\n") ? 1 : 0;
  }
  EXPECT_GT(accepted, 5000u);
}

TEST(ResponseOracle, OnePassHeedsTheLimits) {
  const std::string head = "HTTP/1.1 200 OK\r\na: b\r\nc: d\r\n\r\n";
  const auto size = static_cast<uint32_t>(head.size());
  ResponseHead out;
  const HeadLimits just = {.max_bytes = size, .max_fields = 2};
  EXPECT_EQ(read_response_head(head, just, false, &out), size);
  EXPECT_EQ(read_response_head(head, {.max_bytes = size - 1}, false, &out), 0u);
  EXPECT_EQ(read_response_head(head, {.max_fields = 1}, false, &out), 0u);
  EXPECT_EQ(out.kept_count, 0u);
}

}  // namespace
}  // namespace weir
