// Who may use which models, requests that choose among models, kept replies, and balancers that
// look at more than turns: over real sockets, with all workers.
#include <gmock/gmock.h>

#include "servers.h"

namespace weir::integration {
namespace {

using testing::HasSubstr;
using testing::Not;

// Providers a and b, whose requests the mock counts by their path.
std::string two_providers(const Mock& mock) {
  std::string config = "providers:\n";
  for (const char* name : {"a", "b"}) {
    config += std::string("  - {name: ") + name + ", type: openai, data: {apikey: k, base_url: ";
    config += "\"" + mock.url(std::string("/") + name + "/v1") + "\"}}\n";
  }
  return config;
}

constexpr char kModels[] =
    "models:\n  - {provider: a, id: m, alias: chat, metadata: {cost: 0.02, region: eu}}\n"
    "  - {provider: b, id: m, alias: chat, metadata: {cost: 0.01, region: us}}\n"
    "  - {provider: b, id: s, alias: small, metadata: {cost: 0.001, region: us}}\n";

std::string extended(const std::string& model, const std::string& more) {
  return post_request("/v1/chat/completions",
                      R"({"model":")" + model +
                          R"(","messages":[{"role":"user","content":"hello"}],)" + more + "}");
}

std::string policies(const std::string& lines) { return "policies:\n" + lines; }

TEST(Access, PoliciesHoldFromTheReloadThatBringsThem) {
  const Mock mock;
  const std::string base = two_providers(mock) + kModels + "keys:\n" + kUserEntry;
  Gateway gateway(base, {.arguments = {"--workers", "2"}});
  Peer open_before(gateway.port());
  const auto ask = [&open_before](const std::string& request) {
    open_before.send(request);
    return open_before.read();
  };
  EXPECT_EQ(ask(chat_request("chat")).status, 200);
  // Provider a is closed to this key: the alias goes on without it.
  gateway.write(base +
                policies("  - {action: read, resource: 'provider:a', subject: 'group:x'}\n"));
  gateway.reload();
  const int64_t before = mock.chats("/a/v1");
  for (int i = 0; i < 6; ++i) EXPECT_EQ(ask(chat_request("chat")).status, 200);
  EXPECT_EQ(mock.chats("/a/v1"), before);
  EXPECT_GE(mock.chats("/b/v1"), 6);
  // Now the alias is closed, and not listed; admins are bound by denies alone.
  gateway.write(base +
                policies("  - {action: read, resource: 'model:chat', subject: 'group:x'}\n"
                         "  - {action: read, resource: 'model:small', subject: '*', "
                         "effect: deny}\n"));
  gateway.reload();
  const Answer refused = ask(chat_request("chat"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("\"code\":\"access_denied\""));
  EXPECT_EQ(ask(chat_request("a/m")).status, 403);
  EXPECT_EQ(gateway.ask(chat_request("chat", false, kAdminKey)).status, 200);
  EXPECT_EQ(gateway.ask(chat_request("small", false, kAdminKey)).status, 403);
  EXPECT_THAT(ask(get_request("/v1/models", kUserKey)).body, Not(HasSubstr("\"chat\"")));
  EXPECT_THAT(gateway.ask(get_request("/v1/models", kAdminKey)).body, HasSubstr("\"chat\""));
}

TEST(Access, ARequestChoosesAmongModels) {
  const Mock mock;
  Gateway gateway(two_providers(mock) + kModels + "keys:\n" + kUserEntry);
  EXPECT_EQ(gateway.ask(extended("chat", R"("router":{"models":["small"],"optimization":"cost"})"))
                .status,
            200);
  EXPECT_EQ(mock.chats("/b/v1"), 1);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(gateway.ask(extended("chat", R"("router":{"region":"eu"})")).status, 200);
  }
  EXPECT_EQ(mock.chats("/a/v1"), 4);
  const Answer none = gateway.ask(extended("chat", R"("router":{"max_cost":0.0001})"));
  EXPECT_EQ(none.status, 404);
  EXPECT_THAT(none.body, HasSubstr("router.max_cost leaves no model"));
  EXPECT_TRUE(until([&] {
    return gateway.process().out().find("\"alias\":\"small\"") != std::string::npos;
  })) << gateway.process().out();
}

// Each question over a connection of its own, so that the workers must share what was kept.
TEST(Access, KeptRepliesServeAllWorkersAndCostNothing) {
  const Mock mock;
  Gateway gateway(
      two_providers(mock) + kModels + "keys:\n" + kUserEntry +
          "rate_limits:\n  - {type: tenant, token: {amount: 1, capacity: 10000, duration: 1h},\n"
          "     request: {amount: 1, capacity: 13, duration: 1h}}\n",
      {.arguments = {"--workers", "4"}});
  const std::string request = extended("small", R"("cache":{"enabled":true,"threshold":1})");
  const Answer first = gateway.ask(request);
  EXPECT_EQ(first.status, 200);
  const int64_t used = request_sums(gateway.metrics()).settled;
  EXPECT_GT(used, 0);
  for (int i = 0; i < 12; ++i) {
    const Answer kept = gateway.ask(request);
    EXPECT_EQ(kept.status, 200);
    EXPECT_EQ(kept.field("x-weir-cache"), "hit");
    EXPECT_EQ(kept.body, "{\"cached\":true," + first.body.substr(1));
  }
  EXPECT_EQ(mock.chats("/b/v1"), 1);
  const std::string page = gateway.metrics();
  EXPECT_EQ(request_sums(page).settled, used);
  EXPECT_EQ(request_sums(page).accepted, 13);
  EXPECT_THAT(page, HasSubstr("\nweir_cache_requests_total{result=\"hit\"} 12\n"));
  EXPECT_THAT(page, HasSubstr("\nweir_cache_entries 1\n"));
  // Each of them took a request from the limit.
  EXPECT_EQ(gateway.ask(request).status, 429);
  EXPECT_TRUE(until([&] {
    return gateway.process().out().find("\"source\":\"cache\"") != std::string::npos;
  }));
}

TEST(Access, QuotaPriorityUsesUpTheFirstBeforeTheSecond) {
  const Mock mock;
  const Gateway gateway(
      two_providers(mock) +
      "models:\n  - {provider: a, id: m, alias: chat, priority: 1}\n"
      "  - {provider: b, id: m, alias: chat, priority: 0}\n"
      "load_balancers:\n  - {alias: chat, algorithm: quota_priority}\n"
      "rate_limits:\n  - {type: provider, provider: b, request: {amount: 1, capacity: 3, "
      "duration: 1h}}\nkeys:\n" + kUserEntry);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200) << i;
  EXPECT_EQ(mock.chats("/b/v1"), 3);
  EXPECT_EQ(mock.chats("/a/v1"), 2);
}

// A provider that is out of quota itself says 429, and is left for as long as it asks.
TEST(Access, QuotaPriorityLeavesAProviderThatHasNothingLeft) {
  const Mock mock;
  const Gateway gateway(mock_config(
      mock,
      "  - {provider: mock, id: mock/fail=429, alias: chat, priority: 0}\n"
      "  - {provider: mock, id: mock/completion=5, alias: chat, priority: 1}\n",
      "load_balancers:\n  - {alias: chat, algorithm: quota_priority, suspend_duration: 1h}\n"));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200) << i;
  EXPECT_THAT(gateway.metrics(), HasSubstr("\nweir_retries_total 1\n"));
}

// Eight workers with hardly a request each: the slow provider must not get every second one.
TEST(Access, LeastConnectionsCountsOverAllWorkers) {
  const Mock mock;
  const Gateway gateway(
      mock_config(mock,
                  "  - {provider: mock, id: \"mock/delay=300ms\", alias: chat}\n"
                  "  - {provider: mock, id: mock/completion=5, alias: chat}\n",
                  "load_balancers:\n  - {alias: chat, algorithm: least_connections}\n"),
      {.arguments = {"--workers", "8"}});
  const LoadResult load = load_run(gateway.port(), {"-c", "8", "-n", "400", "--model", "chat"});
  EXPECT_EQ(load.status, 0) << load.text;
  const std::string page = gateway.metrics();
  const int64_t slow = number_after(
      page, "weir_requests_total{alias=\"chat\",target=\"mock/mock/delay=300ms\","
            "outcome=\"completed\"} ");
  EXPECT_GT(slow, 0) << page;
  EXPECT_LT(slow, 100);
}

}  // namespace
}  // namespace weir::integration
