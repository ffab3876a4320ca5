// The `cache` member: what is kept, for whom, for how long, and what a kept answer costs.
#include <gtest/gtest.h>

#include "route/access.h"
#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

constexpr std::string_view kOn = ",\"cache\":{\"enabled\":true,\"threshold\":0.9}";

SimAnswer last(const SimPeer* client) {
  const auto answers = sim_answers(client->received);
  return answers.empty() ? SimAnswer() : answers.back();
}

// Sends it over a connection of its own; whoever is asked upstream answers with `body`.
SimAnswer ask(SimWorld& world, std::string_view request, const std::string& body = sim_ok_body(),
              int status = 200) {
  SimPeer* client = world.connect(request);
  for (size_t dial = 0; dial < world.dials() && last(client).status == 0; ++dial) {
    if (world.upstream(dial)->take_received().empty()) continue;
    world.upstream(dial)->send(sim_reply(status, body));
    world.run();
  }
  return last(client);
}

bool is_hit(const SimAnswer& answer) { return answer.field("x-weir-cache") == "hit"; }

TEST(Cache, TheSameRequestIsAnsweredWithoutAProvider) {
  SimWorld world;
  world.limited = true;
  world.serve();
  const SimAnswer first = ask(world, sim_chat("m", kOn));
  EXPECT_EQ(first.body, sim_ok_body());
  EXPECT_FALSE(is_hit(first));
  const size_t dials = world.dials();
  const SimAnswer second = ask(world, sim_chat("m", kOn));
  EXPECT_EQ(world.dials(), dials);
  EXPECT_TRUE(is_hit(second));
  EXPECT_EQ(second.body, "{\"cached\":true," + sim_ok_body().substr(1));
  ASSERT_EQ(world.records.size(), 2u);
  const LedgerRecord& record = world.records[1];
  EXPECT_TRUE(record.cached);
  EXPECT_FALSE(world.records[0].cached);
  EXPECT_EQ(record.outcome, Outcome::kCompleted);
  EXPECT_EQ(record.attempt_count, 0);
  EXPECT_EQ(record.series, world.records[0].series);
  EXPECT_EQ(record.usage.total_tokens, 0);
  EXPECT_EQ(record.usage.source, UsageSource::kNone);
  EXPECT_EQ(world.metrics().settled_tokens, 4u);  // of the first alone
  EXPECT_EQ(world.metrics().cache_hits, 1u);
  EXPECT_EQ(world.metrics().cache_misses, 1u);
}

TEST(Cache, OnlyExactlyTheSameRequestIsFound) {
  const struct {
    const char *first, *second;
    bool hit;
  } cases[] = {
      {R"(,"cache":{"enabled":true})", R"(,"cache":{"enabled":true,"threshold":1})", true},
      {R"(,"cache":{"enabled":true})", R"(,"router":{"cache":{"enabled":true}})", true},
      {R"(,"router":{"cache":{"enabled":true}})",
       R"(,"router":{"cache":{"enabled":true,"threshold":0.5}})", true},
      {R"(,"cache":{"enabled":true,"filter":{"k":1}})",
       R"(,"cache":{"enabled":true,"filter":{"k":2}})", false},
      {R"(,"cache":{"enabled":true},"user":"x")", R"(,"cache":{"enabled":true},"user":"y")", false},
      {R"(,"cache":{"enabled":true},"n":1)", R"(,"cache":{"enabled":true},"n":2)", false},
      {R"(,"cache":{"enabled":true})", "", false},
      {"", R"(,"cache":{"enabled":true})", false},
      {R"(,"cache":{"enabled":false})", R"(,"cache":{"enabled":true})", false},
      {R"(,"cache":{"enabled":true},"router":{"max_cost":9})",
       R"(,"cache":{"enabled":true},"router":{"max_cost":8})", false},
  };
  for (const auto& one : cases) {
    SimWorld world;
    world.add_provider();
    world.add_route("m", {0}).costs = {1};
    world.publish();
    EXPECT_EQ(ask(world, sim_chat("m", one.first)).status, 200);
    EXPECT_EQ(is_hit(ask(world, sim_chat("m", one.second))), one.hit) << one.second;
  }
}

TEST(Cache, FieldsThatAdaptersReadAreApartToo) {
  SimWorld world;
  world.serve();
  const std::string body = sim_chat_body("m", kOn);
  EXPECT_EQ(ask(world, sim_post(body, "x-ibm-project-id: a\r\n")).status, 200);
  EXPECT_FALSE(is_hit(ask(world, sim_post(body, "x-ibm-project-id: b\r\n"))));
  EXPECT_TRUE(is_hit(ask(world, sim_post(body, "x-ibm-project-id: a\r\n"))));
}

TEST(Cache, StreamsAndErrorsAreNotKept) {
  SimWorld world;
  world.serve();
  EXPECT_EQ(ask(world, sim_chat("m", kOn), "{}", 400).status, 400);
  EXPECT_FALSE(is_hit(ask(world, sim_chat("m", kOn))));
  SimPeer* stream = world.connect(sim_chat("m", std::string(kOn) + ",\"stream\":true"));
  EXPECT_NE(world.upstream(0)->take_received(), "");
  world.upstream(0)->send(std::string(kSimStreamHead) + sim_chunk(sim_event("x", true)) +
                          std::string(kSimLastChunk));
  world.run();
  EXPECT_EQ(last(stream).status, 200);
  EXPECT_EQ(world.metrics().cache_hits, 0u);
  EXPECT_EQ(world.metrics().cache_misses, 2u);
}

TEST(Cache, AReplyThatSaysSoItselfIsCorrected) {
  SimWorld world;
  world.serve();
  const std::string body = R"({"choices":[{"cached":1}],"cached":false,"id":"x"})";
  EXPECT_EQ(ask(world, sim_chat("m", kOn), body).body, body);
  EXPECT_EQ(ask(world, sim_chat("m", kOn)).body,
            R"({"choices":[{"cached":1}],"cached":true,"id":"x"})");
}

TEST(Cache, RepliesGrowOld) {
  SimWorld world;
  world.limits.cache.max_age_ms = 5'000;
  world.serve();
  EXPECT_EQ(ask(world, sim_chat("m", kOn)).status, 200);
  world.advance(4'000);
  EXPECT_TRUE(is_hit(ask(world, sim_chat("m", kOn))));
  world.advance(1'001);
  EXPECT_FALSE(is_hit(ask(world, sim_chat("m", kOn))));
}

TEST(Cache, WhoLostAccessGetsNothingOfIt) {
  const auto with = [](uint64_t id, auto change) {
    Access access;
    change(access);
    access.finish(id);
    return std::make_shared<const Access>(std::move(access));
  };
  SimWorld world;
  world.serve(2);
  EXPECT_EQ(ask(world, sim_chat("m", kOn)).status, 200);  // by p0
  world.access = with(1, [](Access& access) { access.narrow(0, TargetSet(0b01)); });
  world.publish();
  EXPECT_FALSE(is_hit(ask(world, sim_chat("m", kOn))));
  EXPECT_TRUE(is_hit(ask(world, sim_chat("m", kOn))));  // kept for those who may use p1 alone
  world.access = with(2, [](Access& access) { access.deny(0); });
  world.publish();
  EXPECT_EQ(ask(world, sim_chat("m", kOn)).status, 403);
  world.access = nullptr;
  world.publish();
  EXPECT_TRUE(is_hit(ask(world, sim_chat("m", kOn))));
}

TEST(Cache, ATargetThatIsGoneTakesItsRepliesAlong) {
  SimWorld world;
  world.add_provider();
  world.add_provider();
  world.add_route("m", {0});
  world.publish();
  EXPECT_EQ(ask(world, sim_chat("m", kOn)).status, 200);
  world.routes[0].providers = {1};
  world.publish();
  EXPECT_FALSE(is_hit(ask(world, sim_chat("m", kOn))));
  EXPECT_TRUE(is_hit(ask(world, sim_chat("m", kOn))));
}

TEST(Cache, SizesAreBounded) {
  SimWorld world;
  world.limits.cache.max_entry_bytes = 2'000;
  world.serve();
  const std::string large = R"({"choices":[],"x":")" + std::string(2'000, 'y') + "\"}";
  EXPECT_EQ(ask(world, sim_chat("m", kOn), large).status, 200);
  EXPECT_FALSE(is_hit(ask(world, sim_chat("m", kOn), large)));
  world.limits.cache.max_bytes = 0;  // off
  world.publish();
  EXPECT_EQ(ask(world, sim_chat("m", kOn)).status, 200);
  EXPECT_FALSE(is_hit(ask(world, sim_chat("m", kOn))));
  EXPECT_EQ(world.metrics().cache_misses, 2u);
}

// A large kept answer goes out in bursts, and lives until its last byte or the client's end.
TEST(Cache, ASlowReaderKeepsTheReplyAlive) {
  for (const bool leaves : {false, true}) {
    SimWorld world;
    world.limits.cache = {.max_bytes = 3u << 20, .max_entry_bytes = 2u << 20};
    world.serve();
    const std::string large = R"({"choices":[],"x":")" + std::string(1u << 20, 'y') + "\"}";
    EXPECT_EQ(ask(world, sim_chat("m", kOn), large).status, 200);
    SimPeer* slow = world.connect();
    slow->window = 0;
    slow->send(sim_chat("m", kOn));
    world.run();
    EXPECT_EQ(world.metrics().cache_hits, 1u);
    // Meanwhile others push it out.
    for (const char* user : {"1", "2", "3"}) {
      const std::string more = std::string(kOn) + ",\"user\":\"" + user + "\"";
      EXPECT_EQ(ask(world, sim_chat("m", more), large).status, 200);
    }
    if (leaves) {
      slow->reset();
    } else {
      slow->take(SimPeer::kUnbounded);
    }
    world.run();
    world.advance(1);
    if (leaves) continue;
    EXPECT_TRUE(is_hit(last(slow)));
    EXPECT_EQ(last(slow).body, "{\"cached\":true," + large.substr(1));
  }
}

}  // namespace
}  // namespace weir
