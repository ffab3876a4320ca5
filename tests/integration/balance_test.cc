// Which target a request goes to, counted at the provider. All targets are one mock; the first
// segment of the base_url's path tells them apart.
#include <gmock/gmock.h>

#include "servers.h"

namespace weir::integration {
namespace {

struct Backend {
  std::string name;
  std::string weight = "1";
  std::string script = {};  // a path segment `mock:SCRIPT`
};

std::string target_path(const Backend& backend) {
  return "/" + backend.name + (backend.script.empty() ? "" : "/mock:" + backend.script) + "/v1";
}

std::string config_of(const Mock& mock, const std::vector<Backend>& backends,
                      const std::string& balancer) {
  std::string providers = "providers:\n", models = "models:\n";
  for (const Backend& one : backends) {
    providers += "  - {name: " + one.name + ", type: openai, data: {apikey: k, base_url: \"" +
                 mock.url(target_path(one)) + "\"}}\n";
    models += "  - {provider: " + one.name + ", id: river, alias: chat, weight: " + one.weight +
              "}\n";
  }
  return providers + models + "load_balancers:\n  - {alias: chat" + balancer + "}\nkeys:\n" +
         kUserEntry;
}

// So many requests over one connection, all of which must be answered well.
void ask_often(const Gateway& gateway, int count) {
  Peer peer(gateway.port());
  for (int i = 0; i < count; ++i) {
    peer.send(chat_request("chat"));
    ASSERT_EQ(peer.read().status, 200);
  }
}

TEST(Balance, ThreeEqualTargetsShareExactly) {
  const Mock mock;
  const Gateway gateway(config_of(mock, {{"a"}, {"b"}, {"c"}}, ""));
  ask_often(gateway, 300);
  for (const char* path : {"/a/v1", "/b/v1", "/c/v1"}) EXPECT_EQ(mock.chats(path), 100) << path;
}

TEST(Balance, WeightsHoldOnManyConnections) {
  constexpr int kWorkers = 2;
  const Mock mock;
  const Gateway gateway(config_of(mock, {{"a", "5"}, {"b", "3"}, {"c", "1"}}, ""),
                        {.arguments = {"--workers", std::to_string(kWorkers)}});
  const LoadResult load = load_run(gateway.port(), {"-c", "8", "-n", "900", "--model", "chat"});
  ASSERT_EQ(load.status, 0) << load.text;
  // Each worker counts by itself and is at most one request of each target off.
  EXPECT_NEAR(static_cast<double>(mock.chats("/a/v1")), 500, 2 * kWorkers);
  EXPECT_NEAR(static_cast<double>(mock.chats("/b/v1")), 300, 2 * kWorkers);
  EXPECT_NEAR(static_cast<double>(mock.chats("/c/v1")), 100, 2 * kWorkers);
}

TEST(Balance, SuspendedTargetGetsNothing) {
  const Mock mock;
  const Backend broken{"a", "1", "fail=503"};
  const Gateway gateway(config_of(mock, {broken, {"b"}}, ", suspend_duration: 1h"));
  ask_often(gateway, 60);
  EXPECT_EQ(mock.chats(target_path(broken)), 1);
  EXPECT_EQ(mock.chats("/b/v1"), 60);
}

TEST(Balance, SuspendedTargetComesBack) {
  const Mock mock;
  const Backend broken_once{"a", "1", "fail=503,times=1"};
  const Gateway gateway(config_of(mock, {broken_once, {"b"}}, ", suspend_duration: 300ms"));
  ask_often(gateway, 4);
  EXPECT_TRUE(until([&] {
    ask_often(gateway, 1);
    return mock.chats(target_path(broken_once)) >= 2;
  }));
  const int64_t a = mock.chats(target_path(broken_once)), b = mock.chats("/b/v1");
  ask_often(gateway, 40);
  EXPECT_EQ(mock.chats(target_path(broken_once)) - a, 20);
  EXPECT_EQ(mock.chats("/b/v1") - b, 20);
}

TEST(Balance, AllSuspendedStillTriesOne) {
  const Mock mock;
  const Backend broken{"a", "1", "fail=503"};
  const Gateway gateway(config_of(mock, {broken}, ", suspend_duration: 1h"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(gateway.ask(chat_request("chat")).status, 503);
  EXPECT_EQ(mock.chats(target_path(broken)), 3);
}

TEST(Balance, RefusalOfTheRequestItselfIsNotRetried) {
  const Mock mock;
  const Backend strict{"a", "1", "fail=422"}, other{"b", "1", "fail=422"};
  const Gateway gateway(config_of(mock, {strict, other}, ""));
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 422);
  EXPECT_EQ(mock.chats(target_path(strict)) + mock.chats(target_path(other)), 1);
}

}  // namespace
}  // namespace weir::integration
