// Rate limits and the accounting behind them, over real sockets and all workers. The sums of every
// Weir that a test starts are checked once more when it ends (Gateway::check_conservation).
#include <gmock/gmock.h>

#include <csignal>

#include "servers.h"

namespace weir::integration {
namespace {

using testing::HasSubstr;

std::string limits(const std::string& lines) { return "rate_limits:\n" + lines; }

std::string plain_config(const Mock& mock, const std::string& more) {
  return mock_config(mock, mock_model("chat", "completion=5") + mock_model("broken", "fail=500") +
                               mock_model("slow", "events=200,gap=20ms,usage=never"),
                     more);
}

int64_t usage_of(const Gateway& gateway, const std::string& name) {
  return usage_sum(gateway.ask(get_request("/v1/usage", kAdminKey)).body, name);
}

// Requests that were answered with 200 in all of the runs.
int64_t accepted(const Gateway& gateway) { return request_sums(gateway.metrics()).accepted; }

constexpr char kThousand[] =
    "  - {type: tenant, request: {amount: 1000, capacity: 1000, duration: 1h}}\n";

TEST(Limits, EightWorkersAdmitExactlyTheCapacity) {
  const Mock mock;
  for (int run = 0; run < 3; ++run) {
    const Gateway gateway(plain_config(mock, limits(kThousand)),
                          {.arguments = {"--workers", "8"}});
    const LoadResult load = load_run(gateway.port(), {"-c", "64", "-n", "1400", "--model", "chat"});
    EXPECT_THAT(load.json, HasSubstr("\"429\": 400")) << load.text;
    EXPECT_EQ(accepted(gateway), 1000);
  }
}

// One connection, and so one worker, asks for most of it: nothing is stranded on the others.
TEST(Limits, ALopsidedLoadGetsTheWholeCapacity) {
  const Mock mock;
  const Gateway gateway(plain_config(mock, limits(kThousand)), {.arguments = {"--workers", "8"}});
  std::thread many([&gateway] {
    (void)load_run(gateway.port(), {"-c", "63", "-n", "420", "--model", "chat"});
  });
  (void)load_run(gateway.port(), {"-c", "1", "-n", "980", "--model", "chat"});
  many.join();
  EXPECT_EQ(accepted(gateway), 1000);
}

TEST(Limits, ARefusalSaysWhatAndWhen) {
  const Mock mock;
  const Gateway gateway(
      plain_config(mock, limits("  - {type: key, key: app, request: {amount: 1, capacity: 2, "
                                "duration: 1h}}\n")));
  const Answer first = gateway.ask(chat_request("chat"));
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.field("x-ratelimit-limit-requests"), "2");
  EXPECT_EQ(first.field("x-ratelimit-remaining-requests"), "1");
  EXPECT_EQ(first.field("x-ratelimit-limit-tokens"), "");
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200);
  const Answer refused = gateway.ask(chat_request("chat"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.field("x-ratelimit-remaining-requests"), "0");
  EXPECT_GE(std::atoi(refused.field("retry-after").c_str()), 3500);
  EXPECT_THAT(refused.body, HasSubstr("\"code\":\"rate_limit_exceeded\""));
  EXPECT_THAT(refused.body, HasSubstr("this key's limit of requests"));
  // Another key of the same tenant has not used it up.
  EXPECT_EQ(gateway.ask(chat_request("chat", false, kAdminKey)).status, 200);
}

TEST(Limits, ATargetAtItsLimitIsLeftOut) {
  const Mock mock;
  std::string config = "providers:\n";
  for (const char* name : {"a", "b"}) {
    config += std::string("  - {name: ") + name + ", type: openai, data: {apikey: k, base_url: ";
    config += "\"" + mock.url(std::string("/") + name + "/v1") + "\"}}\n";
  }
  config += "models:\n  - {provider: a, id: m, alias: chat}\n"
            "  - {provider: b, id: m, alias: chat}\nkeys:\n";
  const std::string tight = "{amount: 1, capacity: 3, duration: 1h}}\n";
  config += kUserEntry + limits("  - {type: provider, provider: a, request: " + tight +
                                "  - {type: model, model: b/m, request: " + tight +
                                "  - {type: tenant, request: {amount: 1, capacity: 100, duration: "
                                "1h}}\n");
  const Gateway gateway(config);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200) << i;
  EXPECT_EQ(mock.chats("/a/v1"), 3);
  EXPECT_EQ(mock.chats("/b/v1"), 3);
  const Answer refused = gateway.ask(chat_request("chat"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_GE(std::atoi(refused.field("retry-after").c_str()), 3500);
  // A request that nobody served is not charged to the tenant.
  const std::string left = refused.field("x-ratelimit-remaining-requests");
  EXPECT_EQ(left, gateway.ask(chat_request("chat")).field("x-ratelimit-remaining-requests"));
}

TEST(Limits, TokensAreSettledByWhatWasUsed) {
  const Mock mock;
  const Gateway gateway(
      plain_config(mock, limits("  - {type: tenant, token: {amount: 1, capacity: 1000, duration: "
                                "1h}}\n")));
  // 12 and 5, as the provider says.
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200);
  EXPECT_EQ(request_sums(gateway.metrics()).settled, 17);
  // What failed costs nothing.
  EXPECT_EQ(gateway.ask(chat_request("broken")).status, 502);
  EXPECT_EQ(request_sums(gateway.metrics()).settled, 17);
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200);
  EXPECT_EQ(request_sums(gateway.metrics()).settled, 34);
  EXPECT_EQ(usage_of(gateway, "total_tokens"), 34);
}

TEST(Limits, ACancelledStreamPaysForWhatWasDelivered) {
  const Mock mock;
  const Gateway gateway(
      plain_config(mock, limits("  - {type: tenant, token: {amount: 1, capacity: 100000, duration: "
                                "1h}}\n")));
  Peer peer(gateway.port());
  peer.send(chat_request("slow", true));
  ASSERT_TRUE(peer.read_until("data: "));
  peer.reset();
  EXPECT_TRUE(until([&] { return request_sums(gateway.metrics()).of("cancelled") == 1; }));
  const RequestSums sums = request_sums(gateway.metrics());
  EXPECT_GT(sums.settled, 0);
  EXPECT_EQ(sums.settled, sums.reserved - sums.refunded);
  EXPECT_EQ(usage_of(gateway, "total_tokens"), sums.settled);
}

TEST(Limits, AReloadKeepsTheLevel) {
  const Mock mock;
  const std::string bucket = "  - {type: tenant, request: {amount: 1, capacity: ";
  Gateway gateway(plain_config(mock, limits(bucket + "3, duration: 1h}}\n")));
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200);
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200);
  gateway.write(plain_config(mock, limits(bucket + "9, duration: 1h}}\n")));
  gateway.reload();
  const Answer third = gateway.ask(chat_request("chat"));
  EXPECT_EQ(third.field("x-ratelimit-limit-requests"), "9");
  EXPECT_EQ(third.field("x-ratelimit-remaining-requests"), "0");
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 429);
}

// One flush is what a kill may cost; what was flushed is there, and an orderly end loses nothing.
TEST(Usage, SurvivesAKillAndARestart) {
  const Mock mock;
  const std::string config = plain_config(mock, "accounting: {flush_interval: 100ms}\n");
  Gateway gateway(config);
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200);
  // Asking flushes.
  EXPECT_EQ(usage_of(gateway, "num_model_requests"), 1);
  gateway.process().signal(SIGKILL);
  (void)gateway.process().wait();
  gateway.start();
  EXPECT_EQ(usage_of(gateway, "num_model_requests"), 1);
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200);
  gateway.process().signal(SIGTERM);
  EXPECT_EQ(gateway.process().wait(), 0);
  gateway.start();
  EXPECT_EQ(usage_of(gateway, "num_model_requests"), 2);
  EXPECT_EQ(usage_of(gateway, "total_tokens"), 34);
}

}  // namespace
}  // namespace weir::integration
