// What a request costs a program that has the engine inside: submit, key, scan, route, adapter,
// answer by callbacks, ledger. The adapter is loopback, so there is no network; the loop is the
// benchmark's own, with `concurrent` requests in flight at any time.
#include <benchmark/benchmark.h>

#include <string>

#include <uv.h>
#include <weir/engine.h>

#include "bodies.h"

namespace {

struct Load {
  std::unique_ptr<weir::Engine> engine;
  uint32_t worker = 0;
  std::string body;
  uint64_t wanted = 0, begun = 0, done = 0, bytes = 0;
  bool failed = false;

  void submit();
};

const weir::AnswerEvents kEvents = {
    .on_head =
        [](void* user, uint64_t, int status, std::string_view) {
          if (status != 200) static_cast<Load*>(user)->failed = true;
        },
    .on_body = [](void* user, uint64_t,
                  std::string_view bytes) { static_cast<Load*>(user)->bytes += bytes.size(); },
    .on_end =
        [](void* user, uint64_t, weir::AnswerEnd end) {
          auto* load = static_cast<Load*>(user);
          if (end != weir::AnswerEnd::kComplete) load->failed = true;
          ++load->done;
          if (load->begun < load->wanted) load->submit();
        },
};

void Load::submit() {
  ++begun;
  const weir::SubmitRequest request{
      .target = "/v1/chat/completions", .key = "bench-key", .body = body};
  if (engine->submit_on(worker, request, &kEvents, this) == 0) failed = true;
}

// A chat of `bytes`, answered with 16 words, whole or word by word.
void submit(benchmark::State& state) {
  constexpr uint64_t kBatch = 5000;
  Load load;
  auto engine = weir::Engine::create(
      R"({"providers": [{"name": "lo", "type": "loopback"}],
          "models": [{"provider": "lo", "id": "words=16", "alias": "gpt-4o-mini-2024-07-18"}],
          "log": {"access": "off"}})",
      {.admin_key = "bench-key"});
  if (!engine) return state.SkipWithError(engine.error().c_str());
  load.engine = std::move(*engine);
  load.body = weir::bench::chat_body(static_cast<size_t>(state.range(0)), true);
  const bool stream = state.range(2) != 0;
  if (!stream) load.body.replace(load.body.find("\"stream\": true"), 14, "\"stream\": false");
  uv_loop_t loop;
  uv_loop_init(&loop);
  uv_idle_t alive;  // the loop must not end between two batches
  uv_idle_init(&loop, &alive);
  uv_idle_start(&alive, [](uv_idle_t*) {});
  load.worker = load.engine->attach(&loop).value();
  while (state.KeepRunningBatch(kBatch)) {
    load.wanted += kBatch;
    for (int64_t i = 0; i < state.range(1) && load.begun < load.wanted; ++i) load.submit();
    while (load.done < load.wanted && !load.failed) uv_run(&loop, UV_RUN_ONCE);
    if (load.failed) state.SkipWithError("a request failed");
  }
  load.engine->detach(load.worker, [](void*) {}, nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&alive), nullptr);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(submit)
    ->ArgNames({"bytes", "concurrent", "stream"})
    ->Args({300, 1, 0})
    ->Args({300, 32, 0})
    ->Args({4096, 32, 0})
    ->Args({300, 32, 1});

}  // namespace
