// Where the time of a request goes, on a clock that moves only between events: the field of the
// answer and the record tell exactly what was waited for.
#include <gtest/gtest.h>

#include <array>

#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

using Stages = std::array<uint32_t, kStages>;  // receive ... relay, in ms

constexpr std::string_view kAsk = "x-weir-timing: 1\r\n";

std::string field_of(const Stages& ms) {
  static constexpr const char* kNames[kStages] = {"receive", "parse",    "decide",    "pool",
                                                  "connect", "upstream", "translate", "relay"};
  std::string text;
  for (size_t i = 0; i < kStages; ++i) {
    text += std::string(i == 0 ? "" : ", ") + kNames[i] + ";dur=" + std::to_string(ms[i]) + ".000";
  }
  return text;
}

Stages ms_of(const LedgerRecord& record) {
  Stages ms{};
  for (size_t i = 0; i < kStages; ++i) ms[i] = record.stage_us[i] / 1000;
  return ms;
}

TEST(Timing, OfAWholeAnswer) {
  SimWorld world;
  world.net.auto_open = false;
  world.serve();
  const std::string request = sim_post(sim_chat_body("m"), kAsk);
  SimPeer* client = world.connect(request.substr(0, 20));
  world.advance(30);
  client->send(request.substr(20));
  world.run();
  world.advance(40);
  world.upstream(0)->open();
  world.run();
  world.advance(100);
  const std::string reply = sim_reply(200, sim_ok_body());
  world.upstream(0)->send(reply.substr(0, reply.size() - 10));
  world.run();
  world.advance(25);
  world.upstream(0)->send(reply.substr(reply.size() - 10));
  world.run();
  const Stages expected = {30, 0, 0, 0, 40, 100, 0, 25};
  EXPECT_EQ(sim_answers(client->received).at(0).field("server-timing"), field_of(expected));
  EXPECT_EQ(ms_of(world.records.at(0)), expected);
  EXPECT_EQ(world.records[0].total_us, 195'000u);
}

// The head of a stream tells of what came before it; the record has the rest.
TEST(Timing, OfAStream) {
  SimWorld world;
  world.serve();
  SimPeer* client = world.connect(sim_post(sim_chat_body("m", ",\"stream\":true"), kAsk));
  world.advance(50);
  world.upstream(0)->send(kSimStreamHead);
  world.run();
  world.advance(7);
  world.upstream(0)->send(sim_chunk(sim_event("river")));
  world.run();
  world.advance(500);
  world.upstream(0)->send(sim_chunk(sim_event("", true) + "data: [DONE]\n\n") + "0\r\n\r\n");
  world.run();
  EXPECT_EQ(sim_answers(client->received).at(0).field("server-timing"),
            field_of({0, 0, 0, 0, 0, 50, 0, 7}));
  EXPECT_EQ(ms_of(world.records.at(0)), (Stages{0, 0, 0, 0, 0, 50, 0, 507}));
}

// Every attempt is in it: one that could not connect, one that was refused, one that answered.
TEST(Timing, OfThreeAttempts) {
  SimWorld world;
  world.net.auto_open = false;
  world.serve(3);
  SimPeer* client = world.connect(sim_post(sim_chat_body("m"), kAsk));
  world.advance(11);
  world.upstream(0)->refuse(NetError::kRefused);
  world.run();
  world.advance(22);
  world.upstream(1)->open();
  world.run();
  world.advance(33);
  world.upstream(1)->send(sim_reply(503, "{}"));
  world.run();
  world.upstream(2)->open();
  world.run();
  world.advance(44);
  world.upstream(2)->send(sim_reply(200, sim_ok_body()));
  world.run();
  const Stages expected = {0, 0, 0, 0, 33, 77, 0, 0};
  EXPECT_EQ(sim_answers(client->received).at(0).field("server-timing"), field_of(expected));
  EXPECT_EQ(ms_of(world.records.at(0)), expected);
}

TEST(Timing, OfAWaitForAConnection) {
  SimWorld world;
  world.add_provider().max_connections = 1;
  world.add_route("m", {0});
  world.publish();
  world.connect(sim_chat());
  SimPeer* second = world.connect(sim_post(sim_chat_body("m"), kAsk));
  world.advance(60);
  world.upstream(0)->send(sim_reply(200, sim_ok_body()));
  world.run();
  world.advance(5);
  world.upstream(0)->send(sim_reply(200, sim_ok_body()));
  world.run();
  EXPECT_EQ(sim_answers(second->received).at(0).field("server-timing"),
            field_of({0, 0, 0, 60, 0, 5, 0, 0}));
}

TEST(Timing, IsToldWhereItIsWanted) {
  struct Case {
    ServerTiming mode;
    std::string_view fields;
    bool told;
  };
  const Case cases[] = {
      {ServerTiming::kOnRequest, "", false}, {ServerTiming::kOnRequest, kAsk, true},
      {ServerTiming::kOnRequest, "x-weir-timing: 0\r\n", false},
      {ServerTiming::kAlways, "", true},     {ServerTiming::kOff, kAsk, false}};
  for (const Case& c : cases) {
    SimWorld world;
    world.limits.server_timing = c.mode;
    world.serve();
    SimPeer* client = world.connect(sim_post(sim_chat_body("m"), c.fields));
    world.upstream(0)->send(sim_reply(200, sim_ok_body()));
    world.run();
    client->send(sim_post("{", c.fields));  // an error of Weir's own
    world.run();
    for (const SimAnswer& answer : sim_answers(client->received)) {
      EXPECT_EQ(!answer.field("server-timing").empty(), c.told) << answer.head;
    }
    // It is a matter between Weir and its client.
    EXPECT_EQ(world.upstream(0)->received.find("timing"), std::string::npos);
  }
}

Nanos turn_time(Worker* worker) {
  const Turn turn(worker);
  return worker->now_ns;
}

// Events that came before the loop woke up begin when the last one was over, as far as is known;
// what is called between rounds asks the clock itself.
TEST(Timing, ARoundReadsTheClockOnce) {
  SimWorld world;
  Worker* worker = world.worker.get();
  worker_begin_round(worker);
  const Nanos first = world.now_ns;
  EXPECT_EQ(turn_time(worker), first);
  world.now_ns += 5'000'000;
  EXPECT_EQ(turn_time(worker), first);
  EXPECT_EQ(worker_clock(worker), world.now_ns) << "read within an event";
  EXPECT_EQ(turn_time(worker), world.now_ns);
  world.now_ns += 5'000'000;
  worker_end_round(worker);
  EXPECT_EQ(turn_time(worker), world.now_ns);
  world.now_ns += 5'000'000;
  EXPECT_EQ(turn_time(worker), world.now_ns);
  worker_begin_round(worker);
  world.now_ns += 5'000'000;
  EXPECT_EQ(turn_time(worker), world.now_ns) << "of a new round, after its wait";
  worker_end_round(worker);
}

}  // namespace
}  // namespace weir
