// What translating costs per event of a stream and per request, where a provider speaks another
// dialect. Aim: an event under 1000 ns.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "adapters/anthropic/anthropic.h"
#include "base/arena.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "route/target.h"

namespace weir {
namespace {

constexpr int kEvents = 64;
constexpr std::string_view kStart =
    "event: message_start\n"
    R"(data: {"type":"message_start","message":{"id":"msg_0123456789","type":"message",)"
    R"("role":"assistant","model":"some-model","content":[],"stop_reason":null,)"
    R"("usage":{"input_tokens":20,"output_tokens":1}}})"
    "\n\n";
constexpr std::string_view kText =
    "event: content_block_delta\n"
    R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",)"
    "\"text\":\" a few words\"}}\n\n";
// The same in another order, which only a walk can read.
constexpr std::string_view kOtherText =
    "event: content_block_delta\n"
    R"(data: {"index":0,"delta":{"text":" a few words","type":"text_delta"},)"
    "\"type\":\"content_block_delta\"}\n\n";

struct Setup {
  explicit Setup(std::string_view messages) {
    body = R"({"model":"chat","stream":true,"messages":)" + std::string(messages) + "}";
    const size_t size = body.size();
    body.resize(size + RequestScanner::kPadding);
    if (!request_scanner.scan(std::string_view(body).substr(0, size), {}, &view)) std::abort();
    auto provider = std::make_shared<Provider>();
    provider->name = "claude";
    target.provider = provider;
    target.model = "claude-sonnet-4-5";
    target.model_json = "\"claude-sonnet-4-5\"";
    target.heads[0] = "POST /v1/messages HTTP/1.1\r\n";
  }
  Call call() {
    return {.request = view,
            .target = target,
            .endpoint = Endpoint::kChat,
            .random = {1, 2},
            .request_id = {},
            .token = {},
            .arena = arena,
            .scratch = scratch,
            .scanner = reply_scanner,
            .state = state,
            .dropped_params = {}};
  }

  std::string body;
  RequestScanner request_scanner;
  ReplyScanner reply_scanner;
  RequestView view;
  Target target;
  Arena arena;
  Arena scratch;
  AdapterState state;
};

// One read with all events, or one read for each.
void stream_events(benchmark::State& state, std::string_view event, bool together) {
  Setup setup(R"([{"role":"user","content":"hi"}])");
  Call call = setup.call();
  StreamFacts facts;
  const auto translate = [&](std::string_view in) {
    setup.scratch.reset();
    SliceList out;
    const auto done =
        kAnthropicAdapter.transform_stream(call, StreamPhase::kEvents, in, &out, &facts);
    if (!done || (out.empty() && in != kStart)) std::abort();
    benchmark::DoNotOptimize(out);
  };
  std::string read;
  for (int i = 0; i < (together ? kEvents : 1); ++i) read += event;
  translate(kStart);
  for (auto _ : state) {
    for (int i = 0; i < (together ? 1 : kEvents); ++i) translate(read);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kEvents));
}
BENCHMARK_CAPTURE(stream_events, text_together, kText, true);
BENCHMARK_CAPTURE(stream_events, text_one_by_one, kText, false);
BENCHMARK_CAPTURE(stream_events, other_order_together, kOtherText, true);

void request(benchmark::State& state) {
  std::string messages = R"([{"role":"system","content":"Be brief."})";
  for (int i = 0; i < 8; ++i) {
    messages += R"(,{"role":"user","content":")" + std::string(512, 'x') + "\"}";
    messages += R"(,{"role":"assistant","content":")" + std::string(512, 'y') + "\"}";
  }
  Setup setup(messages + R"(,{"role":"user","content":"go"}])");
  Call call = setup.call();
  for (auto _ : state) {
    setup.arena.reset();
    Step step;
    const auto done = kAnthropicAdapter.next(call, &step);
    if (!done) std::abort();
    benchmark::DoNotOptimize(step);
  }
}
BENCHMARK(request);

}  // namespace
}  // namespace weir
