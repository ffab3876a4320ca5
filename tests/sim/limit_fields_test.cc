// What an answer says about limits: the tightest bucket of each unit, while the request still holds
// what it reserved, and exactly in a refusal.
#include <gtest/gtest.h>

#include <string>

#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

constexpr int64_t kTokens = 1'000'000;
constexpr int64_t kCap = 100;

std::string body() { return sim_chat_body("m", ",\"max_tokens\":" + std::to_string(kCap)); }

// A tenant with many requests and kTokens tokens, and an alias with `requests`.
void serve(SimWorld& world, int64_t requests) {
  world.add_provider();
  world.add_route("m", {0}).limit = requests;
  world.limited = true;
  world.tokens = kTokens;
  world.publish();
}

SimAnswer ask(SimWorld& world, SimPeer* client) {
  client->received.clear();
  client->send(sim_post(body()));
  world.run();
  if (client->received.empty()) {
    world.upstream(0)->send(sim_reply(200, sim_ok_body()));
    world.run();
  }
  return sim_answers(client->received).at(0);
}

std::string requests_lines(int64_t limit, int64_t left) {
  return "x-ratelimit-limit-requests: " + std::to_string(limit) +
         "\r\nx-ratelimit-remaining-requests: " + std::to_string(left) +
         "\r\nx-ratelimit-reset-requests: 5124095h34m34s\r\nx-requests-limit-remaining: " +
         std::to_string(left) + "\r\n";
}

TEST(LimitFields, TellTheTightestOfEachUnit) {
  constexpr int64_t kRequests = 20'002;
  const auto reserved = static_cast<int64_t>((body().size() + 3) / 4) + kCap;
  SimWorld world;
  serve(world, kRequests);
  SimPeer* client = world.connect("");
  int64_t tokens = kTokens;
  for (int64_t left = kRequests - 1; left > kRequests - 6; --left) {
    const SimAnswer answer = ask(world, client);
    ASSERT_EQ(answer.status, 200);
    EXPECT_NE(answer.head.find(requests_lines(kRequests, left) +
                               "x-ratelimit-limit-tokens: 1000000\r\n"
                               "x-ratelimit-remaining-tokens: " +
                               std::to_string(tokens - reserved) +
                               "\r\nx-ratelimit-reset-tokens: 5124095h34m34s\r\n"),
              std::string::npos)
        << answer.head;
    tokens -= 4;  // as the provider says
  }
}

TEST(LimitFields, ARefusalIsExact) {
  SimWorld world;
  serve(world, 1);
  SimPeer* client = world.connect("");
  EXPECT_EQ(ask(world, client).status, 200);
  const SimAnswer refused = ask(world, client);
  EXPECT_EQ(refused.status, 429);
  EXPECT_NE(refused.head.find(requests_lines(1, 0)), std::string::npos) << refused.head;
  EXPECT_EQ(refused.field("x-ratelimit-remaining-tokens"), "999996");
}

TEST(LimitFields, AreNotThereWithoutBuckets) {
  SimWorld world;
  world.serve(1);
  const SimAnswer answer = ask(world, world.connect(""));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.head.find("limit"), std::string::npos) << answer.head;
}

}  // namespace
}  // namespace weir
