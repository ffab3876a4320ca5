// Reading the configuration again: nothing is lost, what changed holds at once.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "servers.h"

namespace weir::integration {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Reload, LosesNothingUnderLoad) {
  constexpr int kReloads = 50;
  const Mock mock;
  const auto config = [&](int round) {
    return mock_config(mock,
                       mock_model("chat", "words=3") + mock_model("m" + std::to_string(round), "n"),
                       "  - {name: k" + std::to_string(round) + ", key: some-key-" +
                           std::to_string(round) + ", role: user}\n");
  };
  Gateway gateway(config(0), {.arguments = {"--workers", "2"}});
  std::atomic<bool> over{false};
  std::string wrong;
  int rounds = 0;
  std::thread load([&] {
    do {
      const LoadResult plain =
          load_run(gateway.port(), {"-c", "32", "-n", "400", "--model", "chat"});
      const LoadResult stream = load_run(
          gateway.port(), {"-c", "32", "-n", "100", "--model", "chat", "--stream"});
      if (plain.status != 0) wrong += plain.text;
      if (stream.status != 0) wrong += stream.text;
      ++rounds;
    } while (!over.load());
  });
  for (int i = 1; i <= kReloads; ++i) {
    gateway.write(config(i));
    gateway.reload();
  }
  over.store(true);
  load.join();
  EXPECT_EQ(wrong, "");
  EXPECT_GE(rounds, 1);
  const std::string page = gateway.metrics();
  EXPECT_EQ(number_after(page, "weir_config_reloads_total{result=\"ok\"} "), kReloads);
  EXPECT_TRUE(request_sums(page).agree()) << page;
  EXPECT_EQ(gateway.ask(get_request("/v1/models", "some-key-" + std::to_string(kReloads))).status,
            200);
  EXPECT_EQ(gateway.ask(get_request("/v1/models", "some-key-1")).status, 401);
}

TEST(Reload, SaysWhatOnlyARestartApplies) {
  const Mock mock;
  const std::string config = mock_config(mock, mock_model("chat", "words=3"));
  constexpr char kNote[] = "warning: changed, but only a restart applies it: ";
  // The command line, and the number of processors, change what is in use and not the file.
  Gateway gateway(config, {.arguments = {"--workers", "2"}});
  gateway.reload();
  EXPECT_THAT(gateway.process().err(), Not(HasSubstr("restart")));
  gateway.write("workers: 3\nsealing_key: planted-value-of-any-kind\n" + config);
  gateway.reload();
  EXPECT_THAT(gateway.process().err(), HasSubstr(kNote + std::string("workers, sealing_key\n")));
  EXPECT_THAT(gateway.process().err(), Not(HasSubstr("planted")));
  // Refused: nothing of it holds, after a restart neither.
  gateway.write("workers: 4\nunknown: 1\n" + config);
  gateway.reload();
  gateway.write(config);
  gateway.reload();
  const std::string all = gateway.process().err();
  EXPECT_EQ(all.find(kNote), all.rfind(kNote));
}

// As `curl -X POST` sends it.
TEST(Reload, NeedsNoBodyAndNoLength) {
  const Mock mock;
  const Gateway gateway(mock_config(mock, mock_model("chat", "words=3")));
  const auto post = [&](const std::string& path) {
    return gateway
        .ask("POST " + path + " HTTP/1.1\r\nHost: weir\r\nAuthorization: Bearer " +
             std::string(kAdminKey) + "\r\n\r\n")
        .status;
  };
  EXPECT_EQ(post("/v1/config/reload"), 200);
  EXPECT_EQ(post("/v1/keys"), 400) << "this one needs a body";
  EXPECT_EQ(post("/v1/chat/completions"), 411);
}

// How long a stream may still go on is what the file says when the end comes.
TEST(Reload, AppliesTheDrainTimeout) {
  const Mock mock;
  const std::string config = mock_config(mock, mock_model("slow", "events=1000,gap=100ms"));
  Gateway gateway("limits: {drain_timeout: 1h}\n" + config);
  gateway.write("limits: {drain_timeout: 50ms}\n" + config);
  gateway.reload();
  Peer peer(gateway.port());
  peer.send(chat_request("slow", true));
  EXPECT_TRUE(peer.read_until("data: "));
  gateway.process().signal(SIGTERM);
  EXPECT_EQ(gateway.process().wait(), 0);
}

TEST(Reload, RunningStreamGoesOn) {
  const Mock mock;
  Gateway gateway(mock_config(mock, mock_model("slow", "events=40,gap=20ms")));
  Peer peer(gateway.port());
  peer.send(chat_request("slow", true));
  const bool begun = peer.read_until("data: ");
  // The model and its provider are gone; what runs keeps them.
  gateway.write("keys:\n" + std::string(kUserEntry));
  gateway.reload();
  EXPECT_EQ(gateway.ask(chat_request("slow")).status, 404);
  const Answer answer = peer.read();
  EXPECT_TRUE(begun);
  EXPECT_TRUE(answer.whole);
  EXPECT_THAT(answer.body, testing::EndsWith("data: [DONE]\n\n"));
}

TEST(Reload, RevokedKeyStopsOnAnOpenConnection) {
  const std::string extra = "  - {name: second, key: second-key, role: user}\n";
  Gateway gateway("keys:\n" + std::string(kUserEntry) + extra);
  Peer peer(gateway.port());
  const std::string request = get_request("/v1/models", "second-key");
  peer.send(request);
  ASSERT_EQ(peer.read().status, 200);
  gateway.write("keys:\n" + std::string(kUserEntry));
  gateway.reload();
  peer.send(request);
  EXPECT_EQ(peer.read().status, 401);
}

TEST(Reload, BadFileIsRefusedAndTheOldOneStays) {
  const Mock mock;
  Gateway gateway(mock_config(mock, mock_model("chat", "words=3")));
  // Weir answers a moment before it has said where.
  EXPECT_TRUE(until([&] {
    return gateway.process().err().find("data in") != std::string::npos;
  }));
  const std::string before = gateway.process().err();
  gateway.write("modelz: []\n");
  gateway.reload();
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200);
  EXPECT_EQ(number_after(gateway.metrics(), "weir_config_reloads_total{result=\"failed\"} "), 1);
  const std::string said = gateway.process().err().substr(before.size());
  EXPECT_THAT(said, HasSubstr("modelz"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

}  // namespace
}  // namespace weir::integration
