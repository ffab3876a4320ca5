// Streams: whole events whatever the cuts, an honest end, and a client that does not keep up.
#include <gtest/gtest.h>

#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

constexpr std::string_view kDone = "data: [DONE]\n\n";

class Stream : public testing::Test {
 protected:
  Stream() { world_.serve(); }
  // A stream that has begun, with the head of the provider's reply given.
  void begin(std::string_view request = {}) {
    client_ = world_.connect(request.empty() ? sim_stream() : request);
    up_ = world_.upstream(world_.dials() - 1);
    up_->send(kSimStreamHead);
  }
  void send(std::string_view events) {
    up_->send(sim_chunk(events));
    world_.run();
  }
  void end() {
    up_->send(kSimLastChunk);
    world_.run();
  }
  SimAnswer answer() {
    const auto answers = sim_answers(client_->received);
    EXPECT_EQ(answers.size(), 1u) << client_->received;
    return answers.empty() ? SimAnswer() : answers[0];
  }
  void expect_cut(std::string_view events_before) {
    const SimAnswer cut = answer();
    EXPECT_EQ(cut.status, 200);
    EXPECT_FALSE(cut.whole);
    EXPECT_TRUE(cut.body.starts_with(events_before)) << cut.body;
    const std::string rest = cut.body.substr(events_before.size());
    EXPECT_TRUE(rest.starts_with("data: {\"error\":{\"message\":")) << rest;
    EXPECT_NE(rest.find("\"code\":\"upstream_incomplete\""), std::string::npos);
    EXPECT_EQ(cut.body.find("[DONE]"), std::string::npos);
    EXPECT_TRUE(client_->saw_fin);
    EXPECT_FALSE(client_->saw_reset);
    ASSERT_EQ(world_.records.size(), 1u);
    EXPECT_EQ(world_.records[0].outcome, Outcome::kFailed);
    EXPECT_EQ(world_.records[0].error, Errc::kUpstreamIncomplete);
    EXPECT_TRUE(world_.health[0].suspended(world_.now_ms()));
  }
  SimWorld world_;
  SimPeer* client_ = nullptr;
  SimPeer* up_ = nullptr;
};

TEST_F(Stream, ExactBytes) {
  begin();
  EXPECT_EQ(client_->received, "");
  world_.run();
  // No status before the first event.
  EXPECT_EQ(client_->received, "");
  send(sim_event("a"));
  const std::string head =
      "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
      "transfer-encoding: chunked\r\n" +
      std::string(SimWorld::kDate) + "x-request-id: test-1\r\ncache-control: no-cache\r\n\r\n";
  EXPECT_EQ(client_->received, head + sim_chunk(sim_event("a")));
  send(sim_event("b", true) + std::string(kDone));
  end();
  EXPECT_EQ(client_->received, head + sim_chunk(sim_event("a")) +
                                   sim_chunk(sim_event("b", true) + std::string(kDone)) +
                                   "0\r\n\r\n");
  EXPECT_EQ(world_.records.at(0).outcome, Outcome::kCompleted);
  EXPECT_TRUE(world_.records[0].stream);
  EXPECT_TRUE(client_->connected());
  EXPECT_TRUE(up_->connected());
}

TEST_F(Stream, CutAnywhereGivesTheSameEvents) {
  const std::string events = ": note\n\n" + sim_event("a") + ": ping\r\n\r\n" +
                             "event: x\r\ndata: {\"choices\":[]}\r\n\r\n" + sim_event("b", true) +
                             std::string(kDone);
  const std::string shown = events.substr(std::string_view(": note\n\n").size());
  const std::string reply = std::string(kSimStreamHead) + sim_chunk(events.substr(0, 30)) +
                            sim_chunk(events.substr(30)) + std::string(kSimLastChunk);
  for (size_t cut = 1; cut < reply.size(); ++cut) {
    SCOPED_TRACE(cut);
    world_.records.clear();
    client_ = world_.connect(sim_stream());
    up_ = world_.upstream(0);
    up_->send(reply.substr(0, cut));
    world_.run();
    // What has come so far is whole events.
    const auto partly = sim_answers(client_->received);
    if (!partly.empty()) {
      EXPECT_TRUE(shown.starts_with(partly[0].body));
    }
    up_->send(reply.substr(cut));
    world_.run();
    EXPECT_EQ(answer().body, shown);
    EXPECT_TRUE(answer().whole);
    client_->reset();
    world_.run();
    ASSERT_EQ(world_.records.size(), 1u);
    EXPECT_EQ(world_.records[0].outcome, Outcome::kCompleted);
  }
  EXPECT_EQ(world_.dials(), 1u);
}

TEST_F(Stream, ByteByByte) {
  begin();
  up_->send_pieces(sim_chunk(sim_event("a")) + sim_chunk(sim_event("b", true)) + "0\r\n\r\n", 1);
  world_.run();
  EXPECT_EQ(answer().body, sim_event("a") + sim_event("b", true) + std::string(kDone));
  EXPECT_TRUE(answer().whole);
}

TEST_F(Stream, UsageChunkIsHiddenUnlessAskedFor) {
  const std::string usage =
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,"
      "\"total_tokens\":7}}\n\n";
  begin();
  EXPECT_NE(up_->received.find("\"stream_options\":{\"include_usage\":true}"), std::string::npos);
  send(sim_event("a", true) + usage + std::string(kDone));
  end();
  EXPECT_EQ(answer().body, sim_event("a", true) + std::string(kDone));
  EXPECT_EQ(world_.records.at(0).usage.prompt_tokens, 5);
  EXPECT_EQ(world_.records[0].usage.source, UsageSource::kProvider);
  begin(sim_chat("m", ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
  send(sim_event("a", true) + usage + std::string(kDone));
  end();
  EXPECT_EQ(answer().body, sim_event("a", true) + usage + std::string(kDone));
}

TEST_F(Stream, WithoutUsageItIsEstimatedFromBothSides) {
  begin();
  send(sim_event("12345678", true) + std::string(kDone));
  end();
  const Usage& usage = world_.records.at(0).usage;
  EXPECT_EQ(usage.source, UsageSource::kEstimated);
  EXPECT_EQ(usage.completion_tokens, 2);
  EXPECT_EQ(usage.prompt_tokens, static_cast<int64_t>((world_.records[0].request_bytes + 3) / 4));
}

TEST_F(Stream, MissingDoneIsAdded) {
  begin();
  send(sim_event("a", true));
  end();
  EXPECT_EQ(answer().body, sim_event("a", true) + std::string(kDone));
  EXPECT_TRUE(answer().whole);
}

TEST_F(Stream, LastEventWithoutItsBlankLine) {
  begin();
  send(sim_event("a", true) + "data: [DONE]");
  end();
  EXPECT_EQ(answer().body, sim_event("a", true) + std::string(kDone));
}

TEST_F(Stream, EndWithoutFinishIsACut) {
  begin();
  send(sim_event("a"));
  end();
  expect_cut(sim_event("a"));
}
TEST_F(Stream, ResetIsACut) {
  begin();
  send(sim_event("a"));
  up_->reset();
  world_.run();
  expect_cut(sim_event("a"));
}
TEST_F(Stream, MissingLastChunkIsACutEvenAfterDone) {
  begin();
  send(sim_event("a", true));
  up_->fin();
  world_.run();
  expect_cut(sim_event("a", true));
}
TEST_F(Stream, HalfAnEventIsNeverForwarded) {
  begin();
  send(sim_event("a") + "data: {\"choi");
  up_->fin();
  world_.run();
  expect_cut(sim_event("a"));
}
TEST_F(Stream, BadChunkIsACut) {
  begin();
  send(sim_event("a"));
  up_->send("zz\r\n");
  world_.run();
  expect_cut(sim_event("a"));
}
TEST_F(Stream, StallIsACutAndCommentsAreNone) {
  begin();
  send(sim_event("a"));
  world_.advance(119'000);
  send(": still here\n\n");
  world_.advance(119'000);
  EXPECT_EQ(world_.records.size(), 0u);
  world_.advance(1'100);
  expect_cut(sim_event("a") + ": still here\n\n");
}

TEST_F(Stream, ErrorInTheMiddlePassesAndEndsIt) {
  const std::string error = "data: {\"error\":{\"message\":\"boom\"}}\n\n";
  begin();
  send(sim_event("a") + error + std::string(kDone));
  end();
  EXPECT_EQ(answer().body, sim_event("a") + error);
  EXPECT_FALSE(answer().whole);
  EXPECT_TRUE(client_->saw_fin);
  EXPECT_EQ(world_.records.at(0).outcome, Outcome::kFailed);
}

TEST_F(Stream, CloseDelimited) {
  client_ = world_.connect(sim_stream());
  up_ = world_.upstream(0);
  up_->send("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + sim_event("a", true));
  up_->fin();
  world_.run();
  EXPECT_EQ(answer().body, sim_event("a", true) + std::string(kDone));
  EXPECT_TRUE(answer().whole);
  EXPECT_FALSE(up_->connected());
  EXPECT_EQ(world_.records.at(0).outcome, Outcome::kCompleted);
}

TEST_F(Stream, JsonAnswerBecomesEvents) {
  client_ = world_.connect(sim_stream());
  world_.upstream(0)->send(sim_reply(200, sim_ok_body()));
  world_.run();
  const SimAnswer got = answer();
  EXPECT_EQ(got.field("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_TRUE(got.whole);
  EXPECT_TRUE(got.body.starts_with("data: {"));
  EXPECT_NE(got.body.find("\"content\":\"four\""), std::string::npos);
  EXPECT_TRUE(got.body.ends_with(kDone));
  EXPECT_EQ(world_.records.at(0).usage.total_tokens, 4);
}

TEST_F(Stream, OtherAnswerIsUnusable) {
  client_ = world_.connect(sim_stream());
  world_.upstream(0)->send(sim_reply(200, "{\"answer\":42}"));
  world_.run();
  EXPECT_EQ(answer().status, 502);
}

TEST_F(Stream, Http10ClientGetsItUntilTheClose) {
  std::string request = sim_stream();
  request.replace(request.find("HTTP/1.1"), 8, "HTTP/1.0");
  begin(request);
  send(sim_event("a", true));
  end();
  const auto answers = sim_answers(client_->received, client_->saw_fin);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].whole);
  EXPECT_EQ(answers[0].field("connection"), "close");
  EXPECT_EQ(answers[0].field("transfer-encoding"), "");
  EXPECT_EQ(answers[0].body, sim_event("a", true) + std::string(kDone));
}

TEST_F(Stream, SlowClientStopsTheProviderAndLosesNothing) {
  begin();
  client_->window = 1000;
  std::string all;
  const std::string big = sim_event(std::string(20'000, 'x'));
  for (int i = 0; i < 200; ++i) {
    all += big;
    up_->send(sim_chunk(big));
  }
  world_.run();
  EXPECT_FALSE(up_->near->reading);
  EXPECT_LE(world_.most_queued, size_t{1} << 20);
  while (client_->near->queued_bytes != 0) {
    client_->take(50'000);
    world_.run();
    world_.advance(200);
    EXPECT_LE(world_.most_queued, size_t{1} << 20);
  }
  EXPECT_TRUE(up_->near->reading);
  client_->take(SimPeer::kUnbounded);
  send(sim_event("end", true));
  end();
  EXPECT_EQ(answer().body, all + sim_event("end", true) + std::string(kDone));
  EXPECT_EQ(world_.records.at(0).outcome, Outcome::kCompleted);
}

TEST_F(Stream, ClientThatTakesNothingIsReset) {
  begin();
  client_->window = 1000;
  send(sim_event(std::string(3000, 'x')));
  world_.advance(59'000);
  EXPECT_TRUE(client_->connected());
  world_.advance(1'100);
  EXPECT_TRUE(client_->saw_reset);
  EXPECT_FALSE(up_->connected());
  EXPECT_EQ(world_.metrics().write_stalls, 1u);
  EXPECT_EQ(world_.records.at(0).outcome, Outcome::kCancelled);
}

// It takes less than comes, so what waits grows; but it does take.
TEST_F(Stream, ClientThatTakesLittleIsNotReset) {
  begin();
  client_->window = 1000;
  for (int i = 0; i < 20; ++i) {
    send(sim_event(std::string(2000, 'x')));
    client_->take(500);
    world_.advance(10'000);
    ASSERT_TRUE(client_->connected()) << i;
  }
  EXPECT_EQ(world_.metrics().write_stalls, 0u);
}

// Cancelled at every byte of a stream, from either side: one record, nothing left (the world's own
// check), and never a stream that looks whole but is not.
TEST_F(Stream, EitherSideCutAtEveryByte) {
  const std::string reply = std::string(kSimStreamHead) + sim_chunk(sim_event("a")) +
                            sim_chunk(sim_event("b", true) + std::string(kDone)) + "0\r\n\r\n";
  world_.routes[0].suspend_ms = 0;
  world_.publish();
  for (const int how : {0, 1, 2, 3}) {
    for (size_t cut = 0; cut < reply.size(); ++cut) {
      SCOPED_TRACE(testing::Message() << how << " " << cut);
      world_.records.clear();
      client_ = world_.connect(sim_stream());
      up_ = world_.upstream(world_.dials() - 1);
      up_->send(reply.substr(0, cut));
      world_.run();
      SimPeer* gone = how < 2 ? client_ : up_;
      how % 2 == 0 ? gone->reset() : gone->fin();
      world_.run();
      // Against a pooled connection that broke before its answer, there is one more try.
      if (world_.records.empty()) {
        EXPECT_EQ(cut, 0u);
        world_.upstream(world_.dials() - 1)->reset();
        world_.run();
      }
      ASSERT_EQ(world_.records.size(), 1u);
      EXPECT_FALSE(up_->connected());
      const auto answers = sim_answers(client_->received);
      if (!answers.empty() && answers[0].status == 200) {
        EXPECT_FALSE(answers[0].whole);
      }
      EXPECT_EQ(world_.records[0].outcome, how < 2 ? Outcome::kCancelled : Outcome::kFailed);
      client_->reset();
      world_.run();
    }
  }
}

}  // namespace
}  // namespace weir
