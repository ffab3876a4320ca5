// An end at every byte of a stream, from either side: the record closes once, what was reserved is
// settled or given back, and what was delivered is charged. The world checks the sums when it ends.
#include <gtest/gtest.h>

#include <cstdio>

#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

enum class End : uint8_t { kClientGone, kUpstreamFin, kUpstreamReset };

const std::string& stream_bytes() {
  static const std::string bytes =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" +
      sim_chunk(sim_event("the")) + sim_chunk(sim_event(" river")) +
      sim_chunk(sim_event("", true)) +
      sim_chunk("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,"
                "\"total_tokens\":9}}\n\n") +
      sim_chunk("data: [DONE]\n\n") + "0\r\n\r\n";
  return bytes;
}

// The record of one streamed request that ends after `cut` bytes of the answer.
LedgerRecord play(SimWorld* world, size_t cut, End end) {
  const size_t before = world->records.size();
  const size_t dialled = world->dials();
  SimPeer* client = world->connect(sim_stream());
  SimPeer* upstream = world->upstream(world->dials() - 1);
  EXPECT_EQ(world->dials(), dialled + 1);
  upstream->send(std::string_view(stream_bytes()).substr(0, cut));
  world->run();
  if (end == End::kClientGone) client->reset();
  if (end == End::kUpstreamFin) upstream->fin();
  if (end == End::kUpstreamReset) upstream->reset();
  world->run();
  // A connection that is left idle would serve the next request; each play has one of its own.
  upstream->reset();
  client->reset();
  world->run();
  EXPECT_EQ(world->records.size(), before + 1) << "cut at " << cut;
  return world->records.back();
}

TEST(LedgerEnds, AtEveryByteOfAStream) {
  for (const End end : {End::kClientGone, End::kUpstreamFin, End::kUpstreamReset}) {
    SimWorld world;
    world.limited = true;
    world.serve();
    world.routes[0].suspend_ms = 0;
    world.publish();
    for (size_t cut = 0; cut <= stream_bytes().size(); ++cut) {
      const LedgerRecord record = play(&world, cut, end);
      const bool whole = cut == stream_bytes().size();
      // The last chunk's own line end is missed by nobody who has seen [DONE].
      if (whole) {
        EXPECT_EQ(record.outcome, Outcome::kCompleted) << cut;
        EXPECT_EQ(record.usage.total_tokens, 9) << cut;
      }
      if (record.outcome == Outcome::kFailed && record.status != 200) {
        EXPECT_EQ(record.usage.total_tokens, -1) << cut;
      }
      const MetricsBlock& m = world.metrics();
      ASSERT_EQ(m.reserved_tokens - m.refunded_tokens, m.settled_tokens) << cut;
      ASSERT_EQ(m.in_flight, 0u) << cut;
    }
    // Where text had been delivered, somebody paid for it.
    EXPECT_GT(world.metrics().settled_tokens, 9u);
  }
}

int64_t quarter_of(uint64_t bytes) { return static_cast<int64_t>((bytes + 3) / 4); }

// The record of one request that the provider answered with `reply`.
LedgerRecord answered(SimWorld* world, std::string_view request, const std::string& reply) {
  SimPeer* client = world->connect(request);
  world->upstream(world->dials() - 1)->send(reply);
  world->run();
  client->reset();
  world->run();
  return world->records.back();
}

// The buckets are looked at when the world ends.
TEST(LedgerEnds, WhatFailedCostsNeitherTokensNorARequest) {
  SimWorld world;
  world.limited = true;
  world.serve();
  world.routes[0].suspend_ms = 0;
  world.publish();
  EXPECT_EQ(answered(&world, sim_chat(), sim_reply(500, "{}")).outcome, Outcome::kFailed);
  EXPECT_EQ(world.metrics().settled_tokens, 0u);
  EXPECT_EQ(answered(&world, sim_chat(), sim_reply(200, sim_ok_body())).outcome,
            Outcome::kCompleted);
  EXPECT_EQ(world.metrics().settled_tokens, 4u);
}

TEST(LedgerEnds, AWholeAnswerWithoutUsageIsEstimated) {
  SimWorld world;
  world.serve();
  const LedgerRecord chat =
      answered(&world, sim_chat(),
               sim_reply(200, "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"12345678\"},"
                              "\"finish_reason\":\"stop\"}]}"));
  EXPECT_EQ(chat.usage.source, UsageSource::kEstimated);
  EXPECT_EQ(chat.usage.completion_tokens, 2);
  EXPECT_EQ(chat.usage.prompt_tokens, quarter_of(chat.request_bytes));
  const LedgerRecord embeddings = answered(
      &world, sim_post("{\"model\":\"m\",\"input\":\"one two three\"}", {}, "/v1/embeddings"),
      sim_reply(200, "{\"object\":\"list\",\"data\":[{\"index\":0,\"embedding\":[0.5]}]}"));
  EXPECT_EQ(embeddings.usage.source, UsageSource::kEstimated);
  EXPECT_EQ(embeddings.usage.completion_tokens, 0);
  EXPECT_EQ(embeddings.usage.prompt_tokens, quarter_of(embeddings.request_bytes));
}

// An agent hangs up when it has seen enough, and that may be before the first word.
TEST(LedgerEnds, AStreamThatHasBegunCostsItsPrompt) {
  SimWorld world;
  world.serve();
  const std::string role =
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
  const LedgerRecord left =
      answered(&world, sim_stream(), std::string(kSimStreamHead) + sim_chunk(role));
  EXPECT_EQ(left.outcome, Outcome::kCancelled);
  EXPECT_EQ(left.usage.source, UsageSource::kEstimated);
  EXPECT_EQ(left.usage.completion_tokens, 0);
  EXPECT_EQ(left.usage.prompt_tokens, quarter_of(left.request_bytes));
}

// Asks until a limit refuses; returns how many were let through.
size_t fill_up(SimWorld* world, const std::string& request) {
  for (;;) {
    const SimPeer* client = world->connect(request);
    if (client->received.empty()) continue;
    EXPECT_EQ(sim_answers(client->received).at(0).status, 429);
    return static_cast<size_t>(world->metrics().in_flight);
  }
}

// The bound that docs/limits.md states, for requests that each use 203 tokens.
TEST(LedgerEnds, TokensGoOverByWhatWasNotReserved) {
  constexpr int64_t kUsed = 203, kCapacity = 1000;
  const std::string reply = sim_reply(
      200, "{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":200,"
           "\"total_tokens\":203}}");
  for (const bool capped : {false, true}) {
    SimWorld world;
    world.limited = true;
    world.tokens = kCapacity;
    world.serve();
    const size_t running = fill_up(&world, sim_chat("m", capped ? ",\"max_tokens\":200" : ""));
    const auto reserved = static_cast<int64_t>(world.metrics().reserved_tokens);
    EXPECT_LE(reserved, kCapacity);
    for (size_t i = 0; i < running; ++i) world.upstream(i)->send(reply);
    world.run();
    const auto settled = static_cast<int64_t>(world.metrics().settled_tokens);
    EXPECT_EQ(settled, static_cast<int64_t>(running) * kUsed);
    EXPECT_LE(settled - kCapacity, static_cast<int64_t>(running) * kUsed - reserved);
    EXPECT_TRUE(!capped || settled <= kCapacity);
    // A guess is an eighth of the capacity here.
    EXPECT_LE(running, 8u);
    std::printf("%s: %zu running, %lld of %lld tokens\n", capped ? "with a cap" : "without a cap",
                running, static_cast<long long>(settled), static_cast<long long>(kCapacity));
    // The debt is paid before anybody gets through again.
    EXPECT_TRUE(settled <= kCapacity || fill_up(&world, sim_chat()) == 0);
  }
}

// With accounting.strict nothing that was accepted goes unrecorded, whatever else comes meanwhile.
TEST(LedgerEnds, StrictAccountingRefusesRatherThanForgets) {
  SimWorld world;
  world.limits.strict_accounting = true;
  world.serve();
  world.ledger_stuck = true;
  auto& ring = world.link.ledger;
  while (ring.size() + 2 < ring.capacity()) {
    *ring.reserve() = LedgerRecord{};
    ring.publish();
  }
  SimPeer* first = world.connect(sim_chat());
  SimPeer* second = world.connect(sim_chat());
  const auto refused = sim_answers(world.connect(sim_chat())->received);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].status, 503);
  EXPECT_EQ(refused[0].field("retry-after"), "1");
  world.connect(sim_get("/healthz"));
  world.connect("no head\r\n\r\n");
  EXPECT_EQ(ring.dropped() + world.worker->ledger_withheld, 3u);
  for (size_t i = 0; i < 2; ++i) world.upstream(i)->send(sim_reply(200, sim_ok_body()));
  world.run();
  EXPECT_EQ(ring.dropped(), 0u);
  world.ledger_stuck = false;
  first->reset();
  second->reset();
  world.run();
  EXPECT_EQ(world.finished[static_cast<size_t>(Outcome::kCompleted)], 2u);
  const LedgerRecord again = answered(&world, sim_chat(), sim_reply(200, sim_ok_body()));
  EXPECT_EQ(again.outcome, Outcome::kCompleted);
}

// Some providers tell the size of the prompt at the beginning; only the answer is counted then.
TEST(LedgerEnds, APromptOfKnownSizeIsNotEstimated) {
  SimWorld world;
  world.add_provider("anthropic");
  world.add_route("m", {0});
  world.publish();
  const std::string events =
      "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"model\":\"c\",\"usage\":"
      "{\"input_tokens\":30,\"cache_read_input_tokens\":10,\"output_tokens\":1}}}\n\n"
      "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
      "\"text\":\"\"}}\n\n"
      "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
      "\"text\":\"12345678\"}}\n\n";
  const LedgerRecord left =
      answered(&world, sim_stream(), std::string(kSimStreamHead) + sim_chunk(events));
  EXPECT_EQ(left.outcome, Outcome::kCancelled);
  EXPECT_EQ(left.usage.source, UsageSource::kCounted);
  EXPECT_EQ(left.usage.prompt_tokens, 40);
  EXPECT_EQ(left.usage.cached_tokens, 10);
  EXPECT_EQ(left.usage.completion_tokens, 2);
  EXPECT_EQ(left.usage.total_tokens, 42);
}

}  // namespace
}  // namespace weir
