// What the adapters that pass bytes cost where every request or event passes: building the upstream
// request, looking at a passing event, and the same with the search for quirks, per event and per
// byte. Aims: next() under 200 ns without parameter rules, an event of 200 bytes under 150 ns.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>

#include "adapters/common/openai_shape.h"
#include "adapters/registry.h"
#include "base/arena.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "route/target.h"

namespace weir {
namespace {

constexpr std::string_view kEvent =
    R"(data: {"id":"chatcmpl-000000000000","object":"chat.completion.chunk","created":1700000000,)"
    R"("model":"some-model","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,)"
    "\"finish_reason\":null}]}\n\n";
constexpr std::string_view kQuirkEvent =
    R"(data: {"id":"chatcmpl-000000000000","object":"chat.completion.chunk","created":1700000000,)"
    R"("model":"some-model","choices":[{"index":0,"delta":{"reasoning":" word"},"logprobs":null,)"
    "\"finish_reason\":\"\"}]}\n\n";

struct Setup {
  explicit Setup(std::string_view type) : adapter(*adapter_find(type)) {
    body = R"({"model":"chat","stream":true,"messages":[{"role":"user","content":")" +
           std::string(4096, 'x') + "\"}]}";
    const size_t size = body.size();
    body.resize(size + RequestScanner::kPadding);
    if (!request_scanner.scan(std::string_view(body).substr(0, size), {}, &view)) std::abort();
    auto provider = std::make_shared<Provider>();
    provider->authority = "api.example";
    target.provider = provider;
    target.model_json = "\"up-model\"";
    const PrepareInput input{*provider, "up-model", Endpoint::kChat};
    if (!openai_prepare(input, &target.heads[0])) std::abort();
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

  const Adapter& adapter;
  std::string body;
  RequestScanner request_scanner;
  ReplyScanner reply_scanner;
  RequestView view;
  Target target;
  Arena arena;
  Arena scratch;
  AdapterState state;
};

void next_run(benchmark::State& state, std::string_view type) {
  Setup setup(type);
  Call call = setup.call();
  Step step;
  for (auto _ : state) {
    setup.arena.reset();
    const auto done =
        setup.adapter.next != nullptr ? setup.adapter.next(call, &step) : openai_next(call, &step);
    benchmark::DoNotOptimize(done);
    benchmark::DoNotOptimize(step);
  }
}
BENCHMARK_CAPTURE(next_run, openai, "openai");
BENCHMARK_CAPTURE(next_run, openai_compatible, "openai-compatible");
BENCHMARK_CAPTURE(next_run, azure_openai, "azure-openai");
BENCHMARK_CAPTURE(next_run, cerebras, "cerebras");
BENCHMARK_CAPTURE(next_run, nim, "nim");

void observe_event(benchmark::State& state) {
  StreamFacts facts;
  for (auto _ : state) {
    benchmark::DoNotOptimize(openai_observe_event(kEvent, false, &facts));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kEvent.size()));
}
BENCHMARK(observe_event);

void stream_events(benchmark::State& state, std::string_view type, std::string_view event) {
  Setup setup(type);
  std::string read;
  for (int i = 0; i < 16; ++i) read += event;
  Call call = setup.call();
  StreamFacts facts;
  for (auto _ : state) {
    setup.scratch.reset();
    SliceList out;
    benchmark::DoNotOptimize(
        setup.adapter.transform_stream(call, StreamPhase::kEvents, read, &out, &facts));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * 16));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * read.size()));
}
BENCHMARK_CAPTURE(stream_events, openai_compatible_clean, "openai-compatible", kEvent);
BENCHMARK_CAPTURE(stream_events, openai_compatible_quirks, "openai-compatible", kQuirkEvent);
BENCHMARK_CAPTURE(stream_events, azure_openai_clean, "azure-openai", kEvent);
BENCHMARK_CAPTURE(stream_events, cerebras_quirks, "cerebras", kQuirkEvent);
BENCHMARK_CAPTURE(stream_events, nim_clean, "nim", kEvent);

}  // namespace
}  // namespace weir
