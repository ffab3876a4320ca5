// Starting, stopping and refusing to start: exit codes, one line on stderr, running requests kept.
#include <gmock/gmock.h>

#include "servers.h"

namespace weir::integration {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Ended {
  int status = -1;
  std::string err;
};

Ended weir_run(const std::vector<std::string>& arguments) {
  const TempDir folder;
  std::vector<std::string> command = {program_path("weir")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Process process(command, folder / "weir");
  Ended ended;
  ended.status = process.wait();
  ended.err = process.err();
  return ended;
}

// Runs with this configuration, which must not start.
Ended weir_refused(const TempDir& folder, const std::string& config) {
  file_write(folder / "weir.yaml", "data_dir: " + folder.path() + "/data\n" + config);
  return weir_run({"run", "--config", folder / "weir.yaml"});
}

void expect_one_line(const Ended& ended, const std::string& named) {
  EXPECT_EQ(ended.status, 1) << ended.err;
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr(named));
}

std::string listen_line(uint16_t port, const std::string& tls = "") {
  return "listen: [{address: \"127.0.0.1:" + std::to_string(port) + "\"" + tls + "}]\n";
}

TEST(Start, PortInUseIsNamed) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const uint16_t port = port_free();
  const sockaddr_in address = loopback_address(port);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 8), 0);
  const TempDir folder;
  expect_one_line(weir_refused(folder, listen_line(port)), std::to_string(port));
  close(fd);
}

TEST(Start, PortOfAnotherWeirIsInUse) {
  const Gateway gateway("");
  const TempDir folder;
  expect_one_line(weir_refused(folder, listen_line(gateway.port())),
                  std::to_string(gateway.port()));
}

TEST(Start, BadConfigurationIsOneLine) {
  const TempDir folder;
  const std::string listen = listen_line(port_free());
  expect_one_line(weir_run({"run", "--config", folder / "none.yaml"}), "none.yaml");
  expect_one_line(weir_refused(folder, listen + "workerz: 2\n"), "workerz");
  expect_one_line(weir_refused(folder, listen + "workers: [\n"), "weir.yaml:");
  expect_one_line(weir_refused(folder, listen_line(port_free()) + "listen: []\n"), "listen");
  expect_one_line(weir_refused(folder, "listen: [{address: \"127.0.0.1:70000\"}]\n"), "70000");
  expect_one_line(
      weir_refused(folder, listen + "models: [{provider: nobody, id: x, alias: y}]\n"), "nobody");
  expect_one_line(
      weir_refused(folder, listen + "providers: [{name: a, type: openai, data: {apikey: "
                                    "planted-secret, base_url: \"ftp://x\"}}]\n"),
      "base_url");
  expect_one_line(weir_refused(folder, "workers: " + std::string(100'000, '[')), "weir.yaml");
}

TEST(Start, NoSecretInTheMessage) {
  const TempDir folder;
  const Ended ended =
      weir_refused(folder, listen_line(port_free()) +
                               "providers: [{name: a, type: openai, data: {apikey: "
                               "planted-secret, base_url: \"http://u:planted-secret@h/\"}}]\n");
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, Not(HasSubstr("planted-secret")));
}

TEST(Start, UnreadableCertificateIsNamed) {
  const TempDir folder;
  const std::string tls = ", tls: {certificate: none.crt, key: none.key}";
  expect_one_line(weir_refused(folder, listen_line(port_free(), tls)), "none.crt");
  file_write(folder / "wrong.crt", "no certificate");
  file_write(folder / "wrong.key", "no key");
  const std::string wrong = ", tls: {certificate: wrong.crt, key: wrong.key}";
  expect_one_line(weir_refused(folder, listen_line(port_free(), wrong)), "wrong.");
}

TEST(Start, WrongCommandLineIsTwo) {
  EXPECT_EQ(weir_run({"run", "--no-such-option"}).status, 2);
  EXPECT_EQ(weir_run({"no-such-command"}).status, 2);
  EXPECT_EQ(weir_run({"check", "--config"}).status, 2);
}

TEST(Start, VersionHelpAndCheck) {
  EXPECT_EQ(weir_run({"--version"}).status, 0);
  EXPECT_EQ(weir_run({"--help"}).status, 0);
  const TempDir folder;
  file_write(folder / "good.yaml", "workers: 2\n");
  EXPECT_EQ(weir_run({"check", "--config", folder / "good.yaml"}).status, 0);
  file_write(folder / "bad.yaml", "workers: 0\nlogs: {}\n");
  const Ended bad = weir_run({"check", "--config", folder / "bad.yaml"});
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.err, HasSubstr("bad.yaml:1:"));
  EXPECT_THAT(bad.err, HasSubstr("bad.yaml:2:"));
}

// And not when the first request fails.
TEST(Start, CheckFindsWhatTlsCannotTrustBy) {
  const TempDir folder;
  file_write(folder / "ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  file_write(folder / "ca.yaml",
             "providers:\n  - {name: p, type: openai, tls: {ca_file: ca.pem},\n"
             "     data: {base_url: 'https://h', apikey: 'env:HOME'}}\n");
  const Ended untrusted = weir_run({"check", "--config", folder / "ca.yaml"});
  EXPECT_EQ(untrusted.status, 1);
  EXPECT_THAT(untrusted.err, HasSubstr("providers[0].tls.ca_file: "));
}

TEST(Stop, RunningStreamEndsWhole) {
  const Mock mock;
  Gateway gateway(mock_config(mock, mock_model("slow", "events=40,gap=20ms")));
  Peer idle(gateway.port());
  idle.send("GET /healthz HTTP/1.1\r\nHost: weir\r\n\r\n");
  ASSERT_EQ(idle.read().status, 200);
  Peer peer(gateway.port());
  peer.send(chat_request("slow", true));
  ASSERT_TRUE(peer.read_until("data: "));
  gateway.process().signal(SIGTERM);
  bool ended = false;
  EXPECT_EQ(idle.read_all(&ended), "");
  EXPECT_TRUE(ended);
  ASSERT_TRUE(until([&] { return !Peer(gateway.port()).connected(); }));
  const Answer answer = peer.read();
  EXPECT_TRUE(answer.whole);
  EXPECT_THAT(answer.body, testing::EndsWith("data: [DONE]\n\n"));
  EXPECT_EQ(gateway.process().wait(), 0) << gateway.process().err();
}

TEST(Stop, DrainTimeoutCutsTheRest) {
  const Mock mock;
  Gateway gateway(mock_config(mock, mock_model("hang", "events=9,stall_at=2"),
                              "limits: {drain_timeout: 200ms}\n"));
  Peer peer(gateway.port());
  peer.send(chat_request("hang", true));
  ASSERT_TRUE(peer.read_until("data: "));
  gateway.process().signal(SIGTERM);
  EXPECT_EQ(gateway.process().wait(), 0) << gateway.process().err();
  bool ended = false;
  EXPECT_THAT(peer.read_all(&ended), Not(HasSubstr("[DONE]")));
  EXPECT_TRUE(ended);
}

TEST(Stop, SecondSignalEndsAtOnce) {
  const Mock mock;
  Gateway gateway(mock_config(mock, mock_model("hang", "events=9,stall_at=2"),
                              "limits: {drain_timeout: 1h}\n"));
  Peer peer(gateway.port());
  peer.send(chat_request("hang", true));
  ASSERT_TRUE(peer.read_until("data: "));
  gateway.process().signal(SIGTERM);
  ASSERT_TRUE(until([&] { return !Peer(gateway.port()).connected(); }));
  gateway.process().signal(SIGTERM);
  EXPECT_NE(gateway.process().wait(), -1);
}

TEST(Stop, KilledAndStartedAgainOnTheSamePort) {
  const Mock mock;
  Gateway gateway(mock_config(mock, mock_model("chat", "words=3")));
  Peer peer(gateway.port());
  peer.send(chat_request("chat"));
  ASSERT_EQ(peer.read().status, 200);
  gateway.process().signal(SIGKILL);
  ASSERT_EQ(gateway.process().wait(), 128 + SIGKILL);
  gateway.start();
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200);
}

TEST(Signals, StrayOnesDoNoHarm) {
  Gateway gateway("");
  for (const int number : {SIGPIPE, SIGUSR1, SIGCHLD, SIGWINCH}) gateway.process().signal(number);
  EXPECT_EQ(gateway.ask("GET /healthz HTTP/1.1\r\nHost: weir\r\n\r\n").status, 200);
}

TEST(Limits, FewDescriptorsAreNoCrash) {
  GatewayOptions options;
  options.wrapper = {"prlimit", "--nofile=48:48"};
  Gateway gateway("", options);
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: weir\r\n\r\n";
  {
    std::vector<std::unique_ptr<Peer>> crowd;
    for (int i = 0; i < 120; ++i) {
      crowd.push_back(std::make_unique<Peer>(gateway.port()));
      crowd.back()->send(request);
    }
    // Those that were accepted first are served although no further one can be.
    EXPECT_EQ(crowd.front()->read().status, 200);
    EXPECT_FALSE(gateway.process().ended());
  }
  EXPECT_TRUE(until([&] { return gateway.ask(request).status == 200; }));
}

}  // namespace
}  // namespace weir::integration
