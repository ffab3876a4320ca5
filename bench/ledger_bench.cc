// What accounting for one request costs: the worker's record into the ring, and the control
// thread's line and sums.
#include <benchmark/benchmark.h>

#include "work/ledger_work.h"

namespace {

using weir::bench::LedgerWork;

// What the worker pays; the ring is emptied between the measured stretches.
void ledger_push(benchmark::State& state) {
  LedgerWork work;
  constexpr int kAtOnce = 32;
  while (state.KeepRunningBatch(kAtOnce)) {
    for (int i = 0; i < kAtOnce; ++i) {
      if (!work.push()) state.SkipWithError("the ring is full");
    }
    state.PauseTiming();
    benchmark::DoNotOptimize(work.drain());
    state.ResumeTiming();
  }
}
BENCHMARK(ledger_push);

void ledger_close(benchmark::State& state) {
  LedgerWork work;
  size_t bytes = 0;
  for (auto _ : state) {
    if (!work.push()) state.SkipWithError("the ring is full");
    bytes += work.drain();
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(ledger_close);

// With the access log off: all that accounting itself costs both threads.
void ledger_usage(benchmark::State& state) {
  LedgerWork work;
  for (auto _ : state) {
    if (!work.run_usage()) state.SkipWithError("the ring is full");
  }
}
BENCHMARK(ledger_usage);

}  // namespace
