// Goal: what a well-formed request head means, and which are refused and how (RFC 9112, 9110).
// Method: tables of heads, one idea per row. Every head goes through a HeadScanner first, because
// that is what parse_request_head asks of its caller.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "head_feed.h"
#include "http/parser.h"

namespace weir {
namespace {

Result<void> parse(const std::string& head, RequestHead* out) {
  const ScanOutcome scan = head_feed(HeadScanner::Kind::kRequest, head, head.size());
  EXPECT_EQ(scan.kind, ScanOutcome::Kind::kComplete) << head;
  EXPECT_EQ(scan.consumed, head.size()) << head;
  return parse_request_head(head, out);
}

std::string get_with(const std::string& fields) {
  return "GET /v1/models HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

std::string post_with(const std::string& fields) {
  return "POST /v1/models HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

struct Refusal {
  const char* idea;
  std::string head;
  Errc code = Errc::kMalformedRequest;
};

void expect_refused(const std::vector<Refusal>& rows) {
  for (const Refusal& row : rows) {
    SCOPED_TRACE(row.idea);
    RequestHead head;
    const Result<void> result = parse(row.head, &head);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, row.code) << result.error().message;
    EXPECT_FALSE(result.error().message.empty());
  }
}

TEST(RequestHead, ReadsATypicalRequest) {
  const std::string text =
      "POST /v1/chat/completions?api-version=1 HTTP/1.1\r\n"
      "Host: weir.example:8080\r\n"
      "accept: application/json\r\n"
      "AUTHORIZATION:Bearer key \t\r\n"
      "Content-Type: application/json\r\n"
      "X-Request-Id: r1\r\n"
      "Via: 1.1 weir\r\n"
      "X-Weir-Hop: h\r\n"
      "Content-Encoding: identity\r\n"
      "x-api-key: k\r\n"
      "content-length: 0042\r\n\r\n";
  RequestHead head;
  ASSERT_TRUE(parse(text, &head).has_value());
  EXPECT_EQ(head.method, Method::kPost);
  EXPECT_EQ(head.method_name, "POST");
  EXPECT_EQ(head.target, "/v1/chat/completions?api-version=1");
  EXPECT_EQ(head.path, "/v1/chat/completions");
  EXPECT_EQ(head.query, "api-version=1");
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.expect_continue);
  EXPECT_EQ(head.framing, Framing::kLength);
  EXPECT_EQ(head.content_length, 42u);
  EXPECT_EQ(head.host, "weir.example:8080");
  EXPECT_EQ(head.authorization, "Bearer key");
  EXPECT_EQ(head.content_type, "application/json");
  EXPECT_EQ(head.content_encoding, "identity");
  EXPECT_EQ(head.request_id, "r1");
  EXPECT_EQ(head.via, "1.1 weir");
  EXPECT_EQ(head.weir_hop, "h");
  EXPECT_EQ(head.api_key, "k");
  EXPECT_EQ(head.field_count, 10u);
}

TEST(RequestHead, KnowsItsMethods) {
  const std::pair<const char*, Method> rows[] = {
      {"GET", Method::kGet},        {"HEAD", Method::kHead},   {"POST", Method::kPost},
      {"PUT", Method::kPut},        {"PATCH", Method::kPatch}, {"DELETE", Method::kDelete},
      {"OPTIONS", Method::kOptions}};
  for (const auto& [name, method] : rows) {
    RequestHead head;
    const std::string text = std::string(name) + " / HTTP/1.1\r\nHost: a\r\n\r\n";
    ASSERT_TRUE(parse(text, &head).has_value());
    EXPECT_EQ(head.method, method);
    EXPECT_EQ(head.method_name, name);
  }
}

TEST(RequestHead, RefusesOtherMethods) {
  std::vector<Refusal> rows;
  for (const char* name : {"CONNECT", "TRACE", "get", "Get", "GETS", "FOO", "PRI", "SOURCE",
                           "M-SEARCH", "DESCRIBE", "PROPFIND", "QUERY"}) {
    rows.push_back(
        {name, std::string(name) + " / HTTP/1.1\r\nHost: a\r\n\r\n", Errc::kNotImplemented});
  }
  rows.push_back({"CONNECT to an authority", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
                  Errc::kNotImplemented});
  expect_refused(rows);
}

TEST(RequestHead, RefusesAmbiguousBodies) {
  expect_refused({
      {"length and coding", post_with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")},
      {"coding and length", post_with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")},
      {"two lengths", post_with("Content-Length: 3\r\nContent-Length: 4\r\n")},
      {"two equal lengths", post_with("Content-Length: 3\r\nContent-Length: 3\r\n")},
      {"list of lengths", post_with("Content-Length: 3, 3\r\n")},
      {"empty length", post_with("Content-Length:\r\n")},
      {"sign", post_with("Content-Length: +3\r\n")},
      {"minus", post_with("Content-Length: -3\r\n")},
      {"hexadecimal", post_with("Content-Length: 0x3\r\n")},
      {"fraction", post_with("Content-Length: 3.0\r\n")},
      {"blank within", post_with("Content-Length: 3 4\r\n")},
      {"obs-text", post_with("Content-Length: 3\xa0\r\n")},
      {"overflow", post_with("Content-Length: 18446744073709551616\r\n")},
      {"large overflow", post_with("Content-Length: 99999999999999999999999999\r\n")},
      {"two codings", post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"two different codings",
       post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")},
      {"coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"coding in HTTP/1.0, kept alive",
       "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"},
  });
}

TEST(RequestHead, RefusesOtherCodings) {
  std::vector<Refusal> rows;
  for (const char* coding :
       {"gzip", "identity", "gzip, chunked", "chunked, gzip", "chunked, chunked", "xchunked",
        "chunkedx", "chunked;a=b", "\"chunked\"", "chunked,", "", "chu nked"}) {
    rows.push_back({coding, post_with("Transfer-Encoding: " + std::string(coding) + "\r\n"),
                    Errc::kNotImplemented});
  }
  expect_refused(rows);
}

TEST(RequestHead, FramesBodies) {
  struct Row {
    const char* idea;
    std::string head;
    Framing framing;
    uint64_t length;
  };
  const Row rows[] = {
      {"none", get_with(""), Framing::kNone, 0},
      {"none for POST; 411 is the caller's", post_with(""), Framing::kNone, 0},
      {"zero", post_with("Content-Length: 0\r\n"), Framing::kLength, 0},
      {"length on GET", get_with("Content-Length: 5\r\n"), Framing::kLength, 5},
      {"largest", post_with("Content-Length: 18446744073709551615\r\n"), Framing::kLength,
       UINT64_MAX},
      {"chunked", post_with("Transfer-Encoding: chunked\r\n"), Framing::kChunked, 0},
      {"chunked in capitals", post_with("TRANSFER-ENCODING: CHUNKED \r\n"), Framing::kChunked, 0},
      {"chunked on GET", get_with("Transfer-Encoding: chunked\r\n"), Framing::kChunked, 0},
      {"length in HTTP/1.0", "POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n", Framing::kLength, 5},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.idea);
    RequestHead head;
    ASSERT_TRUE(parse(row.head, &head).has_value());
    EXPECT_EQ(head.framing, row.framing);
    EXPECT_EQ(head.content_length, row.length);
  }
}

TEST(RequestHead, RefusesBadHosts) {
  std::vector<Refusal> rows = {
      {"none", "GET / HTTP/1.1\r\n\r\n"},
      {"two", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {"two in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"none with an absolute target", "GET http://a/ HTTP/1.1\r\n\r\n"},
      {"bad in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a b\r\n\r\n"},
  };
  for (const char* host : {"",
                           "a b",
                           "a/b",
                           "a@b",
                           "u:p@a",
                           "a:b",
                           "a:80:80",
                           "a:65536",
                           "a:99999999999999999999",
                           "a:-1",
                           "a:+1",
                           ":80",
                           "http://a",
                           "[::1",
                           "::1",
                           "[]",
                           "[::1]x",
                           "[::1]:x",
                           "[fe80::1%25eth0]",
                           "[v1.x]",
                           "[1.2.3.4]",
                           "a?b",
                           "a\"b",
                           "a<b",
                           "%4",
                           "%zz",
                           "a\\b",
                           "\xc3\xa9.example"}) {
    rows.push_back({host, "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"});
  }
  expect_refused(rows);
}

TEST(RequestHead, AcceptsHosts) {
  for (const char* host : {"a", "a.example", "a.example.", "a_b-c~d", "127.0.0.1", "127.0.0.1:8080",
                           "[::1]", "[::1]:8080", "[2001:db8::1.2.3.4]", "a:0", "a:65535",
                           "a:", "%41.example", "xn--caf-dma.example"}) {
    RequestHead head;
    const std::string text = "GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
    EXPECT_TRUE(parse(text, &head).has_value()) << host;
    EXPECT_EQ(head.host, host);
  }
  RequestHead head;
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\n\r\n", &head).has_value()) << "HTTP/1.0 needs none";
}

TEST(RequestHead, ReadsTargets) {
  struct Row {
    const char* target;
    const char* path;
    const char* query;
  };
  const Row rows[] = {
      {"/", "/", ""},
      {"/v1/models", "/v1/models", ""},
      {"//v1", "//v1", ""},
      {"/a/../b/./%2e", "/a/../b/./%2e", ""},
      {"/a?b=c", "/a", "b=c"},
      {"/a?", "/a", ""},
      {"/a?b?c", "/a", "b?c"},
      {"/?http://x/", "/", "http://x/"},
      {"http://b.example/a?c", "/a", "c"},
      {"HTTPS://b:443/a", "/a", ""},
      {"http://b", "/", ""},
      {"http://b?c", "/", "c"},
      {"http://[::1]:80/a", "/a", ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.target);
    RequestHead head;
    const std::string text = "GET " + std::string(row.target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    const Result<void> result = parse(text, &head);
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(head.target, row.target);
    EXPECT_EQ(head.path, row.path);
    EXPECT_EQ(head.query, row.query);
  }
  RequestHead head;
  const std::string star = "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_TRUE(parse(star, &head).has_value());
  EXPECT_EQ(head.path, "*");
}

TEST(RequestHead, RefusesOtherTargets) {
  std::vector<Refusal> rows;
  for (const char* target :
       {"*", "a", "a:80", "a.example:80", "localhost:80", "?a", "*/", "**", "../a", "%2f",
        "ftp://a/b", "http:/a", "http:a", "http://", "http:///a", "http://u@a/b", "http://a:x/b",
        "file:///etc", "httpx://a/"}) {
    rows.push_back({target, "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n"});
  }
  rows.push_back({"star with a query", "OPTIONS *?a HTTP/1.1\r\nHost: a\r\n\r\n"});
  expect_refused(rows);
}

TEST(RequestHead, RefusesTwoCredentials) {
  expect_refused({
      {"two of one kind", get_with("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n")},
      {"two equal", get_with("Authorization: Bearer a\r\nauthorization: Bearer a\r\n")},
      {"one of them empty", get_with("Authorization:\r\nAuthorization: Bearer a\r\n")},
      {"two API keys", get_with("api-key: a\r\nx-api-key: b\r\n")},
  });
}

TEST(RequestHead, AnEmptyFieldHidesNoneBehindIt) {
  const std::string text = get_with(
      "Content-Encoding:\r\nContent-Encoding: gzip\r\nVia:\r\nVia: a\r\nX-Weir-Hop:\r\n"
      "X-Weir-Hop: h\r\nX-Weir-Timing:\r\nX-WEIR-TIMING: 1\r\n");
  RequestHead head;
  ASSERT_TRUE(parse(text, &head).has_value());
  EXPECT_EQ(head.content_encoding, "gzip");
  EXPECT_EQ(head.via, "a");
  EXPECT_EQ(head.weir_hop, "h");
  EXPECT_EQ(head.weir_timing, "1");
}

TEST(RequestHead, DecidesAboutTheConnection) {
  struct Row {
    const char* idea;
    const char* version;
    const char* fields;
    bool keep_alive;
  };
  const Row rows[] = {
      {"1.1", "1.1", "", true},
      {"1.1 close", "1.1", "Connection: close\r\n", false},
      {"1.1 Close", "1.1", "Connection: Close\r\n", false},
      {"1.1 both", "1.1", "Connection: keep-alive, close\r\n", false},
      {"1.1 both in two fields", "1.1", "Connection: close\r\nConnection: keep-alive\r\n", false},
      {"1.1 close among others", "1.1", "Connection: upgrade ,\tclose , te\r\n", false},
      {"1.1 another token", "1.1", "Connection: closed\r\n", true},
      {"1.1 empty", "1.1", "Connection:\r\n", true},
      {"1.0", "1.0", "", false},
      {"1.0 keep-alive", "1.0", "Connection: Keep-Alive\r\n", true},
      {"1.0 both", "1.0", "Connection: keep-alive, close\r\n", false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.idea);
    RequestHead head;
    const std::string text =
        "GET / HTTP/" + std::string(row.version) + "\r\nHost: a\r\n" + row.fields + "\r\n";
    ASSERT_TRUE(parse(text, &head).has_value());
    EXPECT_EQ(head.keep_alive, row.keep_alive);
    EXPECT_EQ(head.minor_version, row.version[2] - '0');
  }
}

TEST(RequestHead, IgnoresUpgrades) {
  RequestHead head;
  const std::string fields =
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n";
  ASSERT_TRUE(parse(get_with(fields), &head).has_value());
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.framing, Framing::kNone);
  ASSERT_TRUE(parse(post_with(fields + "Content-Length: 4\r\n"), &head).has_value());
  EXPECT_EQ(head.content_length, 4u);
}

TEST(RequestHead, HonoursExpectations) {
  RequestHead head;
  ASSERT_TRUE(parse(post_with("Expect: 100-continue\r\nContent-Length: 1\r\n"), &head).has_value());
  EXPECT_TRUE(head.expect_continue);
  ASSERT_TRUE(parse(post_with("Expect: 100-Continue\r\nContent-Length: 1\r\n"), &head).has_value());
  EXPECT_TRUE(head.expect_continue);
  for (const char* version : {"100-continue", "something"}) {
    const std::string text = "POST / HTTP/1.0\r\nExpect: " + std::string(version) + "\r\n\r\n";
    ASSERT_TRUE(parse(text, &head).has_value()) << "HTTP/1.0 expectations are ignored";
    EXPECT_FALSE(head.expect_continue);
  }
  expect_refused({
      {"unknown", post_with("Expect: 200-ok\r\n"), Errc::kExpectationFailed},
      {"empty", post_with("Expect:\r\n"), Errc::kExpectationFailed},
      {"known and unknown", post_with("Expect: 100-continue\r\nExpect: x\r\n"),
       Errc::kExpectationFailed},
  });
}

TEST(RequestHead, SkipsOneEmptyLineInFront) {
  RequestHead head;
  const std::string text = "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_TRUE(parse(text, &head).has_value());
  EXPECT_EQ(head.path, "/a");
}

TEST(RequestHead, CountsEmptyValuesAsFields) {
  RequestHead head;
  ASSERT_TRUE(
      parse(get_with("A:\r\nB: \r\nC:\t\r\nConnection:\r\nUpgrade:\r\n"), &head).has_value());
  EXPECT_EQ(head.field_count, 6u);
}

TEST(RequestHead, TakesEveryByteTheScannerLetsThrough) {
  // llhttp has tables of its own; a byte only one of the two accepts would be a hole or a bug.
  std::string value;
  for (int c = 0x20; c < 0x100; ++c) {
    if (c != 0x7f) value += static_cast<char>(c);
  }
  std::string target = "/";
  for (int c = 0x21; c < 0x7f; ++c) {
    if (c != '#') target += static_cast<char>(c);
  }
  RequestHead head;
  const std::string text =
      "GET " + target + " HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ:" + value + "\t\r\n\r\n";
  ASSERT_TRUE(parse(text, &head).has_value());
  EXPECT_EQ(head.target, target);
  EXPECT_EQ(head.field_count, 2u);
}

}  // namespace
}  // namespace weir
