// Reload, drain and stop while requests run; and answers that need no network.
#include <gtest/gtest.h>

#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

TEST(Lifecycle, ReloadLeavesRunningStreamsAlone) {
  SimWorld world;
  world.serve(2);
  SimPeer* client = world.connect(sim_stream());
  SimPeer* up = world.upstream(0);
  up->send(std::string(kSimStreamHead) + sim_chunk(sim_event("a")));
  world.run();
  EXPECT_EQ(world.pinned(), 2u);
  world.routes[0].providers = {1};
  world.publish();
  world.run();
  EXPECT_TRUE(up->connected());
  SimPeer* other = world.connect(sim_chat());
  ASSERT_EQ(world.dials(), 2u);
  EXPECT_EQ(world.upstream(1)->provider->name, "p1");
  up->send(sim_chunk(sim_event("b", true)) + std::string(kSimLastChunk));
  world.upstream(1)->send(sim_reply(200, sim_ok_body()));
  world.run();
  EXPECT_TRUE(sim_answers(client->received).at(0).whole);
  EXPECT_EQ(sim_answers(other->received).at(0).status, 200);
  EXPECT_EQ(world.pinned(), 0u);
}

// An attempt that fails behind a reload goes on with the targets it was accepted with.
TEST(Lifecycle, FailoverBehindAReload) {
  SimWorld world;
  world.serve(2);
  SimPeer* client = world.connect(sim_chat());
  world.routes.clear();
  world.add_route("other", {1});
  world.publish();
  world.upstream(0)->reset();
  world.run();
  ASSERT_EQ(world.dials(), 2u);
  world.upstream(1)->send(sim_reply(200, sim_ok_body()));
  world.run();
  EXPECT_EQ(sim_answers(client->received).at(0).status, 200);
  SimPeer* late = world.connect(sim_chat());
  EXPECT_EQ(sim_answers(late->received).at(0).status, 404);
}

TEST(Lifecycle, DrainFinishesWhatRuns) {
  SimWorld world;
  world.serve();
  SimPeer* idle = world.connect(sim_get("/healthz"));
  SimPeer* half = world.connect(sim_chat().substr(0, 30));
  SimPeer* streaming = world.connect(sim_stream());
  world.upstream(0)->send(std::string(kSimStreamHead) + sim_chunk(sim_event("a")));
  SimPeer* waiting = world.connect(sim_chat());
  world.run();
  world.drain();
  EXPECT_TRUE(idle->saw_fin);
  EXPECT_TRUE(streaming->connected());
  SimPeer* refused = world.connect();
  world.run();
  EXPECT_TRUE(refused->saw_reset);
  half->send(sim_chat().substr(30));
  world.run();
  world.upstream(0)->send(sim_chunk(sim_event("b", true)) + std::string(kSimLastChunk));
  for (size_t i = 1; i < world.dials(); ++i) world.upstream(i)->send(sim_reply(200, sim_ok_body()));
  world.run();
  EXPECT_TRUE(sim_answers(streaming->received).at(0).whole);
  for (const SimPeer* client : {waiting, half}) {
    EXPECT_EQ(sim_answers(client->received).at(0).status, 200);
    EXPECT_EQ(sim_answers(client->received).at(0).field("connection"), "close");
    EXPECT_TRUE(client->saw_fin);
  }
  world.advance(1'010);
  EXPECT_EQ(world.metrics().client_connections, 0u);
}

TEST(Lifecycle, DrainDeliversWhatASlowClientHasNotTaken) {
  SimWorld world;
  world.serve();
  SimPeer* client = world.connect();
  client->window = 100;
  client->send(sim_chat());
  world.run();
  world.upstream(0)->send(sim_reply(200, sim_ok_body()));
  world.run();
  world.drain();
  client->take(SimPeer::kUnbounded);
  world.run();
  EXPECT_TRUE(sim_answers(client->received).at(0).whole);
  EXPECT_TRUE(client->saw_fin);
}

TEST(Lifecycle, StopEndsEverything) {
  SimWorld world;
  world.serve();
  SimPeer* client = world.connect(sim_stream());
  SimPeer* control = world.connect(sim_get("/v1/keys"));
  world.link.stop.store(true);
  worker_on_wakeup(world.worker.get());
  world.run();
  EXPECT_TRUE(client->saw_reset);
  EXPECT_TRUE(control->saw_reset);
  EXPECT_FALSE(world.upstream(0)->connected());
  // The call that is with the control thread still has to come back.
  EXPECT_FALSE(worker_idle(world.worker.get()));
  world.answer_control();
  world.run();
  EXPECT_TRUE(worker_idle(world.worker.get()));
}

TEST(Lifecycle, ScrapeSumsHold) {
  SimWorld world;
  world.serve();
  world.connect(sim_chat());
  auto* scrape = new Scrape();
  scrape->worker = &world.link;
  world.link.scrapes.push(scrape);
  worker_on_wakeup(world.worker.get());
  Scrape* back = world.control.scrapes.take_all();
  ASSERT_EQ(back, scrape);
  EXPECT_EQ(back->block.accepted, 1u);
  EXPECT_EQ(back->block.in_flight, 1u);
  EXPECT_EQ(back->block.buffered_bytes, SmallBlock::kBytes);
  delete back;
}

// --- loopback -----------------------------------------------------------------------------------

class Loopback : public testing::Test {
 protected:
  Loopback() {
    world_.add_provider("loopback");
    world_.add_provider("openai");
    for (const char* name : {"loopback/x", "loopback/delay=100ms", "loopback/stall=5s",
                             "loopback/cut=2", "loopback/fail=503", "loopback/words=20000",
                             "loopback/cut=1,delay=10ms", "loopback/fail=424"}) {
      world_.add_route(name, {0}).suspend_ms = 0;
    }
    world_.publish();
  }
  SimAnswer only(const SimPeer* client) {
    const auto answers = sim_answers(client->received);
    EXPECT_EQ(answers.size(), 1u) << client->received;
    return answers.empty() ? SimAnswer() : answers[0];
  }
  SimWorld world_;
};

TEST_F(Loopback, WholeAndStream) {
  SimPeer* client = world_.connect(sim_chat("loopback/x"));
  EXPECT_EQ(only(client).status, 200);
  EXPECT_NE(only(client).body.find("\"content\":\"one two three\""), std::string::npos);
  client = world_.connect(sim_stream("loopback/x"));
  EXPECT_TRUE(only(client).whole);
  EXPECT_TRUE(only(client).body.ends_with("data: [DONE]\n\n"));
  EXPECT_NE(only(client).body.find("loopback/x"), std::string::npos);
  EXPECT_EQ(world_.dials(), 0u);
}

TEST_F(Loopback, ToolCallOutlivesTheRequestBody) {
  const std::string tools =
      ",\"stream\":true,\"tool_choice\":\"required\",\"tools\":[{\"type\":\"function\","
      "\"function\":{\"name\":\"look\",\"parameters\":{\"properties\":{\"q\":{\"type\":\"string\"}}"
      "}}}]";
  SimPeer* client = world_.connect(sim_chat("loopback/delay=100ms", tools));
  world_.advance(5'000);
  EXPECT_TRUE(only(client).whole);
  EXPECT_NE(only(client).body.find("\"name\":\"look\""), std::string::npos);
}

TEST_F(Loopback, DelayBetweenWords) {
  SimPeer* client = world_.connect(sim_stream("loopback/delay=100ms"));
  const size_t at_once = client->received.size();
  EXPECT_EQ(client->received.find("one"), std::string::npos);
  world_.advance(110);
  EXPECT_NE(client->received.find("one"), std::string::npos);
  EXPECT_EQ(client->received.find("two"), std::string::npos);
  EXPECT_GT(client->received.size(), at_once);
  world_.advance(250);
  EXPECT_TRUE(only(client).whole);
}

// A client that takes its bytes late does not shorten the wait for the next ones.
TEST_F(Loopback, DrainIsNoReasonToHurry) {
  SimPeer* client = world_.connect();
  client->window = 50;
  client->send(sim_stream("loopback/delay=100ms"));
  world_.run();
  world_.advance(20);
  client->take(SimPeer::kUnbounded);
  world_.run();
  EXPECT_EQ(client->received.find("one"), std::string::npos);
  world_.advance(400);
  EXPECT_TRUE(only(client).whole);
}

TEST_F(Loopback, StallCutFail) {
  SimPeer* client = world_.connect(sim_stream("loopback/stall=5s"));
  world_.advance(4'990);
  EXPECT_EQ(client->received, "");
  world_.advance(20);
  EXPECT_TRUE(only(client).whole);
  client = world_.connect(sim_stream("loopback/cut=2"));
  EXPECT_FALSE(only(client).whole);
  EXPECT_NE(only(client).body.find("two"), std::string::npos);
  EXPECT_EQ(only(client).body.find("three"), std::string::npos);
  EXPECT_TRUE(client->saw_fin);
  client = world_.connect(sim_chat("loopback/cut=2"));
  EXPECT_EQ(only(client).status, 502);
  client = world_.connect(sim_chat("loopback/fail=503"));
  EXPECT_EQ(only(client).status, 503);
  client = world_.connect(sim_stream("loopback/cut=1,delay=10ms"));
  client->reset();
  world_.run();
  EXPECT_EQ(world_.metrics().in_flight, 0u);
}

TEST_F(Loopback, LongAnswerToASlowClientIsBounded) {
  SimPeer* client = world_.connect();
  client->window = 1000;
  client->send(sim_stream("loopback/words=20000"));
  world_.run();
  world_.advance(1'000);
  EXPECT_LE(world_.most_queued, size_t{1} << 20);
  for (int i = 0; i < 400 && world_.metrics().in_flight != 0; ++i) {
    client->take(100'000);
    world_.run();
    world_.advance(50);
  }
  EXPECT_LE(world_.most_queued, size_t{1} << 20);
  client->take(SimPeer::kUnbounded);
  world_.run();
  EXPECT_TRUE(only(client).whole);
}

// An escape in the name is undone in memory that every request uses.
TEST_F(Loopback, EscapedModelNameIsKept) {
  SimPeer* client = world_.connect(sim_stream("loopback\\/stall=5s"));
  world_.connect(sim_stream("loop\\u0062ack/x"));
  world_.advance(5'010);
  EXPECT_TRUE(only(client).whole);
  EXPECT_NE(only(client).body.find("\"model\":\"loopback/stall=5s\""), std::string::npos)
      << only(client).body;
}

// While a write may still read it, a body's memory is neither written to nor used for another one.
TEST(Lifecycle, ALentBodyStaysAsItIs) {
  SimWorld world;
  Worker* worker = world.worker.get();
  BodyBuffer body;
  ASSERT_TRUE(body.append(worker, "{\"model\":\"m\"}"));
  char* const front = body.front(100);
  ASSERT_NE(front, nullptr);
  EXPECT_EQ(front + 100, body.view().data());
  EXPECT_EQ(body.front(SmallBlock::kFrontBytes + 1), nullptr);
  Loan* loan = body.loan();
  ++loan->out;
  EXPECT_EQ(body.front(100), nullptr);
  body.release(worker);
  EXPECT_EQ(worker->small_blocks.in_use(), 1u);
  EXPECT_EQ(worker->buffered_total, 0);
  ASSERT_NE(loan->back, nullptr);
  --loan->out;
  loan->back(loan);
  EXPECT_EQ(worker->small_blocks.in_use(), 0u);
}

}  // namespace
}  // namespace weir
