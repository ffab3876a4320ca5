// What Weir itself costs for one request, from the client's bytes to the client's answer, without a
// kernel: the simulated network stands in for it, and its copies are part of the figures.
#include <benchmark/benchmark.h>

#include <string>

#include "bodies.h"
#include "sim_http.h"
#include "sim_world.h"

namespace {

using weir::SimPeer;
using weir::SimWorld;

constexpr size_t kReplyBytes = 590;
constexpr int kEvents = 64;

std::string chat_request(size_t bytes, bool stream) {
  std::string body = weir::bench::chat_body(bytes, true);
  const size_t model = body.find("gpt-4o-mini-2024-07-18");
  body.replace(model, 22, "m");
  if (!stream) body.replace(body.find("\"stream\": true"), 14, "\"stream\": false");
  return weir::sim_post(body);
}

// A client and a provider that keep their connections, and the bytes that go between them.
struct Setup {
  SimWorld world;
  SimPeer* client;
  SimPeer* upstream;

  Setup() {
    world.checks = false;
    world.serve(3);
    client = world.connect(weir::sim_chat());
    upstream = world.upstream(0);
    upstream->received.clear();
    upstream->send(weir::sim_reply(200, weir::sim_ok_body()));
    world.run();
    client->received.clear();
  }
  void send_request(const std::string& request) {
    client->send(request);
    world.run();
    upstream->received.clear();
  }
  // Whether an answer came, and only one; time goes on so that the clock is not a constant.
  bool end_request() {
    const bool answered = client->received.starts_with("HTTP/1.1 200");
    client->received.clear();
    world.now_ns += 1000;
    return answered;
  }
};

void proxy_chat(benchmark::State& state) {
  Setup setup;
  const std::string request = chat_request(static_cast<size_t>(state.range(0)), false);
  std::string body = weir::sim_ok_body();
  body.replace(body.find("four"), 4, std::string(kReplyBytes - body.size() + 4, 'w'));
  const std::string reply = weir::sim_reply(200, body);
  for (auto _ : state) {
    setup.send_request(request);
    setup.upstream->send(reply);
    setup.world.run();
    if (!setup.end_request()) state.SkipWithError("no answer");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(proxy_chat)->ArgName("bytes")->Arg(300)->Arg(4096)->Arg(65536);

// Each event is a read of its own, as from a provider that writes word by word.
void proxy_stream(benchmark::State& state) {
  Setup setup;
  const std::string request = chat_request(4096, true);
  const std::string event = weir::sim_chunk(weir::sim_event("word"));
  const std::string last =
      weir::sim_chunk(weir::sim_event("end", true) + "data: [DONE]\n\n") + "0\r\n\r\n";
  for (auto _ : state) {
    setup.send_request(request);
    setup.upstream->send(weir::kSimStreamHead);
    for (int i = 1; i < kEvents; ++i) setup.upstream->send(event);
    setup.upstream->send(last);
    setup.world.run();
    if (!setup.end_request()) state.SkipWithError("no answer");
  }
  state.SetItemsProcessed(state.iterations() * kEvents);
}
BENCHMARK(proxy_stream);

}  // namespace
