// What a stream of 64 events of 200 bytes costs: finding the boundaries, alone and with the fields
// read, when it arrives in one piece and event by event.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "http/sse.h"

namespace {

using namespace weir;

constexpr size_t kEvents = 64;
constexpr size_t kEventBytes = 200;

std::string event_make(std::string_view line_end) {
  std::string event = "data: {\"choices\":[{\"delta\":{\"content\":\"";
  event.append(kEventBytes - event.size() - 5 - 2 * line_end.size(), 'x');
  return event + "\"}}]}" + std::string(line_end) + std::string(line_end);
}

std::string stream_make(std::string_view line_end) {
  std::string stream;
  for (size_t i = 0; i < kEvents; ++i) stream += event_make(line_end);
  return stream;
}

template <typename Each>
void stream_walk(SseBoundary* boundary, std::string_view rest, Each each) {
  while (const size_t size = boundary->next(rest)) {
    each(rest.substr(0, size));
    rest.remove_prefix(size);
  }
}

void boundaries(benchmark::State& state, std::string_view line_end) {
  const std::string stream = stream_make(line_end);
  for (auto _ : state) {
    SseBoundary boundary;
    size_t events = 0;
    stream_walk(&boundary, stream, [&events](std::string_view) { ++events; });
    benchmark::DoNotOptimize(events);
  }
  state.SetBytesProcessed(static_cast<int64_t>(stream.size()) * state.iterations());
  state.SetItemsProcessed(static_cast<int64_t>(kEvents) * state.iterations());
}
BENCHMARK_CAPTURE(boundaries, lf, "\n");
BENCHMARK_CAPTURE(boundaries, crlf, "\r\n");
BENCHMARK_CAPTURE(boundaries, cr, "\r");

void boundaries_one_by_one(benchmark::State& state) {
  const std::string event = event_make("\n");
  for (auto _ : state) {
    SseBoundary boundary;
    for (size_t i = 0; i < kEvents; ++i) benchmark::DoNotOptimize(boundary.next(event));
  }
  state.SetItemsProcessed(static_cast<int64_t>(kEvents) * state.iterations());
}
BENCHMARK(boundaries_one_by_one);

void boundaries_and_fields(benchmark::State& state) {
  const std::string stream = stream_make("\n");
  for (auto _ : state) {
    SseBoundary boundary;
    stream_walk(&boundary, stream, [](std::string_view raw) {
      const auto event = sse_read_event(raw, {});
      benchmark::DoNotOptimize(event->data.data());
    });
  }
  state.SetItemsProcessed(static_cast<int64_t>(kEvents) * state.iterations());
}
BENCHMARK(boundaries_and_fields);

}  // namespace
