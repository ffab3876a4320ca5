// What Bedrock costs per event of a stream (checksums, headers, translation) and per request
// (translation and signature). Aim: an event under 1000 ns.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "adapters/bedrock/bedrock.h"
#include "adapters/bedrock/event_stream.h"
#include "base/arena.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "route/target.h"
#include "tests/unit/adapters/bedrock/frames.h"

namespace weir {
namespace {

constexpr int kEvents = 64;

struct Setup {
  explicit Setup(std::string_view messages) {
    body = R"({"model":"chat","stream":true,"messages":)" + std::string(messages) + "}";
    const size_t size = body.size();
    body.resize(size + RequestScanner::kPadding);
    if (!request_scanner.scan(std::string_view(body).substr(0, size), {}, &view)) std::abort();
    auto provider = std::make_shared<Provider>();
    provider->name = "aws";
    provider->authority = provider->host = "bedrock-runtime.eu-west-1.amazonaws.com";
    provider->options = {{"access_key_id", "AKIDBENCH"}, {"secret_access_key", "secret"}};
    target.provider = provider;
    target.model = "eu.amazon.nova-lite-v1:0";
    target.model_json = "\"eu.amazon.nova-lite-v1:0\"";
    const PrepareInput input{*provider, target.model, Endpoint::kChat};
    if (!kBedrockAdapter.prepare(input, &target.heads[0])) std::abort();
  }
  Call call() {
    return {.request = view,
            .target = target,
            .endpoint = Endpoint::kChat,
            .unix_ms = 1'700'000'000'000,
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

// One read with all events, one for each, or reads that cut each in two.
enum class Reads { kTogether, kEach, kHalves };

void stream_events(benchmark::State& state, Reads reads) {
  Setup setup(R"([{"role":"user","content":"hi"}])");
  Call call = setup.call();
  StreamFacts facts;
  const auto translate = [&](std::string_view in) {
    setup.scratch.reset();
    SliceList out;
    if (!kBedrockAdapter.transform_stream(call, StreamPhase::kEvents, in, &out, &facts)) {
      std::abort();
    }
    benchmark::DoNotOptimize(out);
  };
  const std::string event =
      test::event_frame("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":" a few)"
                                             R"( words"},"p":"abcdefghijklmnopqrstuvwxyzABC"})");
  std::string all;
  for (int i = 0; i < kEvents; ++i) all += event;
  const size_t half = event.size() / 2;
  for (auto _ : state) {
    if (reads == Reads::kTogether) {
      translate(all);
      continue;
    }
    for (int i = 0; i < kEvents; ++i) {
      const std::string_view one(event);
      if (reads == Reads::kEach) {
        translate(one);
      } else {
        translate(one.substr(0, half));
        translate(one.substr(half));
      }
    }
  }
  if (facts.text_bytes == 0) std::abort();
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kEvents));
}
BENCHMARK_CAPTURE(stream_events, together, Reads::kTogether);
BENCHMARK_CAPTURE(stream_events, one_by_one, Reads::kEach);
BENCHMARK_CAPTURE(stream_events, in_halves, Reads::kHalves);

void checksum(benchmark::State& state) {
  const std::string bytes(4096, 'x');
  for (auto _ : state) benchmark::DoNotOptimize(crc32_of(bytes));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * 4096);
}
BENCHMARK(checksum);

void signed_request(benchmark::State& state) {
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
    if (!kBedrockAdapter.next(call, &step)) std::abort();
    benchmark::DoNotOptimize(step);
  }
}
BENCHMARK(signed_request);

}  // namespace
}  // namespace weir
