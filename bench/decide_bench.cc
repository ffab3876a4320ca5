// What one decision costs: finding the key, finding the route, choosing the target.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include <weir/decide.h>

#include "work/decide_work.h"

namespace {

using weir::Algorithm;
using weir::bench::DecideWork;
using weir::bench::make_digest;
using Setup = weir::bench::RouteSetup;

constexpr uint32_t kKeys = Setup::kKeys;

void decide_first(benchmark::State& state) {
  const auto targets = static_cast<uint32_t>(state.range(0));
  Setup setup(1, targets, static_cast<Algorithm>(state.range(1)));
  if (state.range(2) != 0) {
    setup.health[targets / 2]->on_fault({1, false}, weir::Fault::kTarget, 100'000, -1, 1);
  }
  const weir::Route& route = *setup.snapshot->routes()[0];
  for (auto _ : state) {
    benchmark::DoNotOptimize(weir::decide(route, setup.core, {}, weir::Endpoint::kChat, 2));
  }
}
BENCHMARK(decide_first)
    ->ArgNames({"targets", "algorithm", "suspended"})
    ->ArgsProduct({{3, 64}, {0, 1, 2}, {0, 1}});

void decide_retry(benchmark::State& state) {
  Setup setup(1, static_cast<uint32_t>(state.range(0)), Algorithm::kWeightedRoundRobin);
  const weir::Route& route = *setup.snapshot->routes()[0];
  const weir::Tried tried(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(weir::decide(route, setup.core, tried, weir::Endpoint::kChat, 2));
  }
}
BENCHMARK(decide_retry)->ArgName("targets")->Arg(3)->Arg(64);

// Names come in an order that no cache likes.
void find_route_and_decide(benchmark::State& state) {
  Setup setup(static_cast<uint32_t>(state.range(0)), 3, Algorithm::kWeightedRoundRobin);
  uint64_t next = 0;
  for (auto _ : state) {
    next = next * 6364136223846793005ull + 1442695040888963407ull;
    const std::string& name = setup.names[(next >> 33) % setup.names.size()];
    const weir::Route* route = setup.snapshot->find_route("default", "production", name);
    benchmark::DoNotOptimize(weir::decide(*route, setup.core, {}, weir::Endpoint::kChat, 2));
  }
}
BENCHMARK(find_route_and_decide)->ArgName("routes")->Arg(1)->Arg(100)->Arg(10'000);

// The parts of a decision as a worker calls them: a body is checked and read, key and route found
// among many, three limits debited, a target chosen.
void decide_as_worker(benchmark::State& state) {
  DecideWork work(static_cast<uint32_t>(state.range(0)), static_cast<size_t>(state.range(1)));
  for (auto _ : state) {
    if (!work.run()) state.SkipWithError("no decision");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decide_as_worker)
    ->ArgNames({"routes", "bytes"})
    ->Args({1, 4096})->Args({100, 4096})->Args({10'000, 4096})->Args({100, 300});

void find_principal(benchmark::State& state) {
  Setup setup(1, 1, Algorithm::kRoundRobin);
  std::vector<weir::KeyDigest> digests;
  for (uint32_t k = 0; k < kKeys; ++k) digests.push_back(make_digest(k));
  uint64_t next = 0;
  for (auto _ : state) {
    next = next * 6364136223846793005ull + 1442695040888963407ull;
    const weir::KeyDigest& digest = digests[(next >> 33) % kKeys];
    benchmark::DoNotOptimize(setup.snapshot->find_principal(digest));
  }
}
BENCHMARK(find_principal);

// The control thread builds; each worker adopts, on its loop.
void build_snapshot(benchmark::State& state) {
  for (auto _ : state) {
    Setup setup(static_cast<uint32_t>(state.range(0)), 3, Algorithm::kWeightedRoundRobin);
    benchmark::DoNotOptimize(setup.snapshot.get());
  }
}
BENCHMARK(build_snapshot)->ArgName("routes")->Arg(100)->Arg(10'000)->Unit(benchmark::kMillisecond);

void adopt_snapshot(benchmark::State& state) {
  Setup setup(static_cast<uint32_t>(state.range(0)), 3, Algorithm::kWeightedRoundRobin);
  const bool is_new = state.range(1) != 0;
  for (auto _ : state) {
    if (is_new) {
      weir::CoreState fresh(0, 2, 1);
      fresh.adopt(*setup.snapshot);
      benchmark::DoNotOptimize(fresh.core());
    } else {
      setup.core.adopt(*setup.snapshot);
    }
  }
}
BENCHMARK(adopt_snapshot)
    ->ArgNames({"routes", "new"})
    ->ArgsProduct({{100, 10'000}, {0, 1}})
    ->Unit(benchmark::kMicrosecond);

// Everything of mode (a) for one request: the full scan of its body, the key by its digest, the
// route, three limits taken and settled, the choice, and the report.
void decide_whole(benchmark::State& state) {
  const std::string sha(64, '1');
  const auto router = weir::Router::create(
      R"({"providers": [{"name": "a", "type": "loopback"}, {"name": "b", "type": "loopback"},
                        {"name": "c", "type": "loopback"}],
          "models": [{"provider": "a", "id": "m", "alias": "gpt-4o-mini-2024-07-18"},
                     {"provider": "b", "id": "m", "alias": "gpt-4o-mini-2024-07-18"},
                     {"provider": "c", "id": "m", "alias": "gpt-4o-mini-2024-07-18"}],
          "keys": [{"name": "app", "sha256": ")" + sha + R"("}],
          "rate_limits": [
            {"type": "tenant", "request":
              {"amount": 1, "capacity": 1000000000000, "duration": "1s"}},
            {"type": "key", "key": "app", "request":
              {"amount": 1, "capacity": 1000000000000, "duration": "1s"}},
            {"type": "model", "model": "gpt-4o-mini-2024-07-18", "token":
              {"amount": 1, "capacity": 1000000000000, "duration": "1s"}}]})",
      {});
  if (!router) return state.SkipWithError(router.error().c_str());
  weir::Decider decider(router->get(), 0);
  std::string body = weir::bench::chat_body(static_cast<size_t>(state.range(0)), true);
  const size_t size = body.size();
  body.resize(size + weir::Decider::kPadding);
  weir::KeyDigest key;
  key.fill(0x11);
  weir::Usage usage;
  usage.prompt_tokens = 1000;
  usage.completion_tokens = 100;
  usage.source = weir::UsageSource::kProvider;
  uint64_t now = 1;
  for (auto _ : state) {
    weir::RequestView request;
    if (!decider.scan({body.data(), size}, &request)) return state.SkipWithError("scan");
    weir::Decision decision =
        decider.decide({.request = &request, .key = &key, .now_ns = now += 1000});
    if (decision.verdict != weir::Verdict::kGo) return state.SkipWithError("refused");
    decider.report(&decision, {.delivered = true, .usage = usage, .now_ns = now});
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decide_whole)->ArgName("bytes")->Arg(300)->Arg(4096)->Arg(65536);

}  // namespace
