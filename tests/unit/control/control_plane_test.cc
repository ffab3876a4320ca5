// Goal: the life of publications, routes, keys and management calls, with the test as the worker.
#include "control/control_plane.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "control/digest.h"
#include "fake_worker.h"

namespace weir {

namespace {

constexpr char kConfig[] = R"(
providers:
  - {name: a, type: openai, data: {base_url: "http://h/v1", apikey: sk-planted}}
  - {name: b, type: loopback}
models:
  - {provider: a, id: m, alias: chat, weight: 3}
  - {provider: b, id: m, alias: chat}
  - {provider: b, id: small, alias: chat, environment: sandbox}
keys:
  - {name: app, key: app-key, models: [chat]}
  - {name: sand, key: sand-key, environment: sandbox}
log: {access: "off", metrics_key: metrics-key}
)";

std::vector<std::string>& reported() {
  static std::vector<std::string> lines;
  return lines;
}

class ControlPlaneTest : public testing::Test {
 protected:
  void SetUp() override {
    reported().clear();
    file_ = testing::TempDir() + "/weir-control-" + std::to_string(getpid()) + ".yaml";
    write(kConfig);
    ControlOptions options;
    options.config = test::fake_options();
    options.config_file = file_;
    options.default_prepare = test::fake_prepare;
    options.admin_key = Secret("admin-key");
    options.report = [](const std::string& line) { reported().push_back(line); };
    auto made = ControlPlane::create(options, config_load(file_, options.config));
    ASSERT_TRUE(made) << made.error();
    plane_ = std::move(*made);
    WorkerLink* links[] = {&workers_[0].link, &workers_[1].link};
    plane_->attach(links);
    turn();
  }
  void TearDown() override { unlink(file_.c_str()); }

  void write(std::string_view text) { std::ofstream(file_) << text; }
  void turn() {
    for (auto& worker : workers_) worker.turn(plane_->link());
  }
  const Snapshot& snapshot() { return *workers_[0].current->snapshot; }
  const Route* route(const char* environment, const char* name) {
    return snapshot().find_route("default", environment, name);
  }
  std::unique_ptr<ManagementCall> ask(const char* method, const char* path, bool admin = true) {
    workers_[0].call(plane_->link(), method, path, admin);
    for (int i = 0; i < 3; ++i) {
      plane_->tick(now_);
      turn();
    }
    if (workers_[0].answered.empty()) return nullptr;
    auto answer = std::move(workers_[0].answered.back());
    workers_[0].answered.pop_back();
    return answer;
  }

  std::string file_;
  std::unique_ptr<ControlPlane> plane_;
  test::FakeWorker workers_[2];
  Millis now_ = 1'000;
};

TEST_F(ControlPlaneTest, NamesLeadToTargets) {
  const Route* chat = route("production", "chat");
  ASSERT_NE(chat, nullptr);
  ASSERT_EQ(chat->targets.size(), 2u);
  EXPECT_TRUE(chat->is_alias);
  EXPECT_EQ(chat->targets[0].id, "a/m");
  EXPECT_EQ(chat->targets[0].weight, 3u);
  EXPECT_EQ(chat->targets[0].model_json, "\"m\"");
  EXPECT_EQ(chat->targets[0].heads[0], "POST /v1 HTTP/1.1\r\nHost: h\r\n");
  ASSERT_NE(route("production", "a/m"), nullptr);
  const Route* group = route("production", "m");
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(group->targets.size(), 2u);
  EXPECT_EQ(group->algorithm, Algorithm::kRoundRobin);
  EXPECT_EQ(group->targets[0].health, chat->targets[0].health);
  EXPECT_NE(group->targets[0].series, chat->targets[0].series);
  EXPECT_EQ(route("production", "small"), nullptr);
  ASSERT_NE(route("sandbox", "chat"), nullptr);
  EXPECT_EQ(route("sandbox", "chat")->targets[0].id, "b/small");
}

TEST_F(ControlPlaneTest, KeysAreFoundByDigest) {
  const Principal* app = snapshot().find_principal(sha256_digest("app-key"));
  ASSERT_NE(app, nullptr);
  EXPECT_FALSE(app->all_models);
  EXPECT_EQ(app->allowed_routes, std::vector<uint32_t>{route("production", "chat")->slot});
  const Principal* admin = snapshot().find_principal(sha256_digest("admin-key"));
  ASSERT_NE(admin, nullptr);
  EXPECT_EQ(admin->role, Role::kAdmin);
  EXPECT_EQ(snapshot().find_principal(sha256_digest("sand-key"))->environment, "sandbox");
  EXPECT_TRUE(snapshot().find_principal(sha256_digest("metrics-key"))->metrics_only);
  EXPECT_EQ(snapshot().find_principal(sha256_digest("nobody")), nullptr);
}

TEST_F(ControlPlaneTest, AReloadKeepsSlotsAndHealth) {
  const Target before = route("production", "chat")->targets[1];
  const uint32_t slot = route("production", "chat")->slot;
  before.health->on_fault({}, Fault::kTarget, 60'000, -1, now_);
  std::string text = kConfig;
  text.replace(text.find("weight: 3"), 9, "weight: 5");
  write(text);
  const auto answer = ask("POST", "/ml/gateway/v1/config/reload");
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->status, 200) << answer->error_message;
  const Route* after = route("production", "chat");
  EXPECT_EQ(after->targets[0].weight, 5u);
  EXPECT_EQ(after->slot, slot);
  EXPECT_EQ(after->targets[1].slot, before.slot);
  EXPECT_EQ(after->targets[1].series, before.series);
  EXPECT_EQ(after->targets[1].health, before.health);
  EXPECT_TRUE(after->targets[1].health->suspended(now_ + 1));
  EXPECT_EQ(after->targets[1].provider->pool_slot, before.provider->pool_slot);
}

TEST_F(ControlPlaneTest, ABadFileIsRefusedAndTheOldStays) {
  // Reports are held back until the start; the test then ticks by hand again.
  plane_->start();
  plane_->stop();
  write("workers: many\n");
  const uint64_t epoch = snapshot().epoch();
  plane_->request_reload();
  plane_->tick(now_);
  turn();
  EXPECT_EQ(snapshot().epoch(), epoch);
  ASSERT_FALSE(reported().empty());
  EXPECT_NE(reported().back().find(file_ + ":1:10: workers: needs to be a whole number"),
            std::string::npos);
  const auto answer = ask("POST", "/v1/config/reload");
  EXPECT_TRUE(answer->has_error);
  // What prepare() refuses is also found before anything is published.
  std::string text = kConfig;
  text.replace(text.find("sk-planted"), 10, "refused");
  write(text);
  plane_->request_reload();
  plane_->tick(now_);
  EXPECT_NE(reported().back().find("providers[0].data.apikey: the key is refused"),
            std::string::npos);
}

TEST_F(ControlPlaneTest, WritesTheLinesOfTheWantedLevels) {
  plane_->start();
  plane_->stop();
  const auto reported_by_reload = [this](const char* level) {
    std::string text = kConfig;
    text.replace(text.find("log: {"), 6, std::string("log: {level: ") + level + ", ");
    write(text);
    plane_->request_reload();
    plane_->tick(now_);
    reported().clear();
    plane_->request_reload();
    plane_->tick(now_);
    std::string lines;
    for (const std::string& line : reported()) lines += line + "\n";
    write("workers: many\n");
    plane_->request_reload();
    plane_->tick(now_);
    EXPECT_NE(reported().back().find("reload refused"), std::string::npos) << level;
    return lines;
  };
  constexpr auto kWarning = "a secret in clear; env:NAME or file:PATH keep it out of this file";
  EXPECT_EQ(reported_by_reload("error"), "");
  for (const char* level : {"warn", "info", "debug"}) {
    const std::string lines = reported_by_reload(level);
    EXPECT_NE(lines.find(kWarning), std::string::npos) << level;
    const bool told = lines.find("configuration reloaded\n") != std::string::npos;
    EXPECT_EQ(told, std::string_view(level) != "warn") << level;
  }
}

TEST_F(ControlPlaneTest, RecordsLiveUntilTheirLastPin) {
  const Route* old = route("production", "chat");
  const uint32_t pin = old->pin;
  workers_[1].link.pins.pin(pin);
  plane_->request_reload();
  plane_->tick(now_);
  EXPECT_EQ(plane_->publisher().publication_count(), 2u);
  workers_[0].turn(plane_->link());
  plane_->tick(now_);
  // One worker still runs the old snapshot.
  EXPECT_EQ(plane_->publisher().publication_count(), 2u);
  workers_[1].turn(plane_->link());
  for (int i = 0; i < 4; ++i) plane_->tick(now_);
  EXPECT_EQ(plane_->publisher().publication_count(), 1u);
  EXPECT_EQ(plane_->publisher().retired_count(), 1u);
  EXPECT_EQ(old->name, "chat");  // ASan would see a record that was freed
  workers_[1].link.pins.unpin(pin);
  plane_->tick(now_);
  EXPECT_EQ(plane_->publisher().retired_count(), 1u);  // one more drain of the rings first
  plane_->tick(now_);
  EXPECT_EQ(plane_->publisher().retired_count(), 0u);
}

TEST_F(ControlPlaneTest, AReloadThatWorkersDoNotAdoptSaysSo) {
  workers_[0].call(plane_->link(), "POST", "/v1/config/reload");
  plane_->tick(now_);
  EXPECT_EQ(workers_[0].link.answers.take_all(), nullptr);
  plane_->tick(now_ + 2'000);
  workers_[0].turn(plane_->link());
  ASSERT_EQ(workers_[0].answered.size(), 1u);
  EXPECT_EQ(workers_[0].answered[0]->error_code, "not_applied_yet");
}

TEST_F(ControlPlaneTest, ManagementNeedsTheRoleAdmin) {
  EXPECT_EQ(ask("GET", "/v1/targets", false)->error, Errc::kAccessDenied);
  EXPECT_EQ(ask("GET", "/metrics", false)->error, Errc::kAccessDenied);
  EXPECT_EQ(ask("GET", "/v1/nothing")->error, Errc::kRouteNotFound);
  const auto wrong = ask("POST", "/v1/targets");
  EXPECT_EQ(wrong->error, Errc::kMethodNotAllowed);
  EXPECT_EQ(wrong->allow, "GET, HEAD");
  auto* call = new ManagementCall;
  call->worker = &workers_[0].link;
  call->method = "GET";
  call->path = "/metrics";
  call->metrics_only = true;
  plane_->link()->calls.push(call);
  for (int i = 0; i < 3; ++i, turn()) plane_->tick(now_);
  EXPECT_EQ(workers_[0].answered.back()->status, 200);
}

TEST_F(ControlPlaneTest, ShowsAndClearsSuspensions) {
  route("production", "chat")->targets[0].health->on_fault({}, Fault::kRateLimit, 5'000, -1, now_);
  const auto list = ask("GET", "/v1/targets");
  EXPECT_NE(list->reply.find(R"("id":"a/m")"), std::string::npos);
  EXPECT_NE(list->reply.find(R"("state":"suspended")"), std::string::npos);
  EXPECT_NE(list->reply.find(R"("last_fault":"rate_limit")"), std::string::npos);
  EXPECT_EQ(ask("DELETE", "/v1/targets/a%2Fm/suspension")->status, 204);
  EXPECT_FALSE(route("production", "chat")->targets[0].health->suspended(now_));
  EXPECT_EQ(ask("DELETE", "/v1/targets/a/m/suspension")->status, 204);
  EXPECT_EQ(ask("DELETE", "/v1/targets/x/suspension")->error_code, "target_not_found");
}

TEST_F(ControlPlaneTest, AScrapeSumsTheWorkers) {
  const uint32_t series = route("production", "chat")->targets[0].series;
  for (auto& worker : workers_) {
    worker.block.series.resize(series + 1);
    worker.block.series[series].completed = 20;
    worker.block.accepted = 21;
    worker.block.in_flight = 1;
    worker.block.stages[0].add(3);
  }
  const auto page = ask("GET", "/metrics");
  ASSERT_EQ(page->status, 200) << page->error_message;
  EXPECT_NE(page->reply.find(
                "weir_requests_total{alias=\"chat\",target=\"a/m\",outcome=\"completed\"} 40\n"),
            std::string::npos);
  // The model's other name was not asked for.
  EXPECT_EQ(page->reply.find("weir_requests_total{alias=\"a/m\""), std::string::npos);
  EXPECT_NE(page->reply.find("weir_requests_accepted_total 42\n"), std::string::npos);
  EXPECT_NE(page->reply.find("weir_requests_in_flight 2\n"), std::string::npos);
  EXPECT_NE(page->reply.find("weir_stage_seconds_count{stage=\"receive\"} 2\n"),
            std::string::npos);
  EXPECT_NE(page->reply.find("weir_target_suspended{target=\"a/m\"} 0\n"), std::string::npos);
  // Every line is a comment or a sample, no sample stands twice, every metric has a type.
  std::map<std::string, int> samples;
  std::istringstream lines(page->reply);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# ")) continue;
    const size_t space = line.rfind(' ');
    ASSERT_NE(space, std::string::npos) << line;
    EXPECT_EQ(++samples[line.substr(0, space)], 1) << line;
    char* end = nullptr;
    std::strtod(line.c_str() + space + 1, &end);
    EXPECT_EQ(*end, '\0') << line;
  }
  EXPECT_EQ(page->reply.find("sk-planted"), std::string::npos);
}

TEST_F(ControlPlaneTest, ASilentWorkerEndsTheScrape) {
  workers_[0].call(plane_->link(), "GET", "/metrics");
  plane_->tick(now_);
  workers_[0].turn(plane_->link());
  plane_->tick(now_ + 2'000);
  workers_[0].turn(plane_->link());
  ASSERT_EQ(workers_[0].answered.size(), 1u);
  EXPECT_EQ(workers_[0].answered[0]->error, Errc::kOverloaded);
  turn();  // the late copy is only freed
  plane_->tick(now_ + 2'001);
}

TEST_F(ControlPlaneTest, TheThreadServesCallsAndStops) {
  plane_->start();
  workers_[0].call(plane_->link(), "GET", "/v1/targets");
  plane_->link()->wake(plane_->link());
  while (workers_[0].answered.empty()) turn();
  EXPECT_EQ(workers_[0].answered[0]->status, 200);
  plane_->stop();
}

TEST(ControlPlane, RunsWithoutAFile) {
  ControlOptions options;
  options.config = test::fake_options();
  auto plane = ControlPlane::create(options, config_embedded(options.config));
  ASSERT_TRUE(plane) << plane.error();
  const Snapshot& snapshot = *(*plane)->publisher().current()->snapshot;
  EXPECT_NE(snapshot.find_route("default", "production", "loopback"), nullptr);
  EXPECT_NE(snapshot.find_route("default", "production", "loopback-embed"), nullptr);
  const Route* rehearsal = snapshot.find_route("default", "production", "loopback/*");
  ASSERT_NE(rehearsal, nullptr);
  EXPECT_FALSE(rehearsal->is_alias);
  EXPECT_EQ(rehearsal->suspend_ms, 0u);
  EXPECT_EQ(snapshot.find_route("default", "production", "loopback/fail=503"), rehearsal);
  EXPECT_EQ(snapshot.find_route("default", "sandbox", "loopback/fail=503"), nullptr);
  EXPECT_EQ(snapshot.find_route("default", "production", "loopbac/x"), nullptr);
}

}  // namespace

}  // namespace weir
