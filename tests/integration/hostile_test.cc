// Requests that a proxy must not repair: each is refused, the connection ends, and nothing of it
// reaches the provider.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "servers.h"

namespace weir::integration {
namespace {

struct Hostile {
  const char* name;
  std::string bytes;
};

const std::string kCrLf = "\r\n";
const std::string kLine = "POST /v1/chat/completions HTTP/1.1" + kCrLf;
const std::string kHost = "Host: weir" + kCrLf;
const std::string kAuthorization = "Authorization: Bearer " + std::string(kUserKey) + kCrLf;
const std::string kStart = kLine + kHost + kAuthorization;
const std::string kChunked = "Transfer-Encoding: chunked" + kCrLf;

std::string body() { return chat_body("chat"); }
std::string length(const std::string& value) { return "Content-Length: " + value + kCrLf; }
std::string length() { return length(std::to_string(body().size())); }
// A whole good request, hidden behind a bad one.
std::string inner() { return kStart + length() + kCrLf + body(); }
std::string rest() { return kCrLf + body(); }
std::string good(const std::string& field) { return kStart + field + kCrLf + length() + rest(); }
std::string chunk(const std::string& size) {
  return kStart + kChunked + kCrLf + size + kCrLf + body() + "\r\n0\r\n\r\n";
}
std::string hex_size() {
  char text[16];
  std::snprintf(text, sizeof text, "%zx", body().size());
  return text;
}

std::vector<Hostile> framing_cases() {
  const std::string zero = kCrLf + "0\r\n\r\n" + inner();
  const std::string size = std::to_string(body().size());
  return {
      {"length and chunked", kStart + length() + kChunked + zero},
      {"chunked and length", kStart + kChunked + length("5") + zero},
      {"two lengths", kStart + length() + length("0") + rest()},
      {"two equal lengths", kStart + length() + length() + rest()},
      {"length list", kStart + length(size + ", " + size) + rest()},
      {"length with plus", kStart + length("+" + size) + rest()},
      {"negative length", kStart + length("-1") + rest()},
      {"hexadecimal length", kStart + length("0x10") + rest()},
      {"length with space", kStart + length("1 0") + rest()},
      {"empty length", kStart + length("") + rest()},
      {"overflowing length", kStart + length("18446744073709551617") + rest()},
      {"two codings", kStart + "Transfer-Encoding: gzip, chunked" + kCrLf + zero},
      {"chunked twice", kStart + "Transfer-Encoding: chunked, chunked" + kCrLf + zero},
      {"chunked in two fields", kStart + kChunked + kChunked + zero},
      {"unknown coding", kStart + "Transfer-Encoding: xchunked" + kCrLf + zero},
      {"identity", kStart + "Transfer-Encoding: identity" + kCrLf + length() + rest()},
      {"coding with parameter", kStart + "Transfer-Encoding: chunked;q=1" + kCrLf + zero},
      {"quoted coding", kStart + "Transfer-Encoding: \"chunked\"" + kCrLf + zero},
      {"space before colon", kStart + "Transfer-Encoding : chunked" + kCrLf + zero},
      {"coding with vertical tab", kStart + "Transfer-Encoding: \vchunked" + kCrLf + zero},
      {"chunked in 1.0",
       "POST /v1/chat/completions HTTP/1.0\r\n" + kAuthorization + kChunked + zero},
      {"no length", kStart + rest()},
  };
}

std::vector<Hostile> field_cases() {
  const std::string nul(1, '\0');
  return {
      {"bare LF after field", kStart + "x-a: b\n" + length() + rest()},
      {"bare LF after line", "POST /v1/chat/completions HTTP/1.1\n" + kHost + kAuthorization +
                                 length() + rest()},
      {"bare CR in value", good("x-a: b\rx-b: c")},
      {"CR CR LF", good("x-a: b\r")},
      {"folded line", good("x-a: b\r\n c")},
      {"folded line with tab", good("x-a: b\r\n\tc")},
      {"first field folded", kLine + " x: y" + kCrLf + kHost + kAuthorization + length() + rest()},
      {"NUL in value", good("x-a: b" + nul + "c")},
      {"NUL in name", good("x" + nul + "a: b")},
      {"control byte in value", good("x-a: b\x01")},
      {"delete in value", good("x-a: b\x7f")},
      {"space in name", good("x a: b")},
      {"separator in name", good("x(a): b")},
      {"byte above 127 in name", good("x\xe9: b")},
      {"empty name", good(": b")},
      {"no colon", good("nothing")},
      {"tab before colon", good("x-a\t: b")},
      {"no host", kLine + kAuthorization + length() + rest()},
      {"two hosts", good("Host: other")},
      {"host with space", kLine + "Host: a b" + kCrLf + kAuthorization + length() + rest()},
      {"host with path", kLine + "Host: a/b" + kCrLf + kAuthorization + length() + rest()},
      {"host with user", kLine + "Host: u@a" + kCrLf + kAuthorization + length() + rest()},
      {"two keys", good(kAuthorization.substr(0, kAuthorization.size() - 2))},
      {"too many fields", [] {
         std::string fields;
         for (int i = 0; i < 300; ++i) fields += "x-" + std::to_string(i) + ": b\r\n";
         return kStart + fields + length() + rest();
       }()},
      {"head too large", good("x-a: " + std::string(70'000, 'b'))},
      {"unknown expectation", good("Expect: the-best")},
      {"encoded body", good("Content-Encoding: gzip")},
  };
}

std::vector<Hostile> line_cases() {
  const auto line = [](const std::string& text) {
    return text + kHost + kAuthorization + length() + rest();
  };
  const std::string path = "/v1/chat/completions";
  return {
      {"two spaces", line("POST  " + path + " HTTP/1.1\r\n")},
      {"space at the end", line("POST " + path + " HTTP/1.1 \r\n")},
      {"space at the start", line(" POST " + path + " HTTP/1.1\r\n")},
      {"tab between", line("POST\t" + path + " HTTP/1.1\r\n")},
      {"control byte in target", line("POST " + path + "\x01 HTTP/1.1\r\n")},
      {"byte above 127 in target", line("POST " + path + "\xe9 HTTP/1.1\r\n")},
      {"version 1.2", line("POST " + path + " HTTP/1.2\r\n")},
      {"version 2.0", line("POST " + path + " HTTP/2.0\r\n")},
      {"version with zero", line("POST " + path + " HTTP/1.01\r\n")},
      {"version in small letters", line("POST " + path + " http/1.1\r\n")},
      {"RTSP", line("POST " + path + " RTSP/1.0\r\n")},
      {"ICE", line("SOURCE " + path + " ICE/1.0\r\n")},
      {"no version", line("POST " + path + "\r\n")},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + inner()},
      {"TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + inner()},
      {"CONNECT", line("CONNECT weir:80 HTTP/1.1\r\n")},
      {"TRACE", line("TRACE " + path + " HTTP/1.1\r\n")},
      {"unknown method", line("FETCH " + path + " HTTP/1.1\r\n")},
      {"method in small letters", line("post " + path + " HTTP/1.1\r\n")},
      {"line too long", line("POST " + path + "?" + std::string(20'000, 'a') + " HTTP/1.1\r\n")},
      {"binary zeros", std::string(64, '\0') + inner()},
  };
}

std::vector<Hostile> chunk_cases() {
  const std::string size = hex_size();
  const std::string start = kStart + kChunked + kCrLf;
  const std::string data = size + kCrLf + body();
  return {
      {"chunk size no number", chunk("g")},
      {"chunk size with 0x", chunk("0x" + size)},
      {"negative chunk size", chunk("-" + size)},
      {"chunk size with plus", chunk("+" + size)},
      {"space before chunk size", chunk(" " + size)},
      {"space after chunk size", chunk(size + " ")},
      {"empty chunk size", chunk("")},
      {"overflowing chunk size", chunk("10000000000000000" + size)},
      {"LF after chunk size", start + size + "\n" + body() + "\r\n0\r\n\r\n"},
      {"LF after chunk data", start + data + "\n0\r\n\r\n"},
      {"no line end after chunk data", start + data + "0\r\n\r\n"},
      {"more data than the size", start + data + "x\r\n0\r\n\r\n"},
      {"bare CR in extension", chunk(size + ";a\rb")},
      {"huge extension", chunk(size + ";" + std::string(5'000, 'a'))},
      {"bad trailer", start + data + "\r\n0\r\nx a: b\r\n\r\n"},
      {"folded trailer", start + data + "\r\n0\r\nx-a: b\r\n c\r\n\r\n"},
      {"LF at the end", start + data + "\r\n0\r\n\n" + inner()},
  };
}

class HostileRequests : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    mock_ = new Mock();
    gateway_ = new Gateway(mock_config(*mock_, mock_model("chat", "words=3")));
  }
  static void TearDownTestSuite() {
    delete gateway_;
    delete mock_;
  }
  static void check(const std::vector<Hostile>& cases) {
    for (const Hostile& one : cases) {
      SCOPED_TRACE(one.name);
      Peer peer(gateway_->port());
      peer.send(one.bytes);
      bool ended = false;
      const std::string answer = peer.read_all(&ended);
      EXPECT_TRUE(ended);
      if (!answer.empty()) {
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5"))
            << answer.substr(0, 200);
        EXPECT_FALSE(answer.starts_with("HTTP/1.1 408")) << "it waited for more";
        // The body of an error ends with a brace: a second answer would begin right behind it.
        EXPECT_EQ(answer.find("}HTTP/"), std::string::npos) << answer;
        EXPECT_NE(answer.find("\"error\":{"), std::string::npos) << answer;
      }
    }
    EXPECT_EQ(mock_->count("requests"), 0);
    EXPECT_EQ(gateway_->ask(get_request("/v1/models", kUserKey)).status, 200);
  }

  static Mock* mock_;
  static Gateway* gateway_;
};
Mock* HostileRequests::mock_ = nullptr;
Gateway* HostileRequests::gateway_ = nullptr;

TEST_F(HostileRequests, Framing) { check(framing_cases()); }
TEST_F(HostileRequests, Fields) { check(field_cases()); }
TEST_F(HostileRequests, RequestLine) { check(line_cases()); }
TEST_F(HostileRequests, Chunks) { check(chunk_cases()); }

// An answer that does not need the body must not make the body the next request.
TEST_F(HostileRequests, BodyIsNeverARequest) {
  const std::string hidden = inner();
  const std::string size = length(std::to_string(hidden.size()));
  const auto sized = [&](const std::string& line) {
    return line + " HTTP/1.1\r\n" + kHost + kAuthorization + size + kCrLf + hidden;
  };
  const std::vector<Hostile> cases = {
      {"GET", sized("GET /v1/models")},
      {"HEAD", sized("HEAD /v1/models")},
      {"DELETE", sized("DELETE /v1/models")},
      {"OPTIONS", sized("OPTIONS /v1/models")},
      {"no key", kLine + kHost + size + kCrLf + hidden},
      {"no route", sized("POST /v1/none")},
      {"not JSON", kStart + size + kCrLf + hidden},
      {"after close", "GET /v1/models HTTP/1.1\r\nConnection: close\r\n" + kHost + kAuthorization +
                          kCrLf + hidden},
      {"after 1.0", "GET /v1/models HTTP/1.0\r\n" + kAuthorization + kCrLf + hidden},
      {"too large", kStart + length("99999999999") + kCrLf + hidden},
  };
  for (const Hostile& one : cases) {
    SCOPED_TRACE(one.name);
    Peer peer(gateway_->port());
    peer.send(one.bytes);
    const std::string last = std::string("GET /healthz HTTP/1.1\r\nConnection: close\r\n") + kHost;
    peer.send(last + kCrLf);
    bool ended = false;
    const std::string answer = peer.read_all(&ended);
    EXPECT_TRUE(ended);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 ")) << answer;
  }
  EXPECT_EQ(mock_->count("requests"), 0);
}

std::string hasty_config(const Mock& mock) {
  const std::string models =
      mock_model("chat", "words=3") + mock_model("long", "events=200000,size=900");
  return mock_config(mock, models,
                     "limits: {header_timeout: 300ms, body_timeout: 300ms, idle_timeout: 400ms, "
                     "write_stall_timeout: 500ms, max_body_bytes: 64KiB}\n");
}

TEST(SlowClients, HeadHasToArriveInTime) {
  const Mock mock;
  const Gateway gateway(hasty_config(mock));
  Peer silent(gateway.port());
  silent.send("GET /healthz HT");
  EXPECT_EQ(silent.read().status, 408);
  // The bound is on the whole head: a byte now and then does not move it.
  Peer dripping(gateway.port());
  dripping.send("GET /healthz HTTP/1.1\r\nx: ");
  std::atomic<bool> over{false};
  std::thread drip([&] {
    while (!over.load()) {
      dripping.send("y");
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }
  });
  const int status = dripping.read().status;
  over.store(true);
  drip.join();
  EXPECT_TRUE(status == 408 || status == 0) << status;
}

TEST(SlowClients, BodyHasToMove) {
  const Mock mock;
  const Gateway gateway(hasty_config(mock));
  const std::string request = chat_request("chat");
  Peer peer(gateway.port());
  peer.send(request.substr(0, request.size() - 5));
  EXPECT_EQ(peer.read().status, 408);
  EXPECT_EQ(mock.count("requests"), 0);
}

TEST(SlowClients, IdleConnectionIsClosedInSilence) {
  const Mock mock;
  const Gateway gateway(hasty_config(mock));
  Peer used(gateway.port()), fresh(gateway.port());
  used.send(chat_request("chat"));
  EXPECT_EQ(used.read().status, 200);
  for (Peer* peer : {&used, &fresh}) {
    bool ended = false;
    EXPECT_EQ(peer->read_all(&ended), "");
    EXPECT_TRUE(ended);
  }
}

TEST(SlowClients, WhoDoesNotReadIsCutAndTheProviderLetGo) {
  const Mock mock;
  const Gateway gateway(hasty_config(mock));
  Peer peer(gateway.port());
  peer.shrink_receive_buffer();
  peer.send(chat_request("long", true));
  EXPECT_TRUE(until([&] { return mock.count("client_gone") == 1; }));
  EXPECT_TRUE(until([&] { return request_sums(gateway.metrics()).in_flight == 0; }));
  EXPECT_EQ(request_sums(gateway.metrics()).by_outcome["cancelled"], 1);
}

TEST(SlowClients, BodyTooLarge) {
  const Mock mock;
  const Gateway gateway(hasty_config(mock));
  const std::string big = R"({"model":"chat","messages":[{"content":")" +
                          std::string(70'000, 'w') + "\"}]}";
  EXPECT_EQ(gateway.ask(post_request("/v1/chat/completions", big)).status, 413);
  char size[16];
  std::snprintf(size, sizeof size, "%zx", big.size());
  EXPECT_EQ(gateway.ask(kStart + kChunked + kCrLf + size + kCrLf + big + "\r\n0\r\n\r\n").status,
            413);
  EXPECT_EQ(mock.count("requests"), 0);
}

}  // namespace
}  // namespace weir::integration
