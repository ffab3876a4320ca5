// What limits cost: one bucket while ample and while drained, and all the buckets of a request.
#include <benchmark/benchmark.h>

#include <cstdint>

#include "limit/estimate.h"
#include "limit/format.h"
#include "work/decide_work.h"

namespace {

using weir::Bucket;
using weir::BucketSpec;
using weir::Leases;
using weir::LimitSet;
using weir::bench::ample_limits;
using weir::bench::kAmple;

constexpr uint32_t kCores = 8;
constexpr uint64_t kHour = 3'600'000'000'000;

uint32_t core_of(const benchmark::State& state) {
  return static_cast<uint32_t>(state.thread_index());
}

// Arguments: whether cores lease.
void take_ample(benchmark::State& state) {
  static Bucket leased(kCores, {0, kAmple, kHour}, 0);
  static Bucket plain(kCores, {0, kAmple, kHour}, 0, Leases::kOff);
  Bucket& bucket = state.range(0) != 0 ? leased : plain;
  const uint32_t core = core_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(bucket.take(core, 1, 1));
}
BENCHMARK(take_ample)->ArgName("leases")->Arg(0)->Arg(1)->ThreadRange(1, kCores)->UseRealTime();

// A reservation of 1000 tokens of which 600 are used.
void take_and_settle(benchmark::State& state) {
  static Bucket leased(kCores, {0, kAmple, kHour}, 0);
  static Bucket plain(kCores, {0, kAmple, kHour}, 0, Leases::kOff);
  Bucket& bucket = state.range(0) != 0 ? leased : plain;
  const uint32_t core = core_of(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(bucket.take(core, 1000, 1));
    bucket.settle(core, 1000, 600, 1);
  }
}
BENCHMARK(take_and_settle)
    ->ArgName("leases")->Arg(0)->Arg(1)->ThreadRange(1, kCores)->UseRealTime();

// A small bucket that is refilled every 100 takes: leases are given, called back, and end.
void take_near_empty(benchmark::State& state) {
  static Bucket bucket(kCores, {100, 100, 1'000'000}, 0);
  static std::atomic<uint64_t> clock{0};
  const uint32_t core = core_of(state);
  const auto step = static_cast<uint64_t>(10'000 / state.threads());
  for (auto _ : state) {
    const uint64_t now = clock.load(std::memory_order_relaxed) + step;
    clock.store(now, std::memory_order_relaxed);
    benchmark::DoNotOptimize(bucket.take(core, 1, now));
  }
}
BENCHMARK(take_near_empty)->ThreadRange(1, kCores)->UseRealTime();

void refuse(benchmark::State& state) {
  static Bucket bucket(kCores, {0, 0, kHour}, 0);
  const uint32_t core = core_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(bucket.take(core, 1, 1));
}
BENCHMARK(refuse)->ThreadRange(1, kCores)->UseRealTime();

// Argument: scopes, each with a bucket of requests and one of tokens.
void take_all(benchmark::State& state) {
  static weir::LimitRegistry registry(kCores);
  static const LimitSet shared = ample_limits(registry, 4);
  LimitSet set;
  for (int64_t i = 0; i < 2 * state.range(0); ++i) set.add(shared[static_cast<size_t>(i)]);
  const uint32_t core = core_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(set.take_all(core, 1000, 1));
}
BENCHMARK(take_all)->ArgName("scopes")->Arg(1)->Arg(4)->Threads(1)->Threads(2)->UseRealTime();

void take_all_and_settle(benchmark::State& state) {
  static weir::LimitRegistry registry(kCores);
  LimitSet set = ample_limits(registry, static_cast<int>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(set.take_all(0, 1000, 1));
    set.settle_all(0, 1000, 600, 1);
  }
}
BENCHMARK(take_all_and_settle)->ArgName("scopes")->Arg(1)->Arg(4);

void reserve_and_tell(benchmark::State& state) {
  weir::OutputEstimate estimate(kCores);
  for (auto _ : state) {
    estimate.observe(0, 300);
    benchmark::DoNotOptimize(weir::reservation_of(700, -1, estimate.mean(0), kAmple));
    benchmark::DoNotOptimize(weir::duration_text(weir::shown_ms(1'234'000'000)));
  }
}
BENCHMARK(reserve_and_tell);

}  // namespace
