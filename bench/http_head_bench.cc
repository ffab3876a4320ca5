// What one head costs: the scan of the raw bytes, the parse of the complete head, and a chunked
// body.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/chunked.h"
#include "http/parser.h"
#include "http/write.h"

namespace {

using namespace weir;

// As long and as many fields as SDKs send; the values are made up.
constexpr std::string_view kRequest =
    "POST /v1/chat/completions HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
    "Accept: application/json\r\n"
    "Content-Type: application/json\r\n"
    "User-Agent: Example/Python 1.2.3\r\n"
    "X-Example-Lang: python\r\n"
    "X-Example-Package-Version: 1.2.3\r\n"
    "X-Example-OS: Linux\r\n"
    "X-Example-Arch: x64\r\n"
    "Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789\r\n"
    "Content-Length: 4096\r\n\r\n";

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 600\r\n"
    "Connection: keep-alive\r\n"
    "access-control-expose-headers: X-Request-ID\r\n"
    "openai-organization: example\r\n"
    "openai-processing-ms: 120\r\n"
    "openai-version: 2020-10-01\r\n"
    "x-ratelimit-limit-requests: 10000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\n"
    "x-ratelimit-reset-requests: 6ms\r\n"
    "x-request-id: req_0123456789abcdef\r\n"
    "Server: example\r\n"
    "Set-Cookie: a=b; path=/; expires=Thu, 01 Jan 2026 00:30:00 GMT; HttpOnly\r\n\r\n";

void bytes_note(benchmark::State& state, size_t bytes) {
  state.SetBytesProcessed(static_cast<int64_t>(bytes) * state.iterations());
}

void head_scan(benchmark::State& state, HeadScanner::Kind kind, std::string_view head) {
  const HeadLimits limits;
  for (auto _ : state) {
    HeadScanner scanner(kind);
    auto progress = scanner.feed(head, limits);
    benchmark::DoNotOptimize(progress);
  }
  bytes_note(state, head.size());
}
BENCHMARK_CAPTURE(head_scan, request, HeadScanner::Kind::kRequest, kRequest);
BENCHMARK_CAPTURE(head_scan, response, HeadScanner::Kind::kResponse, kResponse);

void request_parse(benchmark::State& state) {
  RequestHead head;
  for (auto _ : state) {
    auto result = parse_request_head(kRequest, &head);
    benchmark::DoNotOptimize(result);
  }
  bytes_note(state, kRequest.size());
}
BENCHMARK(request_parse);

void response_parse(benchmark::State& state) {
  ResponseHead head;
  for (auto _ : state) {
    auto result = parse_response_head(kResponse, false, &head);
    benchmark::DoNotOptimize(result);
  }
  bytes_note(state, kResponse.size());
}
BENCHMARK(response_parse);

// 64 chunks of 200 bytes in one read.
void chunked_decode(benchmark::State& state) {
  std::string body;
  for (int i = 0; i < 64; ++i) body += "c8\r\n" + std::string(200, 'x') + "\r\n";
  body += "0\r\n\r\n";
  for (auto _ : state) {
    ChunkedDecoder decoder;
    std::string_view rest = body;
    while (!rest.empty()) {
      const auto piece = decoder.feed(rest);
      benchmark::DoNotOptimize(piece->data.data());
      rest.remove_prefix(piece->consumed);
    }
  }
  bytes_note(state, body.size());
}
BENCHMARK(chunked_decode);

void head_write(benchmark::State& state) {
  Arena arena;
  for (auto _ : state) {
    arena.reset();
    HeadWriter writer = head_begin(&arena, 1024);
    writer.add_status_line(200);
    writer.add_field("content-type", "application/json");
    writer.add_field("x-request-id", "req_0123456789abcdef");
    writer.add_field("content-length", 600);
    writer.add_end();
    benchmark::DoNotOptimize(head_finish(writer, &arena));
  }
}
BENCHMARK(head_write);

}  // namespace
