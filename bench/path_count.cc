// Runs Weir's main paths a fixed number of times each, for tools/count: under callgrind every path
// leaves a count of its own, of the runs alone, without what it takes to set them up.
//
//   path_count            all paths: a line "NAME RUNS" for each, in the order of the counts
//   path_count TEXT       those whose name holds TEXT
// Exits with 1 when a path did not do its work.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string_view>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(name) static_cast<void>(name)
#endif

#include "json/edits.h"
#include "work/adapter_work.h"
#include "work/decide_work.h"
#include "work/ledger_work.h"
#include "work/proxy_work.h"

namespace weir::bench {
namespace {

struct Session {
  std::string_view only;
  bool failed = false;
};

// The first runs fill pools and caches; they are not counted.
template <typename Run>
void count(Session* session, const char* name, int runs, Run run) {
  constexpr int kWarm = 8;
  bool good = true;
  for (int i = 0; i < kWarm; ++i) good = run() && good;
  CALLGRIND_ZERO_STATS;
  for (int i = 0; i < runs; ++i) good = run() && good;
  CALLGRIND_DUMP_STATS_AT(name);
  std::printf("%s %d\n", name, runs);
  if (good) return;
  std::fprintf(stderr, "path_count: %s did not do its work\n", name);
  session->failed = true;
}

bool wanted(const Session& session, std::string_view name) {
  return name.find(session.only) != std::string_view::npos;
}

// The work is made only when it is wanted.
template <typename Work, typename... Arguments>
void count_work(Session* session, const char* name, int runs, const Arguments&... arguments) {
  if (!wanted(*session, name)) return;
  const auto work = std::make_unique<Work>(arguments...);
  count(session, name, runs, [&work] { return work->run(); });
}

void count_scan(Session* session, const char* name, size_t bytes, int runs) {
  if (!wanted(*session, name)) return;
  std::string body = chat_body(bytes, false);
  const size_t size = body.size();
  body.append(RequestScanner::kPadding, ' ');
  RequestScanner scanner;
  RequestView view;
  count(session, name, runs,
        [&] { return scanner.scan({body.data(), size}, {}, &view).has_value(); });
}

void count_new_scan(Session* session, const char* name, size_t bytes, int runs) {
  if (!wanted(*session, name)) return;
  NewShapes shapes(bytes, RequestScanner::kPadding);
  RequestScanner scanner;
  RequestView view;
  const auto run = [&] { return scanner.scan(shapes.next(), {}, &view).has_value(); };
  // After these it has learned that it learns in vain.
  bool good = true;
  for (int i = 0; i < 3000; ++i) good = run() && good;
  count(session, name, runs, [&] { return run() && good; });
}

void count_bucket(Session* session) {
  constexpr const char* kName = "limit-take-settle";
  if (!wanted(*session, kName)) return;
  Bucket bucket(8, {0, kAmple, 3'600'000'000'000}, 0);
  count(session, kName, 2000, [&bucket] {
    const bool taken = bucket.take(0, 1000, 1);
    bucket.settle(0, 1000, 600, 1);
    return taken;
  });
}

void count_scopes(Session* session) {
  constexpr const char* kName = "limit-four-scopes";
  if (!wanted(*session, kName)) return;
  LimitRegistry registry(8);
  const LimitSet set = ample_limits(registry, 4);
  count(session, kName, 2000, [&set] {
    const bool taken = set.take_all(0, 1000, 1) == LimitSet::kPassed;
    set.settle_all(0, 1000, 600, 1);
    return taken;
  });
}

// What the ledger costs without the access log.
void count_usage(Session* session) {
  constexpr const char* kName = "ledger-usage";
  if (!wanted(*session, kName)) return;
  const auto work = std::make_unique<LedgerWork>();
  count(session, kName, 1000, [&work] { return work->run_usage(); });
}

void count_adapters(Session* session) {
  static constexpr const char* kNames[] = {
      "translate-openai-compatible", "translate-openai-compatible-quirks",
      "translate-azure-openai",      "translate-cerebras-quirks",
      "translate-nim",               "translate-anthropic",
      "translate-bedrock",           "translate-watsonxai"};
  static_assert(std::size(kNames) == std::size(kStreamSamples));
  for (size_t i = 0; i < std::size(kNames); ++i) {
    count_work<TranslateWork>(session, kNames[i], 50, kStreamSamples[i]);
  }
}

void count_all(Session* session) {
  const ProxyOptions limited{.limited = true};
  count_work<ChatWork>(session, "request-0.3k", 400, size_t{300}, limited);
  count_work<ChatWork>(session, "request-0.3k-unlimited", 400, size_t{300}, ProxyOptions{});
  count_work<ChatWork>(session, "request-4k", 400, size_t{4096}, limited);
  count_work<ChatWork>(session, "request-64k", 40, size_t{65536}, limited);
  count_work<ChatWork>(session, "request-4k-timing", 400, size_t{4096},
                       ProxyOptions{.limited = true, .timing = true});
  count_work<StreamWork>(session, "stream-64", 40, limited);
  count_scan(session, "scan-0.3k", 300, 1000);
  count_scan(session, "scan-4k", 4096, 200);
  count_scan(session, "scan-64k", 65536, 20);
  count_new_scan(session, "scan-0.3k-new", 300, 1024);
  count_new_scan(session, "scan-4k-new", 4096, 512);
  count_work<DecideWork>(session, "decide-100-routes", 1000, uint32_t{100});
  count_bucket(session);
  count_scopes(session);
  count_work<LedgerWork>(session, "ledger-close", 1000);
  count_usage(session);
  count_adapters(session);
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  weir::bench::Session session;
  if (argc > 1) session.only = argv[1];
  weir::bench::count_all(&session);
  return session.failed ? 1 : 0;
}
