// Going to another target, staying with one, and coming back to it.
#include <gtest/gtest.h>

#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

int status_of(const SimPeer* client) {
  const auto answers = sim_answers(client->received);
  return answers.empty() ? 0 : answers.back().status;
}

void answer(SimWorld& world, size_t dial, std::string_view bytes) {
  world.upstream(dial)->send(bytes);
  world.run();
}

TEST(Failover, SecondTargetAnswers) {
  SimWorld world;
  world.serve(2);
  SimPeer* client = world.connect(sim_chat());
  answer(world, 0, sim_reply(500, "{}", "x-ratelimit-left: 1\r\n"));
  ASSERT_EQ(world.dials(), 2u);
  EXPECT_EQ(world.upstream(1)->provider->name, "p1");
  EXPECT_NE(world.upstream(1)->received.find("\"model\":\"model-1\""), std::string::npos);
  answer(world, 1, sim_reply(200, sim_ok_body()));
  EXPECT_EQ(client->received,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " +
                std::to_string(sim_ok_body().size()) + "\r\n" + std::string(SimWorld::kDate) +
                "x-request-id: test-1\r\nx-weir-attempts: 2\r\n\r\n" + sim_ok_body());
  ASSERT_EQ(world.records.size(), 1u);
  EXPECT_EQ(world.records[0].outcome, Outcome::kCompleted);
  EXPECT_EQ(world.records[0].attempt_count, 2);
  EXPECT_EQ(world.metrics().retries, 1u);
  EXPECT_EQ(world.metrics().targets[0].attempts_failed, 1u);
  EXPECT_EQ(world.metrics().targets[1].attempts_ok, 1u);
}

// A body that goes out as it came lies behind the head of each attempt in turn.
TEST(Failover, ABodyWithoutEditsKeepsItsBytes) {
  SimWorld world;
  world.add_provider();
  world.add_provider();
  world.add_route("m", {0, 1}).own_name = true;
  world.publish();
  const std::string body = sim_chat_body("m", ",\"pad\":\"" + std::string(3000, 'p') + "\"");
  SimPeer* client = world.connect(sim_post(body));
  const std::string first = world.upstream(0)->received;
  EXPECT_TRUE(first.ends_with("\r\n\r\n" + body));
  EXPECT_NE(first.find("upstream-secret-0"), std::string::npos);
  answer(world, 0, sim_reply(500, "{}"));
  ASSERT_EQ(world.dials(), 2u);
  const std::string second = world.upstream(1)->received;
  EXPECT_TRUE(second.ends_with("\r\n\r\n" + body));
  EXPECT_NE(second.find("upstream-secret-1"), std::string::npos);
  EXPECT_EQ(second.find("upstream-secret-0"), std::string::npos);
  EXPECT_EQ(world.upstream(0)->received, first);
  EXPECT_EQ(world.net.loans, 2u);
  answer(world, 1, sim_reply(200, sim_ok_body()));
  EXPECT_EQ(status_of(client), 200);
}

TEST(Failover, EveryFaultOfTheFirstGoesOn) {
  const std::vector<std::string> faults = {
      "nonsense\r\n",       sim_reply(503, ""),   sim_reply(429, "{}"),      sim_reply(401, "{}"),
      sim_reply(408, "{}"), sim_reply(529, "{}"), sim_reply(200, "no json"), sim_reply(424, "{}")};
  for (const std::string& fault : faults) {
    SCOPED_TRACE(fault);
    SimWorld world;
    world.serve(2);
    SimPeer* client = world.connect(sim_chat());
    answer(world, 0, fault);
    ASSERT_EQ(world.dials(), 2u);
    answer(world, 1, sim_reply(200, sim_ok_body()));
    EXPECT_EQ(status_of(client), 200);
  }
}

TEST(Failover, NotOnTheRequestsOwnFault) {
  SimWorld world;
  world.serve(2);
  SimPeer* client = world.connect(sim_chat());
  answer(world, 0,
         sim_reply(400, R"({"error":{"message":"bad temperature","param":"temperature"}})"));
  EXPECT_EQ(world.dials(), 1u);
  EXPECT_EQ(sim_answers(client->received).at(0).body,
            R"({"error":{"message":"bad temperature","type":"invalid_request_error",)"
            R"("param":"temperature","code":"invalid_request_error","request_id":"test-1"},)"
            R"("errors":[{"code":"invalid_request_error","message":"bad temperature"}],)"
            R"("trace":"test-1","status_code":400})");
  EXPECT_EQ(world.records[0].outcome, Outcome::kCompleted);
  EXPECT_FALSE(world.health[0].suspended(world.now_ms()));
}

TEST(Failover, AttemptsAreCapped) {
  SimWorld world;
  world.serve(5);
  SimPeer* client = world.connect(sim_chat());
  for (size_t i = 0; i < 3; ++i) answer(world, i, sim_reply(500, "{}"));
  EXPECT_EQ(world.dials(), 3u);
  EXPECT_EQ(status_of(client), 502);
  EXPECT_EQ(world.records[0].attempt_count, 3);
}

TEST(Failover, RetryBudget) {
  SimWorld world;
  world.limits.retry_budget_min_per_s = 2;
  world.limits.retry_budget_percent = 0;
  for (uint32_t i = 0; i < 2; ++i) world.add_provider();
  world.add_route("m", {0, 1}).suspend_ms = 0;
  world.publish();
  for (int i = 0; i < 5; ++i) {
    SimPeer* client = world.connect(sim_chat());
    while (status_of(client) == 0) {
      for (size_t d = 0; d < world.dials(); ++d) {
        if (!world.upstream(d)->take_received().empty()) answer(world, d, sim_reply(500, "{}"));
      }
    }
  }
  EXPECT_EQ(world.metrics().retries, 2u);
  EXPECT_EQ(world.metrics().retry_budget_exhausted, 3u);
}

TEST(Failover, AllFailedShowsTheLastError) {
  SimWorld world;
  world.serve(2);
  SimPeer* client = world.connect(sim_chat());
  answer(world, 0, sim_reply(500, "{}"));
  answer(world, 1, sim_reply(429, "{}", "Retry-After: 30\r\n"));
  const SimAnswer last = sim_answers(client->received).at(0);
  EXPECT_EQ(last.status, 429);
  EXPECT_EQ(last.field("retry-after"), "30");
  EXPECT_EQ(last.field("x-weir-attempts"), "2");
  // Retry-After is a floor for the suspension.
  EXPECT_TRUE(world.health[1].suspended(world.now_ms() + 29'990));
  EXPECT_FALSE(world.health[1].suspended(world.now_ms() + 30'010));
}

TEST(Failover, SuspendedTargetReturnsWithOneProbe) {
  SimWorld world;
  world.serve(2);
  world.connect(sim_chat());
  answer(world, 0, sim_reply(500, "{}"));
  answer(world, 1, sim_reply(200, sim_ok_body()));
  world.upstream(0)->take_received();
  world.upstream(1)->take_received();
  // While it is suspended, nothing goes to it.
  for (int i = 0; i < 3; ++i) {
    world.connect(sim_chat());
    EXPECT_EQ(world.upstream(0)->received, "");
    EXPECT_NE(world.upstream(1)->take_received(), "");
    answer(world, 1, sim_reply(200, sim_ok_body()));
  }
  world.advance(10'010);
  // Then one request tries it, and the next still goes elsewhere until it has answered.
  SimPeer* probe = world.connect(sim_chat());
  SimPeer* other = world.connect(sim_chat());
  EXPECT_NE(world.upstream(0)->take_received(), "");
  EXPECT_NE(world.upstream(1)->take_received(), "");
  answer(world, 1, sim_reply(200, sim_ok_body()));
  answer(world, 0, sim_reply(200, sim_ok_body()));
  EXPECT_EQ(status_of(probe), 200);
  EXPECT_EQ(status_of(other), 200);
  EXPECT_EQ(world.health[0].open_until(), 0u);
  world.connect(sim_chat());
  EXPECT_NE(world.upstream(0)->received, "");
}

TEST(Failover, ClientOfAProbeGoesAwayAndGivesItBack) {
  SimWorld world;
  world.serve(1);
  world.connect(sim_chat());
  answer(world, 0, sim_reply(500, "{}"));
  world.advance(10'010);
  SimPeer* client = world.connect(sim_chat());
  EXPECT_TRUE(world.health[0].probe_held(world.now_ms()));
  client->reset();
  world.run();
  EXPECT_FALSE(world.health[0].probe_held(world.now_ms()));
}

TEST(Failover, AllSuspendedTriesTheOneThatIsDueFirst) {
  SimWorld world;
  world.serve(1);
  world.connect(sim_chat());
  answer(world, 0, sim_reply(500, "{}"));
  world.upstream(0)->take_received();
  SimPeer* client = world.connect(sim_chat());
  EXPECT_NE(world.upstream(0)->take_received(), "");
  // So does a second one, while the first is still out.
  SimPeer* second = world.connect(sim_chat());
  ASSERT_EQ(world.dials(), 2u);
  answer(world, 0, sim_reply(200, sim_ok_body()));
  EXPECT_EQ(status_of(client), 200);
  answer(world, 1, sim_reply(500, "{}"));
  EXPECT_EQ(status_of(second), 503);
  EXPECT_FALSE(sim_answers(second->received).at(0).field("retry-after").empty());
}

TEST(Failover, StaleConnectionIsReplayedOnce) {
  for (const bool reset : {false, true}) {
    SCOPED_TRACE(reset);
    SimWorld world;
    world.serve(2);
    world.connect(sim_chat());
    answer(world, 0, sim_reply(200, sim_ok_body()));
    const std::string first = world.upstream(0)->take_received();
    // The end of the pooled connection and the next request cross each other.
    SimPeer* client = world.connect(sim_chat());
    reset ? world.upstream(0)->reset() : world.upstream(0)->fin();
    world.run();
    ASSERT_EQ(world.dials(), 2u);
    EXPECT_EQ(world.upstream(1)->provider->name, "p0");
    EXPECT_EQ(world.upstream(1)->received, first);
    EXPECT_EQ(world.metrics().replays, 1u);
    EXPECT_EQ(world.records.size(), 1u);
    EXPECT_FALSE(world.health[0].suspended(world.now_ms()));
    // The second time it is a fault.
    world.upstream(1)->fin();
    world.run();
    ASSERT_EQ(world.dials(), 3u);
    EXPECT_EQ(world.upstream(2)->provider->name, "p1");
    answer(world, 2, sim_reply(200, sim_ok_body()));
    EXPECT_EQ(status_of(client), 200);
    EXPECT_EQ(world.records.at(1).attempt_count, 2);
    EXPECT_TRUE(world.health[0].suspended(world.now_ms()));
  }
}

TEST(Failover, AByteOfAnAnswerForbidsTheReplay) {
  SimWorld world;
  world.serve(1);
  world.connect(sim_chat());
  answer(world, 0, sim_reply(200, sim_ok_body()));
  SimPeer* client = world.connect(sim_chat());
  world.upstream(0)->send("H");
  world.upstream(0)->reset();
  world.run();
  EXPECT_EQ(status_of(client), 502);
  EXPECT_EQ(world.metrics().replays, 0u);
}

TEST(Failover, NothingOfAFailedAttemptReachesALocalAnswer) {
  SimWorld world;
  world.add_provider("openai");
  world.add_provider("loopback");
  world.add_route("m", {0, 1});
  world.publish();
  SimPeer* client = world.connect(sim_stream());
  answer(world, 0, sim_reply(500, "{}", "x-ratelimit-left: " + std::string(3000, '1') + "\r\n"));
  EXPECT_TRUE(client->received.starts_with(
      "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
      "transfer-encoding: chunked\r\n" +
      std::string(SimWorld::kDate) +
      "x-request-id: test-1\r\nx-weir-attempts: 2\r\ncache-control: no-cache\r\n\r\n"))
      << client->received;
}

TEST(Failover, ErrorAsFirstEventOfAStream) {
  SimWorld world;
  world.serve(2);
  SimPeer* client = world.connect(sim_stream());
  const std::string_view error =
      ": hello\n\ndata: {\"error\":{\"message\":\"busy\",\"code\":503}}\n\n";
  answer(world, 0, std::string(kSimStreamHead) + sim_chunk(error));
  EXPECT_EQ(client->received, "");
  ASSERT_EQ(world.dials(), 2u);
  answer(
      world, 1,
      std::string(kSimStreamHead) + sim_chunk(sim_event("x", true)) + std::string(kSimLastChunk));
  EXPECT_EQ(sim_answers(client->received).at(0).body, sim_event("x", true) + "data: [DONE]\n\n");
}

TEST(Failover, NotAfterTheFirstByteOfAStream) {
  SimWorld world;
  world.serve(2);
  SimPeer* client = world.connect(sim_stream());
  answer(world, 0, std::string(kSimStreamHead) + sim_chunk(sim_event("x")));
  world.upstream(0)->reset();
  world.run();
  EXPECT_EQ(world.dials(), 1u);
  EXPECT_EQ(world.records.at(0).outcome, Outcome::kFailed);
  EXPECT_EQ(world.records[0].status, 200);
  EXPECT_FALSE(sim_answers(client->received).at(0).whole);
}

}  // namespace
}  // namespace weir
