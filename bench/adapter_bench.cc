// What adapters cost: building the upstream request, looking at a passing event, and translating
// the events of a stream, per event and per byte. Aims: next() under 200 ns where bytes pass and
// there are no parameter rules, a passing event of 200 bytes under 150 ns, a translated one under
// 1000 ns.
#include <benchmark/benchmark.h>

#include <string>

#include "adapters/bedrock/event_stream.h"
#include "work/adapter_work.h"

namespace weir::bench {
namespace {

void next_run(benchmark::State& state, std::string_view type, const std::string& messages) {
  AdapterSetup setup(type, messages);
  Step step;
  for (auto _ : state) {
    step = Step{};
    if (!setup.next(&step)) state.SkipWithError("the request was refused");
    benchmark::DoNotOptimize(step);
  }
}
BENCHMARK_CAPTURE(next_run, openai, "openai", long_chat(4));
BENCHMARK_CAPTURE(next_run, openai_compatible, "openai-compatible", long_chat(4));
BENCHMARK_CAPTURE(next_run, azure_openai, "azure-openai", long_chat(4));
BENCHMARK_CAPTURE(next_run, cerebras, "cerebras", long_chat(4));
BENCHMARK_CAPTURE(next_run, nim, "nim", long_chat(4));
BENCHMARK_CAPTURE(next_run, anthropic, "anthropic", long_chat(8));
BENCHMARK_CAPTURE(next_run, bedrock, "bedrock", long_chat(8));
BENCHMARK_CAPTURE(next_run, watsonxai, "watsonxai", long_chat(8));

void observe_event(benchmark::State& state) {
  StreamFacts facts;
  for (auto _ : state) {
    benchmark::DoNotOptimize(openai_observe_event(kOpenaiEvent, false, &facts));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kOpenaiEvent.size()));
}
BENCHMARK(observe_event);

void stream_events(benchmark::State& state, size_t sample) {
  TranslateWork work(kStreamSamples[sample]);
  for (auto _ : state) {
    if (!work.run()) state.SkipWithError("the events were refused");
  }
  state.SetItemsProcessed(state.iterations() * TranslateWork::kEvents);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * work.bytes()));
}
BENCHMARK_CAPTURE(stream_events, openai_compatible, 0);
BENCHMARK_CAPTURE(stream_events, openai_compatible_quirks, 1);
BENCHMARK_CAPTURE(stream_events, azure_openai, 2);
BENCHMARK_CAPTURE(stream_events, cerebras_quirks, 3);
BENCHMARK_CAPTURE(stream_events, nim, 4);
BENCHMARK_CAPTURE(stream_events, anthropic, 5);
BENCHMARK_CAPTURE(stream_events, bedrock, 6);
BENCHMARK_CAPTURE(stream_events, watsonxai, 7);

// The same members in another order, which only a walk can read.
void other_order(benchmark::State& state) {
  const StreamSample sample{"", "anthropic", kAnthropicStart,
                            "event: content_block_delta\n"
                            R"(data: {"index":0,"delta":{"text":" a few words",)"
                            R"("type":"text_delta"},"type":"content_block_delta"})"
                            "\n\n"};
  TranslateWork work(sample);
  for (auto _ : state) {
    if (!work.run()) state.SkipWithError("the events were refused");
  }
  state.SetItemsProcessed(state.iterations() * TranslateWork::kEvents);
}
BENCHMARK(other_order);

// One read for each event, or two: reads that cut each in two.
void read_by_read(benchmark::State& state, const std::string& type, std::string_view event,
                  size_t parts) {
  AdapterSetup setup(type, kShortChat);
  SliceList start;
  if (type == "anthropic" && !setup.translate(kAnthropicStart, &start)) std::abort();
  const size_t cut = event.size() / parts;
  for (auto _ : state) {
    for (int i = 0; i < TranslateWork::kEvents; ++i) {
      SliceList out;
      bool good = setup.translate(event.substr(0, cut), &out);
      if (parts == 2) good = setup.translate(event.substr(cut), &out) && good;
      if (!good) state.SkipWithError("the events were refused");
      benchmark::DoNotOptimize(out);
    }
  }
  state.SetItemsProcessed(state.iterations() * TranslateWork::kEvents);
}
BENCHMARK_CAPTURE(read_by_read, anthropic, "anthropic", kAnthropicEvent, 1);
BENCHMARK_CAPTURE(read_by_read, bedrock, "bedrock", kBedrockEvent, 1);
BENCHMARK_CAPTURE(read_by_read, bedrock_halves, "bedrock", kBedrockEvent, 2);

void checksum(benchmark::State& state) {
  const std::string bytes(4096, 'x');
  for (auto _ : state) benchmark::DoNotOptimize(crc32_of(bytes));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * 4096);
}
BENCHMARK(checksum);

}  // namespace
}  // namespace weir::bench
