// The program language of adapters, with tables made for these tests: steps with a look at the
// reply in between, waits, and every way for an adapter to give up.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "adapters/common/openai_shape.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

constexpr uint32_t kAll = endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kCompletions) |
                          endpoint_bit(Endpoint::kEmbeddings);

// Sends; on a 202 waits 50 ms and sends again, until something else comes.
Result<void> poll_next(Call& call, Step* step) {
  const bool waits = call.reply != nullptr && call.step % 2 == 1;
  if (!waits) return openai_next(call, step);
  ReplyView view;
  // The whole reply is there and may be scanned like any other: what is behind it can be read.
  const std::string_view body = call.reply->body;
  char padding[RequestScanner::kPadding];
  std::copy_n(body.data() + body.size(), sizeof(padding), padding);
  if (padding[0] == 1 || !call.scanner.scan(body, &view)) return openai_next(call, step);
  step->kind = StepKind::kWait;
  step->wait_ms = 50;
  return {};
}
bool poll_inspect(const Call&, const Reply& head) {
  return head.status == 202;
}

Result<void> refuse_next(Call&, Step*) {
  return std::unexpected(Error{Errc::kUnsupportedParameter, "no such parameter", "logit_bias"});
}
Result<void> fail_next(Call&, Step* step) {
  step->kind = StepKind::kFail;
  step->error.fault = Fault::kTarget;
  step->error.message = "not today";
  return {};
}
Result<void> upper_stream(Call& call, StreamPhase phase, std::string_view in, SliceList* out,
                          StreamFacts* facts) {
  if (in.find('!') != std::string_view::npos) {
    return std::unexpected(Error{Errc::kUpstreamUnavailable, "the events make no sense"});
  }
  // Output in scratch is gone after the call, and must be on its way by then.
  const std::string_view text = call.scratch.copy(in);
  if (phase == StreamPhase::kEnd) {
    facts->done = true;
    if (!out->push(std::string_view("data: [DONE]\n\n"))) return {};
  }
  if (!out->push(text)) return {};
  return {};
}
Result<void> bad_response(Call&, const Reply&, SliceList*, StreamFacts*) {
  return std::unexpected(Error{Errc::kUpstreamUnavailable, "the answer makes no sense"});
}

// As many names of parameters as an adapter lets through.
const std::string kManyNames(1024, 'p');
Result<void> drop_next(Call& call, Step* step) {
  call.dropped_params = kManyNames;
  return openai_next(call, step);
}

constexpr Adapter table(const char* name) {
  Adapter adapter{};
  adapter.size = sizeof(Adapter);
  adapter.name = name;
  adapter.endpoints = kAll;
  return adapter;
}

class AdapterSteps : public testing::Test {
 protected:
  void use(const Adapter& adapter, uint32_t also = 0) {
    adapter_ = adapter;
    std::vector<uint32_t> all = {0};
    world_.add_provider().adapter = &adapter_;
    for (uint32_t i = 1; i <= also; ++i) {
      world_.add_provider();
      all.push_back(i);
    }
    world_.add_route("m", all);
    world_.publish();
  }
  void answer(std::string_view bytes) {
    world_.upstream(world_.dials() - 1)->take_received();
    world_.upstream(world_.dials() - 1)->send(bytes);
    world_.run();
  }
  static SimAnswer only(const SimPeer* client) {
    const auto answers = sim_answers(client->received);
    EXPECT_EQ(answers.size(), 1u) << client->received;
    return answers.empty() ? SimAnswer() : answers[0];
  }
  Adapter adapter_{};
  SimWorld world_;
};

TEST_F(AdapterSteps, NamesOfWhatWasLeftOutHaveRoomInTheHead) {
  Adapter drops = table("drops");
  drops.next = drop_next;
  use(drops);
  SimPeer* client = world_.connect(sim_chat());
  answer(sim_reply(200, sim_ok_body()));
  EXPECT_EQ(only(client).status, 200);
  EXPECT_EQ(only(client).field("x-weir-dropped-params"), kManyNames);
}

TEST_F(AdapterSteps, PollsUntilTheAnswerIsThere) {
  Adapter polls = table("polls");
  polls.next = poll_next;
  polls.inspect = poll_inspect;
  use(polls);
  SimPeer* client = world_.connect(sim_chat());
  for (int round = 0; round < 3; ++round) {
    answer(sim_reply(202, "{\"status\":\"" + std::string(100'000, 'r') + "\"}"));
    EXPECT_EQ(world_.upstream(0)->received, "");
    world_.advance(40);
    EXPECT_EQ(world_.upstream(0)->received, "");
    world_.advance(20);
    EXPECT_NE(world_.upstream(0)->received, "");
  }
  answer(sim_reply(200, sim_ok_body()));
  EXPECT_EQ(only(client).status, 200);
  EXPECT_EQ(world_.dials(), 1u);
  EXPECT_EQ(world_.records.at(0).attempt_count, 1);
}

TEST_F(AdapterSteps, ClientLeavesWhileItWaits) {
  Adapter polls = table("polls");
  polls.next = poll_next;
  polls.inspect = poll_inspect;
  use(polls);
  SimPeer* client = world_.connect(sim_chat());
  answer(sim_reply(202, "{}"));
  client->reset();
  world_.run();
  EXPECT_EQ(world_.records.at(0).outcome, Outcome::kCancelled);
  world_.advance(100);
  EXPECT_EQ(world_.upstream(0)->received, "");
}

// A connection that dies between two steps is replaced, once for each step.
TEST_F(AdapterSteps, StaleConnectionBetweenSteps) {
  Adapter polls = table("polls");
  polls.next = poll_next;
  polls.inspect = poll_inspect;
  use(polls);
  SimPeer* client = world_.connect(sim_chat());
  for (int round = 0; round < 2; ++round) {
    answer(sim_reply(202, "{}"));
    world_.advance(60);
    world_.upstream(world_.dials() - 1)->fin();
    world_.run();
  }
  EXPECT_EQ(world_.dials(), 3u);
  answer(sim_reply(200, sim_ok_body()));
  EXPECT_EQ(only(client).status, 200);
  EXPECT_EQ(world_.metrics().replays, 2u);
}

TEST_F(AdapterSteps, RefusedParameterIsTheClients) {
  Adapter refuses = table("refuses");
  refuses.next = refuse_next;
  use(refuses, 1);
  SimPeer* client = world_.connect(sim_chat());
  EXPECT_EQ(only(client).status, 400);
  EXPECT_NE(only(client).body.find("\"param\":\"logit_bias\""), std::string::npos);
  EXPECT_EQ(world_.dials(), 0u);
}

TEST_F(AdapterSteps, FailStepGoesToTheNextTarget) {
  Adapter fails = table("fails");
  fails.next = fail_next;
  use(fails, 1);
  SimPeer* client = world_.connect(sim_chat());
  answer(sim_reply(200, sim_ok_body()));
  EXPECT_EQ(only(client).status, 200);
  EXPECT_TRUE(world_.health[0].suspended(world_.now_ms()));
}

TEST_F(AdapterSteps, BadResponseGoesToTheNextTarget) {
  Adapter bad = table("bad");
  bad.transform_response = bad_response;
  use(bad, 1);
  SimPeer* client = world_.connect(sim_chat());
  answer(sim_reply(200, sim_ok_body()));
  EXPECT_EQ(client->received, "");
  answer(sim_reply(200, sim_ok_body()));
  EXPECT_EQ(only(client).status, 200);
}

TEST_F(AdapterSteps, TranslatedStream) {
  Adapter upper = table("upper");
  upper.transform_stream = upper_stream;
  use(upper, 1);
  SimPeer* client = world_.connect(sim_stream());
  answer(std::string(kSimStreamHead) + sim_chunk("a") + sim_chunk("b") +
         std::string(kSimLastChunk));
  EXPECT_EQ(only(client).body, "abdata: [DONE]\n\n");
  EXPECT_TRUE(only(client).whole);
  // It gives up before the first byte, and after it.
  SimPeer* early = world_.connect(sim_stream());
  answer(std::string(kSimStreamHead) + sim_chunk("!"));
  answer(std::string(kSimStreamHead) + sim_chunk(sim_event("x", true)) +
         std::string(kSimLastChunk));
  EXPECT_TRUE(only(early).whole);
  world_.health[0].clear();
  SimPeer* late = world_.connect(sim_stream());
  for (size_t i = 0; i < world_.dials(); ++i) {
    if (world_.upstream(i)->take_received().empty()) continue;
    world_.upstream(i)->send(std::string(kSimStreamHead) + sim_chunk("c") + sim_chunk("!"));
  }
  world_.run();
  EXPECT_FALSE(only(late).whole);
  EXPECT_TRUE(only(late).body.starts_with("cdata: {\"error\":")) << only(late).body;
}

}  // namespace
}  // namespace weir
