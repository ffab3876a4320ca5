// Many streams that end badly on either side: every request is counted once at every moment, and
// afterwards nothing is left, neither in flight nor as a descriptor.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "servers.h"

namespace weir::integration {
namespace {

int64_t descriptors(pid_t pid) {
  int64_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    count += entry.exists() || entry.is_symlink() ? 1 : 0;
  }
  return count;
}

// Runs all loads at once and looks at the metrics until the last one has ended.
void run_and_watch(Gateway& gateway, const std::vector<std::vector<std::string>>& loads) {
  std::vector<std::thread> threads;
  std::vector<LoadResult> results(loads.size());
  std::atomic<size_t> running{loads.size()};
  for (size_t i = 0; i < loads.size(); ++i) {
    threads.emplace_back([&, i] {
      results[i] = load_run(gateway.port(), loads[i]);
      running.fetch_sub(1);
    });
  }
  int64_t scrapes = 0;
  while (running.load() != 0) {
    const std::string page = gateway.metrics();
    const RequestSums sums = request_sums(page);
    ASSERT_TRUE(sums.agree()) << page;
    ++scrapes;
  }
  for (std::thread& thread : threads) thread.join();
  for (const LoadResult& result : results) EXPECT_EQ(result.status, 0) << result.text;
  EXPECT_GT(scrapes, 3);
}

TEST(ChurnLong, StreamsCutOnBothSides) {
  const Mock mock;
  const std::string models =
      mock_model("whole", "events=40,gap=1ms") + mock_model("cut", "events=40,gap=1ms,cut_at=20") +
      mock_model("reset", "events=40,gap=1ms,reset_at=20") +
      mock_model("stray", "events=10,reset_at=900b,split=50,pause=0");
  Gateway gateway(mock_config(mock, models,
                              "load_balancers:\n"
                              "  - {alias: cut, suspend_duration: 0s}\n"
                              "  - {alias: reset, suspend_duration: 0s}\n"
                              "  - {alias: stray, suspend_duration: 0s}\n"),
                  {.arguments = {"--workers", "2"}});
  const LoadResult warm = load_run(gateway.port(), {"-c", "32", "-n", "500", "--model", "whole"});
  ASSERT_EQ(warm.status, 0) << warm.text;
  const auto load = [](const char* model, const char* count, const char* aborts) {
    return std::vector<std::string>{"-c", "16", "-n", count, "--model", model, "--stream",
                                    "--abort-fraction", aborts, "--allow-errors", "--seed", "7"};
  };
  run_and_watch(gateway, {load("whole", "4000", "0.5"), load("cut", "2000", "0.2"),
                          load("reset", "2000", "0.2"), load("stray", "2000", "0")});
  EXPECT_TRUE(until([&] { return request_sums(gateway.metrics()).in_flight == 0; }));
  EXPECT_TRUE(until([&] { return mock.count("in_flight") == 0; }));
  RequestSums sums = request_sums(gateway.metrics());
  EXPECT_TRUE(sums.agree());
  EXPECT_GT(sums.by_outcome["completed"], 500);
  EXPECT_GT(sums.by_outcome["cancelled"], 0);
  EXPECT_GT(sums.by_outcome["failed"], 2000);
  // What stays open are the pooled connections to the provider.
  EXPECT_TRUE(until([&] {
    const std::string page = gateway.metrics();
    return number_after(page, "weir_connections{side=\"client\",state=\"idle\"} ") <= 1 &&
           number_after(page, "weir_connections{side=\"upstream\",state=\"active\"} ") == 0;
  }));
  const int64_t pooled =
      number_after(gateway.metrics(), "weir_connections{side=\"upstream\",state=\"idle\"} ");
  EXPECT_LE(descriptors(gateway.process().pid()), pooled + 64);
}

TEST(ReloadLong, AThousandReloadsUnderLoad) {
  constexpr int kReloads = 1000;
  const Mock mock;
  const auto config = [&](int round) {
    return mock_config(mock, mock_model("chat", "words=3") +
                                 mock_model("m" + std::to_string(round % 7), "words=2"));
  };
  Gateway gateway(config(0), {.arguments = {"--workers", "2"}});
  std::atomic<bool> over{false};
  std::string wrong;
  std::thread load([&] {
    do {
      const LoadResult result =
          load_run(gateway.port(), {"-c", "32", "-n", "1000", "--model", "chat"});
      if (result.status != 0) wrong += result.text;
    } while (!over.load());
  });
  for (int i = 1; i <= kReloads; ++i) {
    gateway.write(config(i));
    gateway.reload();
  }
  over.store(true);
  load.join();
  EXPECT_EQ(wrong, "");
  const std::string page = gateway.metrics();
  EXPECT_EQ(number_after(page, "weir_config_reloads_total{result=\"ok\"} "), kReloads);
  EXPECT_TRUE(request_sums(page).agree()) << page;
}

}  // namespace
}  // namespace weir::integration
