// An end at every byte of a stream, from either side: the record closes once, what was reserved is
// settled or given back, and what was delivered is charged. The world checks the sums when it ends.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace weir
