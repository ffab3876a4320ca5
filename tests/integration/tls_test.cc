// TLS on both sides and the way through a CONNECT proxy, with certificates made for the occasion.
#include <gmock/gmock.h>

#include "servers.h"
#include "tests/shared/paths.h"

namespace weir::integration {
namespace {

using testing::HasSubstr;

// NAME.crt and NAME.key, signed by themselves, for localhost and 127.0.0.1.
void certificate_make(const TempDir& folder, const std::string& name) {
  std::string said;
  const int status = program_run(
      {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
       "-nodes", "-days", "2", "-subj", "/CN=" + name, "-addext",
       "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / (name + ".key"), "-out",
       folder / (name + ".crt")},
      &said);
  ASSERT_EQ(status, 0) << said;
}

int curl(const std::vector<std::string>& options, std::string* output) {
  std::vector<std::string> command = {"curl", "--silent", "--show-error", "--max-time", "60"};
  command.insert(command.end(), options.begin(), options.end());
  return program_run(command, output);
}

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    certificate_make(folder_, "one");
    certificate_make(folder_, "two");
  }
  [[nodiscard]] std::unique_ptr<Mock> tls_mock(std::vector<std::string> more = {}) const {
    std::vector<std::string> options = {"--tls", "--cert", folder_ / "one.crt", "--key",
                                        folder_ / "one.key"};
    options.insert(options.end(), more.begin(), more.end());
    return std::make_unique<Mock>(options);
  }
  // A mock behind TLS; `settings` are further fields of its provider.
  static std::string config_of(uint16_t port, const std::string& settings) {
    return "providers:\n  - {name: mock, type: openai, data: {apikey: k, base_url: "
           "\"https://localhost:" + std::to_string(port) + "/v1\"}" + settings +
           "}\nmodels:\n" + mock_model("chat", "words=3") + mock_model("echo", "echo") +
           "load_balancers: [{alias: chat, suspend_duration: 0s}]\nkeys:\n" + kUserEntry;
  }
  [[nodiscard]] std::string trust(const std::string& name) const {
    return ", tls: {ca_file: " + (folder_ / (name + ".crt")) + "}";
  }
  [[nodiscard]] std::string listener(uint16_t port, const std::string& name) const {
    return ", {address: \"127.0.0.1:" + std::to_string(port) + "\", tls: {certificate: " +
           (folder_ / (name + ".crt")) + ", key: " + (folder_ / (name + ".key")) + "}}";
  }
  // Makes the files "used" those of `name`.
  void use(const std::string& name) const {
    for (const char* end : {".crt", ".key"}) {
      file_write(folder_ / (std::string("used") + end), file_read(folder_ / (name + end)));
    }
  }
  // Of a mock behind TLS, which Peer cannot ask.
  [[nodiscard]] int64_t count(const Mock& mock, const std::string& name) const {
    std::string page;
    EXPECT_EQ(curl({"--cacert", folder_ / "one.crt",
                    "https://localhost:" + std::to_string(mock.port()) + "/__stats"}, &page), 0);
    return number_after(page, "\"" + name + "\":");
  }

  TempDir folder_;
};

TEST_F(Tls, ClientsAreServed) {
  const uint16_t port = port_free();
  const std::string url = "https://localhost:" + std::to_string(port);
  const Gateway gateway("keys:\n" + std::string(kUserEntry),
                        {.more_listen = listener(port, "one")});
  std::string page;
  EXPECT_EQ(curl({"--cacert", folder_ / "one.crt", url + "/healthz"}, &page), 0) << page;
  EXPECT_THAT(page, HasSubstr("ok"));
  EXPECT_NE(curl({"--cacert", folder_ / "two.crt", url + "/healthz"}, &page), 0);
  EXPECT_NE(curl({"--insecure", "--tls-max", "1.1", url + "/healthz"}, &page), 0);
  // A client without TLS is no harm.
  Peer plain(port);
  plain.send("GET /healthz HTTP/1.1\r\nHost: weir\r\n\r\n");
  bool ended = false;
  static_cast<void>(plain.read_all(&ended));
  EXPECT_TRUE(ended);
  std::string text;
  const std::vector<std::string> load = {
      program_path("weir_load"), url, "--insecure", "--key", kUserKey, "--method", "GET", "--path",
      "/v1/models", "--no-usage-check", "-c", "8", "-n", "200"};
  EXPECT_EQ(program_run(load, &text), 0) << text;
}

TEST_F(Tls, CertificatesAreReadAgainOnASignal) {
  const uint16_t port = port_free();
  const std::string url = "https://localhost:" + std::to_string(port) + "/healthz";
  const auto trusts = [&](const std::string& name) {
    std::string page;
    return curl({"--cacert", folder_ / (name + ".crt"), url}, &page) == 0;
  };
  use("one");
  Gateway gateway("keys:\n" + std::string(kUserEntry), {.more_listen = listener(port, "used")});
  EXPECT_TRUE(trusts("one"));
  use("two");
  gateway.reload();
  EXPECT_TRUE(until([&] { return trusts("two"); }));
  EXPECT_FALSE(trusts("one"));
  file_write(folder_ / "used.crt", "no certificate");
  gateway.reload();
  EXPECT_TRUE(until([&] {
    return gateway.process().err().find("keep the certificates they have") != std::string::npos;
  }));
  EXPECT_TRUE(trusts("two"));
}

TEST_F(Tls, UpstreamWithItsOwnAuthority) {
  const auto mock = tls_mock();
  const Gateway gateway(config_of(mock->port(), trust("one")));
  Peer peer(gateway.port());
  for (int i = 0; i < 5; ++i) {
    peer.send(chat_request("chat", i % 2 == 1));
    const Answer answer = peer.read();
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_TRUE(answer.whole);
  }
  // Connections are kept and used again: one for Weir, one for the question.
  EXPECT_EQ(count(*mock, "accepted"), 2);
  EXPECT_EQ(count(*mock, "requests"), 5);
}

TEST_F(Tls, LargeBodyThroughRecords) {
  const auto mock = tls_mock();
  const Gateway gateway(config_of(mock->port(), trust("one")));
  const std::string text(3'000'000, 'r');
  const std::string body =
      R"({"model":"echo","messages":[{"role":"user","content":")" + text + "\"}]}";
  const Answer answer = gateway.ask(post_request("/v1/chat/completions", body));
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.find(text), std::string::npos);
}

TEST_F(Tls, WrongAuthorityIsRefusedBeforeAnythingIsSent) {
  const auto mock = tls_mock();
  for (const std::string& settings : {trust("two"), std::string()}) {
    const Gateway gateway(config_of(mock->port(), settings));
    const Answer answer = gateway.ask(chat_request("chat"));
    EXPECT_EQ(answer.status, 502);
    EXPECT_THAT(answer.body, HasSubstr("upstream_unavailable"));
  }
  EXPECT_EQ(count(*mock, "requests"), 0);
  EXPECT_GE(count(*mock, "tls_failures"), 2);
}

TEST_F(Tls, OldVersionsAreRefused) {
  const uint16_t port = port_free();
  Process old({"openssl", "s_server", "-accept", std::to_string(port), "-cert", folder_ / "one.crt",
               "-key", folder_ / "one.key", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-www"},
              folder_ / "old");
  ASSERT_TRUE(until([&] { return Peer(port).connected(); })) << old.err();
  // The server is a good one for clients that take such a version.
  std::string page;
  ASSERT_EQ(curl({"--cacert", folder_ / "one.crt", "--tlsv1.0", "--ciphers", "ALL:@SECLEVEL=0",
                  "https://localhost:" + std::to_string(port) + "/"},
                 &page),
            0)
      << page;
  const Gateway gateway(config_of(port, trust("one")));
  const Answer answer = gateway.ask(chat_request("chat"));
  EXPECT_EQ(answer.status, 502) << answer.body;
}

TEST_F(Tls, NewestOfAnUpstreamThatKnowsOneVersion) {
  const auto mock = tls_mock({"--tls-max", "1.2"});
  const Gateway gateway(config_of(mock->port(), trust("one")));
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200);
}

// The kernel takes the connection, and nobody ever says a word on it.
TEST_F(Tls, HangingHandshakeTimesOut) {
  const uint16_t port = port_free();
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback_address(port);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 8), 0);
  const Gateway gateway(config_of(port, trust("one") + ", timeouts: {connect: 300ms}"));
  const Answer answer = gateway.ask(chat_request("chat"));
  EXPECT_EQ(answer.status, 504);
  EXPECT_THAT(answer.body, HasSubstr("upstream_timeout"));
  close(fd);
}

TEST_F(Tls, ThroughAProxy) {
  const auto mock = tls_mock();
  const std::string proxy_program =
      test::source_dir() / "tests/integration/connect_proxy.py";
  // `user:pass` in base64.
  Process proxy({"python3", "-B", proxy_program, "Basic dXNlcjpwYXNz"}, folder_ / "proxy");
  ASSERT_TRUE(until([&] { return proxy.out().find('\n') != std::string::npos; })) << proxy.err();
  const std::string place = "@127.0.0.1:" + std::to_string(number_after(proxy.out(), "listening "));
  {
    const Gateway gateway(
        config_of(mock->port(), trust("one") + ", proxy: \"http://user:pass" + place + "\""));
    const Answer answer = gateway.ask(chat_request("chat"));
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
  EXPECT_THAT(proxy.out(), HasSubstr("CONNECT localhost:" + std::to_string(mock->port())));
  {
    const Gateway gateway(
        config_of(mock->port(), trust("one") + ", proxy: \"http://user:wrong" + place + "\""));
    const Answer answer = gateway.ask(chat_request("chat"));
    EXPECT_EQ(answer.status, 502) << answer.body;
    EXPECT_EQ(answer.body.find("wrong"), std::string::npos);
  }
  EXPECT_EQ(count(*mock, "requests"), 1);
}

}  // namespace
}  // namespace weir::integration
