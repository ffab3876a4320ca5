// What Weir itself costs for one request, from the client's bytes to the client's answer, without a
// kernel.
#include <benchmark/benchmark.h>

#include "work/proxy_work.h"

namespace {

using weir::bench::ChatWork;
using weir::bench::ProxyOptions;
using weir::bench::StreamWork;

void run(benchmark::State& state, const ProxyOptions& options) {
  ChatWork work(static_cast<size_t>(state.range(0)), options);
  for (auto _ : state) {
    if (!work.run()) state.SkipWithError("no answer");
  }
  state.SetItemsProcessed(state.iterations());
}

void proxy_chat(benchmark::State& state) { run(state, {}); }
void proxy_chat_limited(benchmark::State& state) { run(state, {.limited = true}); }
void proxy_chat_timing(benchmark::State& state) { run(state, {.timing = true}); }
BENCHMARK(proxy_chat)->ArgName("bytes")->Arg(300)->Arg(4096)->Arg(65536);
BENCHMARK(proxy_chat_limited)->ArgName("bytes")->Arg(4096);
BENCHMARK(proxy_chat_timing)->ArgName("bytes")->Arg(4096);

void proxy_stream(benchmark::State& state) {
  StreamWork work;
  for (auto _ : state) {
    if (!work.run()) state.SkipWithError("no answer");
  }
  state.SetItemsProcessed(state.iterations() * StreamWork::kEvents);
}
BENCHMARK(proxy_stream);

}  // namespace
