// Goal: a caller inside the process gets from an exchange what a socket would: every answer, its
// end once, and a way to pause and to leave; and no callback from inside its own calls.
// Method: requests are submitted to a simulated worker, whose providers are scripted.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

struct Answer {
  int status = 0;
  std::string fields, body;
  int heads = 0, ends = 0;
  AnswerEnd end = AnswerEnd::kComplete;
};

// A caller: collects, and does what the test told it to do in the midst of a callback.
struct Caller {
  SimWorld* world;
  std::map<uint64_t, Answer> answers;
  int inside = 0;      // one of the four calls runs
  bool cancel_in_body = false, submit_in_end = false;
  uint64_t next = 0;

  uint64_t submit(SubmitRequest request);
  void run() {
    local_run(world->worker.get());
    world->run();
  }
};

const AnswerEvents kEvents = {
    .on_head =
        [](void* user, uint64_t id, int status, std::string_view fields) {
          auto* caller = static_cast<Caller*>(user);
          EXPECT_EQ(caller->inside, 0);
          Answer& answer = caller->answers[id];
          ++answer.heads;
          answer.status = status;
          answer.fields = fields;
        },
    .on_body =
        [](void* user, uint64_t id, std::string_view bytes) {
          auto* caller = static_cast<Caller*>(user);
          EXPECT_EQ(caller->inside, 0);
          caller->answers[id].body += bytes;
          if (caller->cancel_in_body) local_cancel(caller->world->worker.get(), id);
        },
    .on_end =
        [](void* user, uint64_t id, AnswerEnd end) {
          auto* caller = static_cast<Caller*>(user);
          EXPECT_EQ(caller->inside, 0);
          ++caller->answers[id].ends;
          caller->answers[id].end = end;
          if (!std::exchange(caller->submit_in_end, false)) return;
          caller->next = caller->submit({.method = "GET", .target = "/healthz"});
        },
};

uint64_t Caller::submit(SubmitRequest request) {
  ++inside;
  const uint64_t id = local_submit(world->worker.get(), request, &kEvents, this);
  --inside;
  return id;
}

std::string chat(bool stream) {
  return std::string(R"({"model":"m","stream":)") + (stream ? "true" : "false") +
         R"(,"messages":[{"role":"user","content":"hi"}]})";
}

struct LocalClientTest : testing::Test {
  Caller caller{.world = nullptr, .answers = {}};  // outlives the world, which ends what is left
  SimWorld world;
  LocalClientTest() { caller.world = &world; }

  uint64_t ask(bool stream) {
    const std::string body = chat(stream);
    const uint64_t id = caller.submit(
        {.target = "/v1/chat/completions", .key = SimWorld::kKey, .body = body});
    caller.run();
    return id;
  }
};

TEST_F(LocalClientTest, GetsAWholeAnswerWithoutAnyFraming) {
  world.serve();
  const uint64_t id = ask(false);
  EXPECT_NE(world.upstream(0)->received.find("POST /v1/chat/completions"), std::string::npos);
  world.upstream(0)->send(sim_reply(200, sim_ok_body()));
  world.run();
  const Answer& answer = caller.answers[id];
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, sim_ok_body());
  EXPECT_NE(answer.fields.find("content-type: application/json\r\n"), std::string::npos);
  EXPECT_NE(answer.fields.find("x-request-id: req-"), std::string::npos);
  EXPECT_EQ(answer.fields.find("connection:"), std::string::npos);
  EXPECT_EQ(answer.fields.find("HTTP/1.1"), std::string::npos);
  EXPECT_EQ(answer.heads, 1);
  EXPECT_EQ(answer.ends, 1);
  EXPECT_EQ(answer.end, AnswerEnd::kComplete);
  EXPECT_EQ(world.finished[static_cast<size_t>(Outcome::kCompleted)], 1u);
}

TEST_F(LocalClientTest, GetsAStreamEventByEvent) {
  world.serve();
  const uint64_t id = ask(true);
  world.upstream(0)->send(std::string(kSimStreamHead) + sim_chunk(sim_event("one")));
  world.run();
  EXPECT_EQ(caller.answers[id].body, sim_event("one"));
  EXPECT_EQ(caller.answers[id].ends, 0);
  world.upstream(0)->send(sim_chunk(sim_event("two", true) + "data: [DONE]\n\n") + "0\r\n\r\n");
  world.run();
  EXPECT_EQ(caller.answers[id].body, sim_event("one") + sim_event("two", true) +
                                         "data: [DONE]\n\n");
  EXPECT_EQ(caller.answers[id].end, AnswerEnd::kComplete);
  EXPECT_EQ(caller.answers[id].ends, 1);
}

TEST_F(LocalClientTest, LearnsThatAStreamWasCut) {
  world.serve();
  const uint64_t id = ask(true);
  world.upstream(0)->send(std::string(kSimStreamHead) + sim_chunk(sim_event("one")));
  world.run();
  world.upstream(0)->reset();
  world.run();
  EXPECT_EQ(caller.answers[id].end, AnswerEnd::kCut);
  EXPECT_NE(caller.answers[id].body.find("upstream_incomplete"), std::string::npos);
  EXPECT_EQ(caller.answers[id].body.find("[DONE]"), std::string::npos);
}

TEST_F(LocalClientTest, IsRefusedByAnAnswer) {
  world.serve();
  const std::string body = chat(false);
  const SubmitRequest request{.target = "/v1/chat/completions", .key = "wrong", .body = body};
  const uint64_t id = caller.submit(request);
  EXPECT_EQ(caller.answers.size(), 0u);  // nothing comes before the worker runs
  caller.run();
  EXPECT_EQ(caller.answers[id].status, 401);
  EXPECT_EQ(caller.answers[id].ends, 1);
  EXPECT_NE(caller.answers[id].body.find("invalid_api_key"), std::string::npos);
}

TEST_F(LocalClientTest, CancelEndsTheWorkAtTheProvider) {
  world.serve();
  const uint64_t id = ask(true);
  world.upstream(0)->send(std::string(kSimStreamHead) + sim_chunk(sim_event("one")));
  world.run();
  local_cancel(world.worker.get(), id);
  EXPECT_EQ(caller.answers[id].ends, 0);
  caller.run();
  EXPECT_EQ(caller.answers[id].end, AnswerEnd::kCancelled);
  EXPECT_TRUE(world.upstream(0)->saw_reset);
  EXPECT_EQ(world.finished[static_cast<size_t>(Outcome::kCancelled)], 1u);
  local_cancel(world.worker.get(), id);  // what has ended is nothing any more
  caller.run();
  EXPECT_EQ(caller.answers[id].ends, 1);
}

TEST_F(LocalClientTest, MayCancelInsideItsOwnCallback) {
  world.serve();
  caller.cancel_in_body = true;
  const uint64_t id = ask(true);
  world.upstream(0)->send(std::string(kSimStreamHead) + sim_chunk(sim_event("one")));
  world.run();
  world.upstream(0)->send(sim_chunk(sim_event("two")));
  world.run();
  EXPECT_EQ(caller.answers[id].body, sim_event("one"));
  caller.run();
  EXPECT_EQ(caller.answers[id].end, AnswerEnd::kCancelled);
  EXPECT_TRUE(world.upstream(0)->saw_reset);
}

TEST_F(LocalClientTest, CancelBeforeItRanCostsNothing) {
  world.serve();
  const uint64_t id =
      caller.submit({.target = "/v1/chat/completions", .key = SimWorld::kKey, .body = "{}"});
  local_cancel(world.worker.get(), id);
  caller.run();
  EXPECT_EQ(caller.answers[id].heads, 0);
  EXPECT_EQ(caller.answers[id].end, AnswerEnd::kCancelled);
  EXPECT_EQ(world.records.size(), 0u);
}

TEST_F(LocalClientTest, PauseStopsTheProviderUntilResume) {
  world.serve();
  const uint64_t id = ask(true);
  local_pause(world.worker.get(), id);
  world.upstream(0)->send(std::string(kSimStreamHead) + sim_chunk(sim_event("one")));
  world.run();
  world.upstream(0)->send(sim_chunk(sim_event("two")));
  world.run();
  EXPECT_EQ(caller.answers[id].body, sim_event("one"));  // what one read brought
  local_resume(world.worker.get(), id);
  caller.run();
  EXPECT_EQ(caller.answers[id].body, sim_event("one") + sim_event("two"));
}

TEST_F(LocalClientTest, APauseThatLastsTooLongCancels) {
  world.serve();
  const uint64_t id = ask(true);
  local_pause(world.worker.get(), id);
  world.advance(world.limits.write_stall_timeout_ms + 10);
  caller.run();
  EXPECT_EQ(caller.answers[id].end, AnswerEnd::kCancelled);
  EXPECT_EQ(world.metrics().write_stalls, 1u);
}

TEST_F(LocalClientTest, AnEndMaySubmitTheNextOne) {
  world.serve();
  caller.submit_in_end = true;
  const uint64_t id = caller.submit({.method = "GET", .target = "/healthz"});
  caller.run();
  EXPECT_EQ(caller.answers[id].body, R"({"status":"ok"})");
  EXPECT_EQ(caller.answers.count(caller.next), 0u);  // its turn is the next
  caller.run();
  EXPECT_EQ(caller.answers[caller.next].status, 200);
}

TEST_F(LocalClientTest, AskManagementAndKeepTheQuery) {
  world.serve();
  const uint64_t id = caller.submit({.method = "GET",
                                     .target = "/metrics?a=1",
                                     .key = SimWorld::kKey,
                                     .request_id = "mine-7"});
  caller.run();
  EXPECT_EQ(world.answer_control(), 1u);
  EXPECT_EQ(caller.answers[id].body, R"({"path":"/metrics"})");
  EXPECT_NE(caller.answers[id].fields.find("x-request-id: mine-7\r\n"), std::string::npos);
}

TEST_F(LocalClientTest, TooLargeABodyIsRefusedAndNotKept) {
  world.limits.max_body_bytes = 100;
  world.serve();
  const std::string body(101, ' ');
  const uint64_t id = caller.submit(
      {.target = "/v1/chat/completions", .key = SimWorld::kKey, .body = body});
  EXPECT_EQ(world.worker->buffered_total, 0);
  caller.run();
  EXPECT_EQ(caller.answers[id].status, 413);
}

TEST_F(LocalClientTest, ADrainingWorkerTakesNothingAndFinishesWhatRuns) {
  world.serve();
  const uint64_t id = ask(false);
  world.drain();
  EXPECT_EQ(caller.submit({.method = "GET", .target = "/healthz"}), 0u);
  world.upstream(0)->send(sim_reply(200, sim_ok_body()));
  world.run();
  EXPECT_EQ(caller.answers[id].status, 200);
  EXPECT_EQ(caller.answers.size(), 1u);
}

TEST_F(LocalClientTest, StopCancelsWhatRuns) {
  world.serve();
  const uint64_t id = ask(true);
  world.link.stop.store(true, std::memory_order_relaxed);
  worker_on_wakeup(world.worker.get());
  caller.run();
  EXPECT_EQ(caller.answers[id].end, AnswerEnd::kCancelled);
  EXPECT_EQ(caller.answers[id].ends, 1);
}

}  // namespace
}  // namespace weir
