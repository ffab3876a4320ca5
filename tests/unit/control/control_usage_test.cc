// Goal: what workers put into their rings is what the usage routes answer, and is there again after
// a restart. Method: the test plays the worker and asks over the management calls.
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>

#include "control/control_plane.h"
#include "control/digest.h"
#include "fake_worker.h"

namespace weir {

namespace {

constexpr char kConfig[] = R"(
providers: [{name: a, type: loopback}]
models:
  - {provider: a, id: m, alias: chat, metadata: {cost_input: 2, cost_output: 8, cost_cached: 1}}
  - {provider: a, id: m, alias: cheap, metadata: {cost: 0.001}}
  - {provider: a, id: free, alias: free}
load_balancers: [{alias: second, backends: [{model: a/m}]}]
keys: [{name: app, key: app-key}, {name: ops, key: ops-key, role: admin}]
accounting: {flush_interval: 500ms}
log: {access: "off"}
)";

std::vector<std::string>& reported() {
  static std::vector<std::string> lines;
  return lines;
}

class ControlUsageTest : public testing::Test {
 protected:
  void SetUp() override {
    reported().clear();
    open();
  }
  void TearDown() override {
    plane_.reset();
    for (const char* end : {"", "-wal", "-shm"}) unlink((file_ + end).c_str());
  }
  void open() {
    plane_.reset();
    worker_ = std::make_unique<test::FakeWorker>();
    ControlOptions options;
    options.config = test::fake_options();
    options.database = file_;
    options.sealer = sealer_;
    options.default_prepare = test::fake_prepare;
    options.report = [](const std::string& line) { reported().push_back(line); };
    auto made = ControlPlane::create(
        options, config_load_text(kConfig, "weir.yaml", "", test::fake_options()));
    ASSERT_TRUE(made) << made.error();
    plane_ = std::move(*made);
    WorkerLink* links[] = {&worker_->link};
    plane_->attach(links);
    worker_->turn(plane_->link());
  }
  void push(const char* alias, const char* key, const Usage& usage,
            Outcome outcome = Outcome::kCompleted) {
    LedgerRecord* record = worker_->link.ledger.reserve();
    ASSERT_NE(record, nullptr);
    *record = {};
    record->started_unix_ms = (minute_ + 30) * 1000;
    record->total_us = 45'000'000;
    record->kind = RequestKind::kInference;
    record->outcome = outcome;
    record->usage = usage;
    record->attempt_count = 1;
    const Snapshot& snapshot = *worker_->current->snapshot;
    if (const Route* route = snapshot.find_route("default", "production", alias)) {
      record->route = route->slot;
      record->series = route->targets[0].series;
    }
    if (const auto* principal = snapshot.find_principal(sha256_digest(key))) {
      record->principal = principal->pin;
    }
    worker_->link.ledger.publish();
  }
  int64_t number(std::string_view sql) {
    auto read = plane_->usage().database().prepare(sql);
    EXPECT_TRUE(read) << read.error();
    const auto row = read->step();
    EXPECT_TRUE(row && *row);
    return read->integer(0);
  }
  static Usage used() { return {1000, 100, 1100, 400, -1, UsageSource::kProvider}; }

  // Rows that are older than the retention would go at once.
  const int64_t minute_ = std::time(nullptr) / 60 * 60;
  const std::string file_ = testing::TempDir() + "/weir-feed-" + std::to_string(getpid());
  std::unique_ptr<test::FakeWorker> worker_;
  std::shared_ptr<const Sealer> sealer_ = std::make_shared<const Sealer>(Sealer::random());
  std::unique_ptr<ControlPlane> plane_;
};

TEST_F(ControlUsageTest, RecordsBecomeRowsWithNamesAndCosts) {
  push("chat", "app-key", used());
  push("cheap", "app-key", used());
  push("second", "app-key", used());
  push("free", "ops-key", used());
  push("chat", "app-key", {}, Outcome::kFailed);
  push("nothing", "nobody", {}, Outcome::kRefused);
  plane_->tick(10'000);
  EXPECT_EQ(plane_->usage().waiting(), 0u);
  const auto cost = [&](const char* alias) {
    return number("SELECT sum(cost_nano) FROM usage_minute JOIN usage_series ON id = series "
                  "WHERE alias = '" + std::string(alias) + "'");
  };
  EXPECT_EQ(cost("chat"), 600 * 2'000 + 400 * 1'000 + 100 * 8'000);
  EXPECT_EQ(cost("cheap"), 1'100 * 1'000);
  EXPECT_EQ(cost("second"), cost("chat"));  // the first price of the same model
  EXPECT_EQ(cost("free"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM usage_series WHERE tenant = 'default' AND target = 'a/m' "
                   "AND provider = 'a' AND model = 'm' AND key_name = 'app'"), 4);
  EXPECT_EQ(number("SELECT count(*) FROM usage_series WHERE alias = '' AND key_id = ''"), 1);
  // The minute in which they ended, not the one in which they began.
  EXPECT_EQ(number("SELECT max(start) FROM usage_minute"), minute_ + 60);
}

// Conservation: the store's totals are the sums over the records, whatever happened to them.
TEST_F(ControlUsageTest, NothingIsLostOnTheWay) {
  UsageSums expected;
  const char* const aliases[] = {"chat", "cheap", "free", "nothing"};
  Millis now = 10'000;
  for (int i = 0; i < 400; ++i) {
    Usage usage = used();
    usage.prompt_tokens = i;
    usage.source = static_cast<UsageSource>(i % 4);
    const auto outcome = static_cast<Outcome>(i % 3);
    push(aliases[i % 4], i % 5 == 0 ? "ops-key" : "app-key", usage, outcome);
    ++expected.values[static_cast<size_t>(outcome)];
    ++expected[UsageField::kAttempts];
    if (usage.source != UsageSource::kNone) {
      expected[UsageField::kPrompt] += usage.prompt_tokens;
      expected[UsageField::kCompletion] += usage.completion_tokens;
    }
    if (i % 50 == 0) plane_->tick(now += 300);
  }
  plane_->tick(now);
  const auto totals = plane_->usage().totals();
  ASSERT_TRUE(totals);
  for (const UsageField field :
       {UsageField::kCompleted, UsageField::kFailed, UsageField::kCancelled, UsageField::kRefused,
        UsageField::kAttempts, UsageField::kPrompt, UsageField::kCompletion}) {
    EXPECT_EQ((*totals)[field], expected[field]) << kUsageColumns[static_cast<size_t>(field)];
  }
}

TEST_F(ControlUsageTest, StopWritesTheRestAndARestartHasIt) {
  plane_->start();
  push("chat", "app-key", used());
  plane_->stop();
  EXPECT_EQ(plane_->usage().waiting(), 0u);
  open();
  EXPECT_EQ(number("SELECT sum(prompt) FROM usage_minute"), 1000);
}

TEST_F(ControlUsageTest, TheRouteAnswers) {
  push("chat", "app-key", used());
  worker_->call(plane_->link(), "GET", "/ml/v1/usage");
  plane_->tick(10'000);
  worker_->turn(plane_->link());
  ASSERT_EQ(worker_->answered.size(), 1u);
  EXPECT_EQ(worker_->answered[0]->status, 200);
  EXPECT_TRUE(worker_->answered[0]->reply.starts_with(R"({"object":"page","data":[)"));
}

TEST_F(ControlUsageTest, AFailureIsReportedOnceAndSoIsItsEnd) {
  plane_->start();
  plane_->stop();  // reports go out from now on, and ticks are the test's
  reported().clear();
  ASSERT_TRUE(plane_->usage().database().execute("PRAGMA query_only=ON"));
  push("chat", "app-key", used());
  Millis now = 1'000'000'000'000;
  for (int i = 0; i < 5; ++i) plane_->tick(now += 1'000);
  EXPECT_EQ(reported().size(), 1u);
  ASSERT_TRUE(plane_->usage().database().execute("PRAGMA query_only=OFF"));
  for (int i = 0; i < 5; ++i) plane_->tick(now += 1'000);
  ASSERT_EQ(reported().size(), 2u);
  EXPECT_NE(reported()[0].find("cannot be written"), std::string::npos);
  EXPECT_NE(reported()[1].find("written again"), std::string::npos);
}

TEST_F(ControlUsageTest, AFileThatCannotBeOpenedEndsTheStart) {
  ControlOptions options;
  options.config = test::fake_options();
  options.database = file_ + "/below/weir.db";
  options.default_prepare = test::fake_prepare;
  const auto made = ControlPlane::create(
      options, config_load_text(kConfig, "weir.yaml", "", test::fake_options()));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().find("management store: "), 0u) << made.error();
}

}  // namespace

}  // namespace weir
