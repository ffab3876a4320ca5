// What it costs to check and look through a request body, by size, place of `model` and depth of
// checking, and what a parse into simdjson's tree costs in the same run.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include "bodies.h"
#include "json/escape_check.h"
#include "json/index.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"

namespace {

constexpr size_t kPadding = weir::RequestScanner::kPadding;

std::string padded(std::string text) {
  text.append(kPadding, ' ');
  return text;
}

void count_bytes(benchmark::State& state, size_t bytes) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(bytes));
}

void scan(benchmark::State& state, weir::ScanOptions::Validation validation) {
  const std::string body =
      padded(weir::bench::chat_body(static_cast<size_t>(state.range(0)), state.range(1) == 0));
  const std::string_view text(body.data(), body.size() - kPadding);
  weir::RequestScanner scanner;
  weir::RequestView view;
  for (auto _ : state) {
    const auto result = scanner.scan(text, {.validation = validation}, &view);
    if (!result) state.SkipWithError("the body was refused");
    benchmark::DoNotOptimize(view);
  }
  count_bytes(state, text.size());
}

void scan_full(benchmark::State& state) { scan(state, weir::ScanOptions::Validation::kFull); }
void scan_top_level(benchmark::State& state) {
  scan(state, weir::ScanOptions::Validation::kTopLevel);
}

// Of bodies whose like has not been seen.
void scan_new(benchmark::State& state) {
  weir::bench::NewShapes shapes(static_cast<size_t>(state.range(0)), kPadding);
  weir::RequestScanner scanner;
  weir::RequestView view;
  size_t bytes = 0;
  for (auto _ : state) {
    const std::string_view text = shapes.next();
    bytes = text.size();
    if (!scanner.scan(text, {}, &view)) state.SkipWithError("the body was refused");
    benchmark::DoNotOptimize(view);
  }
  count_bytes(state, bytes);
}

std::string padded_body(benchmark::State& state) {
  return padded(weir::bench::chat_body(static_cast<size_t>(state.range(0)), true));
}

void index_only(benchmark::State& state) {
  const std::string body = padded_body(state);
  const std::string_view text(body.data(), body.size() - kPadding);
  weir::JsonIndex index;
  for (auto _ : state) {
    benchmark::DoNotOptimize(index.build(text, {.escapes = false}));
  }
  count_bytes(state, text.size());
}

void escapes_only(benchmark::State& state) {
  const std::string body = padded_body(state);
  const std::string_view text(body.data(), body.size() - kPadding);
  for (auto _ : state) benchmark::DoNotOptimize(weir::find_bad_escape(text));
  count_bytes(state, text.size());
}

void dom_parse(benchmark::State& state) {
  const simdjson::padded_string body(
      weir::bench::chat_body(static_cast<size_t>(state.range(0)), state.range(1) == 0));
  simdjson::dom::parser parser;
  for (auto _ : state) {
    simdjson::dom::element root;
    if (parser.parse(body).get(root)) state.SkipWithError("the body was refused");
    benchmark::DoNotOptimize(root);
  }
  count_bytes(state, body.size());
}

void scan_reply(benchmark::State& state) {
  uint64_t random = 1;
  const std::string reply = padded(
      "{\"id\": \"chatcmpl-1\", \"object\": \"chat.completion\", \"created\": 1763778720, "
      "\"model\": \"gpt-4o-mini\", \"choices\": [{\"index\": 0, \"message\": {\"role\": "
      "\"assistant\", \"content\": \"" +
      weir::bench::chat_text(180, &random) +
      "\"}, \"logprobs\": null, \"finish_reason\": \"stop\"}], \"usage\": {\"prompt_tokens\": 19, "
      "\"completion_tokens\": 40, \"total_tokens\": 59, \"prompt_tokens_details\": "
      "{\"cached_tokens\": 0}, \"completion_tokens_details\": {\"reasoning_tokens\": 0}}}");
  const std::string_view text(reply.data(), reply.size() - kPadding);
  weir::ReplyScanner scanner;
  weir::ReplyView view;
  for (auto _ : state) {
    if (!scanner.scan(text, &view)) state.SkipWithError("the reply was refused");
    benchmark::DoNotOptimize(view);
  }
  count_bytes(state, text.size());
}

const std::vector<std::vector<int64_t>> kSizesAndPlaces = {{300, 4096, 65536, 1048576}, {0, 1}};

BENCHMARK(scan_full)->ArgNames({"bytes", "model_last"})->ArgsProduct(kSizesAndPlaces);
BENCHMARK(scan_top_level)->ArgNames({"bytes", "model_last"})->ArgsProduct(kSizesAndPlaces);
BENCHMARK(scan_new)->ArgName("bytes")->Arg(300)->Arg(4096)->Arg(65536)->Arg(1048576);
BENCHMARK(index_only)->ArgName("bytes")->Arg(300)->Arg(4096)->Arg(65536)->Arg(1048576);
BENCHMARK(escapes_only)->ArgName("bytes")->Arg(300)->Arg(4096)->Arg(65536)->Arg(1048576);
BENCHMARK(dom_parse)->ArgNames({"bytes", "model_last"})->ArgsProduct(kSizesAndPlaces);
BENCHMARK(scan_reply);

}  // namespace
