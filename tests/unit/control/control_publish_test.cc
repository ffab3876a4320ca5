// Goal: file and API make one routing, changes are all or nothing, and neither memory nor metrics
// remember more than they should. The test plays the workers.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "control/control_plane.h"
#include "fake_worker.h"
#include "store/make_objects.h"

namespace weir {

namespace {

using testing::HasSubstr;

constexpr char kConfig[] = R"(
providers: [{name: f, type: openai, data: {base_url: "http://h/v1", apikey: sk-planted}}]
models: [{provider: f, id: m, alias: chat}]
keys: [{name: app, key: app-key, models: [chat]}]
log: {access: "off"}
)";

class ControlPublishTest : public testing::Test {
 protected:
  void SetUp() override {
    base_ = testing::TempDir() + "/weir-publish-" + std::to_string(getpid());
    remove_files();
    write(kConfig);
    start();
  }
  void TearDown() override {
    plane_.reset();
    remove_files();
  }
  void remove_files() {
    for (const char* end : {".yaml", ".db", ".db-wal", ".db-shm"}) unlink((base_ + end).c_str());
  }
  void write(std::string_view text) { std::ofstream(base_ + ".yaml") << text; }
  void start() {
    plane_.reset();
    worker_ = std::make_unique<test::FakeWorker>();
    ControlOptions options;
    options.config = test::fake_options();
    options.config_file = base_ + ".yaml";
    options.database = base_ + ".db";
    options.sealer = sealer_;
    options.default_prepare = test::fake_prepare;
    auto made = ControlPlane::create(options, config_load(base_ + ".yaml", options.config));
    ASSERT_TRUE(made) << made.error();
    plane_ = std::move(*made);
    WorkerLink* links[] = {&worker_->link};
    plane_->attach(links);
    turns();
  }
  void turns(int count = 3) {
    for (int i = 0; i < count; ++i) {
      worker_->turn(plane_->link());
      plane_->tick(now_ += 10);
    }
  }
  const Route* route(const char* name) {
    return worker_->current->snapshot->find_route("default", "production", name);
  }
  std::string provider_make(std::string name, std::string key = "k") {
    const auto made = plane_->catalog().create(test::provider_object(std::move(name), key), 9);
    EXPECT_TRUE(made) << made.error().message;
    return made ? (*made)->uuid : "";
  }
  std::string model_make(const std::string& provider, std::string id, std::string alias) {
    const auto made = plane_->catalog().create(
        test::model_object(provider, std::move(id), std::move(alias)), 9);
    EXPECT_TRUE(made) << made.error().message;
    return made ? (*made)->uuid : "";
  }
  void apply() {
    const auto applied = plane_->changes_apply();
    ASSERT_TRUE(applied) << applied.error().message;
    turns();
  }
  std::string page() {
    worker_->call(plane_->link(), "GET", "/metrics");
    turns(4);
    EXPECT_FALSE(worker_->answered.empty());
    return worker_->answered.empty() ? "" : worker_->answered.back()->reply;
  }

  std::shared_ptr<const Sealer> sealer_ = std::make_shared<const Sealer>(Sealer::random());
  std::string base_;
  std::unique_ptr<ControlPlane> plane_;
  std::unique_ptr<test::FakeWorker> worker_;
  Millis now_ = 1'000;
};

TEST_F(ControlPublishTest, FileAndApiMakeOneRouting) {
  const std::string p = provider_make("p");
  model_make(p, "x", "chat");
  model_make(p, "y", "own");
  apply();
  ASSERT_NE(route("own"), nullptr);
  EXPECT_EQ(route("chat")->targets.size(), 2u);
  EXPECT_EQ(route("p/y")->targets[0].provider->credential, "k");
  // The file says something else; what the API made stays, also over a restart.
  write(std::string(kConfig) + "load_balancers: [{alias: chat, suspend_duration: 1s}]\n");
  plane_->request_reload();
  turns();
  EXPECT_EQ(route("chat")->suspend_ms, 1'000u);
  EXPECT_EQ(route("chat")->targets.size(), 2u);
  start();
  EXPECT_EQ(route("chat")->targets.size(), 2u);
  EXPECT_NE(route("own"), nullptr);
}

TEST_F(ControlPublishTest, CountsWritesAndTheirBatches) {
  const auto make = [this](const std::string& name) {
    worker_->call(plane_->link(), "POST", "/v1/keys", true, "{\"name\":\"" + name + "\"}");
  };
  for (const char* name : {"a", "b", "b", "c"}) make(name);  // one of them is refused
  turns();
  make("d");
  turns();
  const std::string text = page();
  EXPECT_THAT(text, testing::HasSubstr("\nweir_management_batch_size_sum 4\n"));
  EXPECT_THAT(text, testing::HasSubstr("\nweir_management_batch_size_count 2\n"));
}

TEST_F(ControlPublishTest, AFileThatTakesANameOfTheApiIsRefused) {
  model_make(provider_make("p"), "x", "own");
  apply();
  const uint64_t epoch = worker_->current->snapshot->epoch();
  write("providers: [{name: p, type: loopback}]\nlog: {access: \"off\"}\n");
  plane_->request_reload();
  turns();
  EXPECT_EQ(worker_->current->snapshot->epoch(), epoch);
  EXPECT_NE(route("own"), nullptr);
  EXPECT_NE(route("chat"), nullptr);
}

TEST_F(ControlPublishTest, WhoseParentLeavesTheFileRestsUntilItIsBack) {
  const std::string f = plane_->catalog().provider("default", "f")->uuid;
  const std::string model = model_make(f, "x", "own");
  apply();
  EXPECT_NE(route("own"), nullptr);
  write("log: {access: \"off\"}\n");
  plane_->request_reload();
  turns();
  EXPECT_EQ(route("own"), nullptr);
  EXPECT_TRUE(plane_->catalog().orphaned(*plane_->catalog().by_uuid<ModelObject>(model)));
  write(kConfig);
  plane_->request_reload();
  turns();
  EXPECT_NE(route("own"), nullptr);
}

TEST_F(ControlPublishTest, WhatCannotBeRoutedLeavesNothing) {
  model_make(provider_make("bad", "refused"), "x", "own");
  const auto applied = plane_->changes_apply();
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, CatalogErrc::kInvalid);
  EXPECT_THAT(applied.error().message, HasSubstr("the key is refused"));
  EXPECT_EQ(plane_->catalog().provider("default", "bad"), nullptr);
  model_make(provider_make("good"), "x", "own");
  apply();
  EXPECT_EQ(route("own")->targets.size(), 1u);
  start();
  EXPECT_EQ(plane_->catalog().provider("default", "bad"), nullptr);
  EXPECT_NE(route("own"), nullptr);
}

TEST_F(ControlPublishTest, WhatCannotBeWrittenLeavesNothing) {
  auto other = Sqlite::open(base_ + ".db");
  ASSERT_TRUE(other);
  {
    SqliteTransaction lock(&*other);
    ASSERT_TRUE(lock.begin());
    model_make(provider_make("p"), "x", "own");
    const auto applied = plane_->changes_apply();
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, CatalogErrc::kStorage);
  }
  turns();
  EXPECT_EQ(route("own"), nullptr);
  EXPECT_EQ(plane_->catalog().provider("default", "p"), nullptr);
  model_make(provider_make("p"), "x", "own");
  apply();
  EXPECT_NE(route("own"), nullptr);
}

TEST_F(ControlPublishTest, ThousandsOfModelsComeAndGoInTheSameMemory) {
  const std::string p = provider_make("p");
  apply();
  constexpr uint64_t kRounds = 300;
  for (uint64_t i = 0; i < kRounds; ++i) {
    const std::string name = "n" + std::to_string(i);
    const std::string uuid = model_make(p, name, "alias-" + name);
    apply();
    const Target& target = route(("alias-" + name).c_str())->targets[0];
    MetricsBlock& block = worker_->block;
    if (block.series.size() <= target.series) block.series.resize(target.series + 1);
    if (block.targets.size() <= target.slot) block.targets.resize(target.slot + 1);
    // Another's counts are never found in a slot.
    ASSERT_EQ(block.series[target.series].completed, 0u);
    ++block.series[target.series].completed;
    ++block.targets[target.slot].attempts_ok;
    ASSERT_TRUE(plane_->catalog().remove<ModelObject>("default", uuid));
    apply();
  }
  const Registry& registry = plane_->registry();
  EXPECT_LE(registry.routes().size(), 20u);
  EXPECT_LE(registry.targets().size(), 8u);
  EXPECT_LE(registry.series().size(), 20u);
  EXPECT_LE(plane_->publisher().publication_count(), 3u);
  EXPECT_LE(plane_->publisher().retired_count(), 12u);
  // What is gone is still counted.
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("weir_upstream_attempts_total{target=\"\",result=\"ok\"} "));
  uint64_t completed = 0;
  for (size_t at = 0; (at = text.find("outcome=\"completed\"} ", at)) != std::string::npos; ++at) {
    completed += std::strtoull(text.c_str() + at + 21, nullptr, 10);
  }
  EXPECT_EQ(completed, kRounds);
}

TEST_F(ControlPublishTest, ASlotOfARunningRequestIsNotGivenAway) {
  const std::string p = provider_make("p");
  const std::string uuid = model_make(p, "x", "own");
  apply();
  const uint32_t slot = route("own")->slot, pin = route("own")->pin;
  worker_->link.pins.pin(pin);
  ASSERT_TRUE(plane_->catalog().remove<ModelObject>("default", uuid));
  apply();
  for (int i = 0; i < 5; ++i) {
    model_make(p, "z" + std::to_string(i), "");
    apply();
  }
  EXPECT_EQ(plane_->registry().routes()[slot].name, "own");
  worker_->link.pins.unpin(pin);
  turns(4);
  model_make(p, "last", "");
  apply();
  EXPECT_NE(plane_->registry().routes()[slot].name, "own");
}

TEST_F(ControlPublishTest, CallsThatWaitAreOneBatchAndEachPaysForItself) {
  const auto ask = [this](const char* path, const char* body) {
    auto* call = new ManagementCall;
    call->worker = &worker_->link;
    call->method = "POST";
    call->path = path;
    call->body = body;
    call->content_type = "application/json";
    call->key_id = "key";
    call->tenant = "default";
    call->admin = true;
    plane_->link()->calls.push(call);
  };
  const uint64_t epoch = worker_->current->snapshot->epoch();
  ask("/v1/providers/openai", R"({"name":"a","data":{"apikey":"k","base_url":"http://h/v1"}})");
  ask("/v1/providers/openai", R"({"name":"a","data":{"apikey":"k","base_url":"http://h/v1"}})");
  ask("/v1/providers/openai", R"({"name":"b","data":{"apikey":"k","base_url":"http://h/v1"}})");
  plane_->tick(now_ += 10);
  worker_->turn(plane_->link());
  // Refused at once; the others when the worker has what they made.
  ASSERT_EQ(worker_->answered.size(), 1u);
  EXPECT_EQ(worker_->answered[0]->status, 409);
  EXPECT_EQ(worker_->current->snapshot->epoch(), epoch + 1);
  turns();
  ASSERT_EQ(worker_->answered.size(), 3u);
  EXPECT_EQ(worker_->answered[1]->status, 201);
  EXPECT_EQ(worker_->answered[2]->status, 201);
  EXPECT_NE(plane_->catalog().provider("default", "b"), nullptr);
}

TEST_F(ControlPublishTest, AWriteThatAWorkerDoesNotTakeIsKeptAndSaysSo) {
  auto* call = new ManagementCall;
  call->worker = &worker_->link;
  call->method = "POST";
  call->path = "/v1/providers/openai";
  call->body = R"({"name":"a","data":{"apikey":"k","base_url":"http://h/v1"}})";
  call->content_type = "application/json";
  call->key_id = "key";
  call->tenant = "default";
  call->admin = true;
  plane_->link()->calls.push(call);
  plane_->tick(now_);
  plane_->tick(now_ + 1'999);
  EXPECT_EQ(worker_->link.answers.take_all(), nullptr);
  plane_->tick(now_ + 2'000);
  const std::unique_ptr<ManagementCall> answer(worker_->link.answers.take_all());
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->error_code, "not_applied_yet");
  start();
  EXPECT_NE(plane_->catalog().provider("default", "a"), nullptr);
}

}  // namespace

}  // namespace weir
