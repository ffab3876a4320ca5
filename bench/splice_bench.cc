// What it costs to give a scanned body another model name, and to also remove, add and rename
// members; the copy of the whole body, which splicing avoids, stands beside it.
#include <benchmark/benchmark.h>

#include "bodies.h"
#include "json/edits.h"
#include "json/request_scan.h"

namespace {

struct Scanned {
  explicit Scanned(size_t bytes) : body(weir::bench::chat_body(bytes, true)) {
    const size_t size = body.size();
    body.append(weir::RequestScanner::kPadding, ' ');
    ok = scanner.scan({body.data(), size}, {}, &view).has_value();
  }
  std::string body;
  weir::RequestScanner scanner;
  weir::RequestView view;
  bool ok = false;
};

void splice_model(benchmark::State& state) {
  const Scanned scanned(static_cast<size_t>(state.range(0)));
  if (!scanned.ok) state.SkipWithError("the body was refused");
  for (auto _ : state) {
    weir::EditList edits(scanned.view);
    weir::SliceList slices;
    const bool ok =
        edits.replace(weir::Field::kModel, "\"provider-name-of-it\"") && edits.build(&slices);
    if (!ok) state.SkipWithError("the list was too small");
    benchmark::DoNotOptimize(slices);
  }
}

void splice_four_edits(benchmark::State& state) {
  const Scanned scanned(static_cast<size_t>(state.range(0)));
  if (!scanned.ok) state.SkipWithError("the body was refused");
  for (auto _ : state) {
    weir::EditList edits(scanned.view);
    weir::SliceList slices;
    const bool ok = edits.replace(weir::Field::kModel, "\"provider-name-of-it\"") &&
                    edits.rename(weir::Field::kMaxTokens, "\"max_completion_tokens\"") &&
                    edits.remove(weir::Field::kStream) &&
                    edits.insert("\"stream_options\":{\"include_usage\":true}") &&
                    edits.build(&slices);
    if (!ok) state.SkipWithError("the list was too small");
    benchmark::DoNotOptimize(slices);
  }
}

void copy_body(benchmark::State& state) {
  const Scanned scanned(static_cast<size_t>(state.range(0)));
  std::string copy;
  for (auto _ : state) {
    copy.assign(scanned.view.body);
    benchmark::DoNotOptimize(copy.data());
  }
}

BENCHMARK(splice_model)->ArgName("bytes")->Arg(300)->Arg(65536);
BENCHMARK(splice_four_edits)->ArgName("bytes")->Arg(300)->Arg(65536);
BENCHMARK(copy_body)->ArgName("bytes")->Arg(300)->Arg(65536);

}  // namespace
