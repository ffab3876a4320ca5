// Goal: what was committed is read back whole, what was not is not, and secrets are not in clear.
#include "control/store/store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "crash_writes.h"
#include "make_objects.h"

namespace weir {

namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() : sealer_(std::make_shared<const Sealer>(Sealer::random())) {
    file_ = testing::TempDir() + "/weir-store-" + std::to_string(getpid()) + ".db";
    remove_files();
    open();
  }
  ~StoreTest() override { remove_files(); }
  void remove_files() {
    for (const char* end : {"", "-wal", "-shm"}) unlink((file_ + end).c_str());
  }
  void open() {
    store_.reset();
    auto opened = Store::open(file_, sealer_, &options_);
    ASSERT_TRUE(opened) << opened.error();
    store_ = std::move(*opened);
  }
  template <typename T>
  std::string made(T object) {
    const auto created = store_->catalog().create(std::move(object), 100);
    EXPECT_TRUE(created) << created.error().message;
    return created ? (*created)->uuid : "";
  }

  ConfigOptions options_ = test::fake_options();
  std::shared_ptr<const Sealer> sealer_;
  std::string file_;
  std::unique_ptr<Store> store_;
};

TenantObject tenant_object(const char* name) {
  TenantObject tenant;
  tenant.tenant = name;
  tenant.secrets_manager = "https://s.example";
  return tenant;
}

ProviderConfig settings_of_all_kinds() {
  ProviderConfig settings;
  settings.headers = {{"x-tenant", Secret("quote \" and \xC3\xA9")}};
  settings.options = {{"deployments.gpt-4o", "d1"}};
  settings.timeouts = {1, 2, 3, 4};
  settings.ca_pem = "-----BEGIN CERTIFICATE-----\n";
  settings.proxy = {"proxy", 3128, Secret("Basic eHk=")};
  settings.max_connections = 7;
  settings.max_waiting = 9;
  settings.mask_auth_errors = false;
  settings.strict_params = true;
  settings.name = "a b";
  settings.type = "openai";
  return settings;
}

TEST_F(StoreTest, ProvidersAndModelsComeBackWhole) {
  made(tenant_object("default"));
  ProviderObject provider = test::provider_object("");
  const ProviderConfig settings = provider.config = settings_of_all_kinds();
  const std::string a = made(provider);
  ModelObject model = test::model_object(a, "m/1", "chat");
  model.config.environment = kSandbox;
  model.config.weight = 3;
  model.config.priority = 0;
  model.config.metadata = {{"cost", "0.5"}};
  model.metadata_json = R"({"cost":0.5,"nested":{"a":[1,null]}})";
  const std::string m = made(model);
  ASSERT_TRUE(store_->commit());
  open();
  const Catalog& read = store_->catalog();
  EXPECT_EQ(read.tenant("default")->secrets_manager, "https://s.example");
  const ProviderObject& provider_read = *read.by_uuid<ProviderObject>(a);
  const ProviderConfig& config = provider_read.config;
  EXPECT_EQ(config.name, "a b");
  EXPECT_EQ(config.type, "openai");
  EXPECT_EQ(provider_read.data.size(), 2u);
  EXPECT_EQ(provider_read.data[0].second.reveal(), "sk-planted");
  EXPECT_EQ(config.headers.at(0).second.reveal(), "quote \" and \xC3\xA9");
  EXPECT_EQ(config.options, settings.options);
  EXPECT_EQ(config.timeouts.total_ms, 4u);
  EXPECT_EQ(config.ca_pem, settings.ca_pem);
  EXPECT_EQ(config.proxy.port, 3128);
  EXPECT_EQ(config.proxy.authorization.reveal(), "Basic eHk=");
  EXPECT_EQ(config.max_connections, 7u);
  EXPECT_EQ(config.max_waiting, 9u);
  EXPECT_FALSE(config.mask_auth_errors);
  EXPECT_TRUE(config.strict_params);
  const ModelObject& model_read = *read.by_uuid<ModelObject>(m);
  EXPECT_EQ(model_read.metadata_json, model.metadata_json);
  EXPECT_EQ(model_read.config.metadata, model.config.metadata);
  EXPECT_EQ(model_read.config.provider, "a b");
  EXPECT_EQ(model_read.config.environment, kSandbox);
  EXPECT_EQ(model_read.config.weight, 3u);
  EXPECT_EQ(model_read.config.priority, 0u);
  EXPECT_EQ(model_read.created_unix_s, 100);
}

TEST_F(StoreTest, TheOthersComeBackWhole) {
  made(tenant_object("default"));
  const std::string a = made(test::provider_object("a"));
  const std::string m = made(test::model_object(a, "m/1", "chat"));
  BalancerObject balancer = test::balancer_object("chat", {{m, 5, {}}});
  balancer.config.algorithm = Algorithm::kPriority;
  balancer.config.suspend_ms = 0;
  balancer.config.max_attempts = 2;
  const std::string b = made(balancer);
  LimitObject limit = test::limit_object(LimitScope::kModel, m);
  limit.config.token = BucketConfig{1, 2, 3};
  const std::string l = made(limit);
  const std::string p = made(test::policy_object("model:" + m, "group:g"));
  KeyObject key = test::key_object("k", 'a');
  key.config.role = Role::kAdmin;
  key.config.groups = {"g", "h,i"};
  key.config.models = {"chat"};
  key.config.expires_unix_s = 12'345;
  key.prefix = "wk_1";
  const std::string k = made(key);
  ASSERT_TRUE(store_->commit());
  open();
  const Catalog& read = store_->catalog();
  const BalancerObject& balancer_read = *read.by_uuid<BalancerObject>(b);
  EXPECT_EQ(balancer_read.backends.at(0).weight, 5u);
  EXPECT_FALSE(balancer_read.backends.at(0).priority);
  EXPECT_EQ(balancer_read.config.algorithm, Algorithm::kPriority);
  EXPECT_EQ(balancer_read.config.suspend_ms, 0u);
  const LimitObject& limit_read = *read.by_uuid<LimitObject>(l);
  EXPECT_EQ(limit_read.target, a + "/m/1");
  EXPECT_EQ(limit_read.config.token->duration_ns, 3);
  EXPECT_EQ(read.by_uuid<PolicyObject>(p)->config.subject, "group:g");
  const KeyObject& key_read = *read.by_uuid<KeyObject>(k);
  EXPECT_EQ(key_read.config.groups, key.config.groups);
  EXPECT_EQ(key_read.config.role, Role::kAdmin);
  EXPECT_EQ(key_read.config.expires_unix_s, 12'345);
  EXPECT_EQ(key_read.prefix, "wk_1");
  EXPECT_EQ(read.key_by_digest(std::string(64, 'a')), &key_read);
}

TEST_F(StoreTest, OnlyWhatWasCommittedIsThere) {
  made(tenant_object("default"));
  const std::string a = made(test::provider_object("a"));
  ASSERT_TRUE(store_->commit());
  made(test::provider_object("b"));
  store_->rollback();
  EXPECT_EQ(store_->catalog().provider("default", "b"), nullptr);
  made(test::provider_object("c"));
  open();  // as if it had been killed
  EXPECT_EQ(store_->catalog().provider("default", "c"), nullptr);
  ASSERT_NE(store_->catalog().provider("default", "a"), nullptr);
  ASSERT_TRUE(store_->catalog().remove<ProviderObject>("default", a));
  ASSERT_TRUE(store_->commit());
  open();
  EXPECT_EQ(store_->catalog().provider("default", "a"), nullptr);
  // The order of creation goes on.
  made(test::provider_object("d"));
  ASSERT_TRUE(store_->commit());
}

TEST_F(StoreTest, CredentialsAreSealed) {
  made(tenant_object("default"));
  made(test::provider_object("a", "sk-very-secret"));
  ASSERT_TRUE(store_->commit());
  for (const char* end : {"", "-wal"}) {
    std::ifstream in(file_ + end);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(bytes.find("sk-very-secret"), std::string::npos);
  }
  sealer_ = std::make_shared<const Sealer>(Sealer::random());
  store_.reset();
  const auto opened = Store::open(file_, sealer_, &options_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().find("sk-"), std::string::npos);
}

TEST_F(StoreTest, ANewSealingKeyTakesOver) {
  const std::string old_key(64, '1'), new_key(64, '2');
  const auto use = [&](const std::string& key, const std::string& previous) {
    auto sealer = Sealer::from_text(key);
    if (!previous.empty()) sealer->accept_previous(*Sealer::from_text(previous));
    sealer_ = std::make_shared<const Sealer>(std::move(*sealer));
    open();
  };
  use(old_key, "");
  made(tenant_object("default"));
  made(test::provider_object("a", "sk-very-secret"));
  ASSERT_TRUE(store_->commit());
  use(new_key, old_key);
  use(new_key, "");
  const ProviderObject* provider = store_->catalog().provider("default", "a");
  ASSERT_NE(provider, nullptr);
  EXPECT_EQ(provider->data.front().second.reveal(), "sk-very-secret");
}

TEST_F(StoreTest, AFullDiskChangesNothing) {
  made(tenant_object("default"));
  ASSERT_TRUE(store_->commit());
  // Another writer that does not let go stands for a disk that refuses.
  auto other = Sqlite::open(file_);
  ASSERT_TRUE(other);
  SqliteTransaction lock(&*other);
  ASSERT_TRUE(lock.begin());
  made(test::provider_object("a"));
  const auto committed = store_->commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, CatalogErrc::kStorage);
  store_->rollback();
  EXPECT_EQ(store_->catalog().provider("default", "a"), nullptr);
}

TEST(StoreCrash, WhatWasAcknowledgedSurvivesAKill) {
  test::CrashWrites writes(testing::TempDir() + "/weir-crash-" + std::to_string(getpid()) + ".db",
                           20'261'127);
  for (int round = 0; round < 6; ++round) {
    ASSERT_NO_FATAL_FAILURE(writes.round(40)) << "round " << round;
  }
  EXPECT_GT(writes.written(), 20);
}

}  // namespace

}  // namespace weir
