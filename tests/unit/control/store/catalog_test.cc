// Goal: the rules between objects, and that what was refused or taken back leaves nothing.
#include "control/store/catalog.h"

#include <gmock/gmock.h>

#include "control/config_load.h"
#include "control/object_ids.h"
#include "make_objects.h"

namespace weir {

namespace {

using test::key_object;
using test::limit_object;
using test::model_object;
using test::policy_object;
using test::provider_object;
using testing::HasSubstr;

constexpr char kFile[] = R"(
providers: [{name: f, type: openai, data: {base_url: "http://f/v1"}}]
models: [{provider: f, id: m, alias: chat, metadata: {cost: 0.5, family: "1.2.3"}}]
load_balancers: [{alias: chat}]
rate_limits: [{type: provider, provider: f, request: {amount: 1, capacity: 1, duration: 1s}}]
keys: [{name: app, key: app-key, tenant: other}]
)";

class CatalogTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(file(kFile)); }

  std::expected<void, std::string> file(std::string_view text) {
    LoadedConfig loaded = config_load_text(text, "w.yaml", "", options_);
    if (!loaded.usable()) return std::unexpected(loaded.first_error());
    object_ids_fill(&loaded.config);
    return catalog_.set_file(loaded.config, 50);
  }
  template <typename T>
  std::string made(T object) {
    const auto created = catalog_.create(std::move(object), 100);
    EXPECT_TRUE(created) << created.error().message;
    return created ? (*created)->uuid : "";
  }
  template <typename T>
  CatalogError refused(T object) {
    const auto created = catalog_.create(std::move(object), 100);
    EXPECT_FALSE(created);
    return created ? CatalogError{} : created.error();
  }
  template <typename T>
  size_t count() {
    return catalog_.table<T>().size();
  }

  ConfigOptions options_ = test::fake_options();
  Catalog catalog_{&options_};
};

TEST_F(CatalogTest, ShowsTheFile) {
  const ProviderObject* provider = catalog_.provider("default", "f");
  ASSERT_NE(provider, nullptr);
  EXPECT_TRUE(provider->from_file);
  EXPECT_EQ(provider->data.front().second.reveal(), "http://f/v1");
  const ModelObject* model = catalog_.model("default", "chat");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model, catalog_.model("default", "f/m"));
  EXPECT_EQ(model, catalog_.model("default", "m"));
  EXPECT_EQ(model->metadata_json, R"({"cost":0.5,"family":"1.2.3"})");
  EXPECT_EQ(model->created_unix_s, 50);
  EXPECT_NE(catalog_.tenant("other"), nullptr);
  EXPECT_NE(catalog_.tenant("default"), nullptr);
  EXPECT_EQ(catalog_.list<LimitObject>("default").at(0)->subject_uuid, provider->uuid);
}

TEST_F(CatalogTest, WhatTheFileHasIsReadOnly) {
  ProviderObject provider = *catalog_.provider("default", "f");
  const auto updated = catalog_.update(provider, 100);
  ASSERT_FALSE(updated);
  EXPECT_EQ(updated.error().code, CatalogErrc::kManagedByFile);
  const auto removed = catalog_.remove<ProviderObject>("default", provider.uuid);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, CatalogErrc::kManagedByFile);
  EXPECT_EQ(refused(provider_object("f")).code, CatalogErrc::kConflict);
  EXPECT_EQ(refused(test::balancer_object("chat", {})).code, CatalogErrc::kConflict);
  EXPECT_EQ(refused(limit_object(LimitScope::kProvider, provider.uuid)).code,
            CatalogErrc::kConflict);
}

TEST_F(CatalogTest, TheFileMayNotTakeANameOfTheApi) {
  const std::string uuid = made(provider_object("mine"));
  const auto clash = file("providers: [{name: mine, type: loopback}]");
  ASSERT_FALSE(clash);
  EXPECT_THAT(clash.error(), HasSubstr("providers[0]: clashes with the provider " + uuid));
  // All as before.
  EXPECT_NE(catalog_.model("default", "chat"), nullptr);
  EXPECT_FALSE(catalog_.provider("default", "mine")->from_file);
}

TEST_F(CatalogTest, WhoseParentLeftTheFileIsOrphaned) {
  const std::string parent = catalog_.provider("default", "f")->uuid;
  const std::string model = made(model_object(parent, "x", "chat"));
  EXPECT_FALSE(catalog_.orphaned(*catalog_.by_uuid<ModelObject>(model)));
  ASSERT_TRUE(file("providers: [{name: g, type: loopback}]"));
  EXPECT_TRUE(catalog_.orphaned(*catalog_.by_uuid<ModelObject>(model)));
  ASSERT_TRUE(file(kFile));
  EXPECT_FALSE(catalog_.orphaned(*catalog_.by_uuid<ModelObject>(model)));
  EXPECT_EQ(catalog_.provider("default", "f")->created_unix_s, 50);
}

TEST_F(CatalogTest, NamesAreUniqueWhereTheyMustBe) {
  const std::string a = made(provider_object("a"));
  EXPECT_EQ(refused(provider_object("a")).code, CatalogErrc::kConflict);
  ProviderObject elsewhere = provider_object("a");
  elsewhere.tenant = "other";
  made(elsewhere);
  made(model_object(a, "m", "x"));
  made(model_object(a, "m", "y"));
  made(model_object(a, "m"));
  EXPECT_EQ(refused(model_object(a, "m", "x")).code, CatalogErrc::kConflict);
  made(limit_object(LimitScope::kModel, catalog_.model("default", "x")->uuid));
  // The limit is the target's, whichever of its models names it.
  const std::string y = catalog_.model("default", "y")->uuid;
  EXPECT_EQ(refused(limit_object(LimitScope::kModel, y)).code, CatalogErrc::kConflict);
  made(key_object("k", '1'));
  EXPECT_EQ(refused(key_object("k", '2')).code, CatalogErrc::kConflict);
  EXPECT_EQ(refused(key_object("l", '1')).code, CatalogErrc::kConflict);
  made(policy_object("model:" + y));
  EXPECT_EQ(refused(policy_object("model:" + y)).code, CatalogErrc::kConflict);
}

TEST_F(CatalogTest, ErrorsNameTheField) {
  ProviderObject provider = provider_object("a");
  provider.config.type = "nowhere";
  EXPECT_EQ(refused(provider).param, "type");
  provider = provider_object("a");
  provider.data = {{"apikey", Secret("k")}, {"base_url", Secret("http://169.254.169.254/")}};
  EXPECT_EQ(refused(provider).param, "data.base_url");
  provider = provider_object("a/b");
  EXPECT_EQ(refused(provider).param, "name");
  EXPECT_EQ(refused(model_object("none", "m")).param, "provider_uuid");
  const std::string a = made(provider_object("a"));
  ModelObject model = model_object(a, "m");
  model.config.metadata = {{"cost", "dear"}};
  EXPECT_EQ(refused(model).param, "metadata.cost");
  EXPECT_EQ(refused(model_object(a, "m", std::string(300, 'x'))).param, "alias");
  EXPECT_EQ(refused(limit_object(LimitScope::kKey, "none")).param, "key_uuid");
  EXPECT_EQ(refused(limit_object(LimitScope::kTenant, "", 0)).param, "request");
  EXPECT_EQ(refused(test::balancer_object("nobody", {})).param, "alias");
  EXPECT_EQ(refused(test::balancer_object("a", {{"none", {}, {}}})).param,
            "backends[0].model_uuid");
  ProviderObject nowhere = provider_object("b");
  nowhere.tenant = "nowhere";
  EXPECT_EQ(refused(nowhere).code, CatalogErrc::kNotFound);
}

TEST_F(CatalogTest, AProviderGoesWithAllThatIsItsOwn) {
  const std::string a = made(provider_object("a")), b = made(provider_object("b"));
  const std::string m = made(model_object(a, "m", "x")), n = made(model_object(b, "n", "x"));
  const std::string both = made(test::balancer_object("x", {{m, 3, {}}, {n, {}, {}}}));
  const std::string one = made(test::balancer_object("only", {{m, {}, {}}}));
  made(limit_object(LimitScope::kProvider, a));
  made(limit_object(LimitScope::kModel, m));
  made(policy_object("provider:" + a));
  made(policy_object("model:" + m));
  made(policy_object(m, "group:g"));
  made(policy_object("load_balancer:" + one));
  made(policy_object("model:" + n));
  const size_t limits = count<LimitObject>();
  ASSERT_TRUE(catalog_.remove<ProviderObject>("default", a));
  EXPECT_EQ(catalog_.by_uuid<ModelObject>(m), nullptr);
  EXPECT_NE(catalog_.by_uuid<ModelObject>(n), nullptr);
  EXPECT_EQ(count<LimitObject>(), limits - 2);
  EXPECT_EQ(count<PolicyObject>(), 1u);
  EXPECT_EQ(catalog_.by_uuid<BalancerObject>(one), nullptr);
  ASSERT_NE(catalog_.by_uuid<BalancerObject>(both), nullptr);
  EXPECT_EQ(catalog_.by_uuid<BalancerObject>(both)->backends.size(), 1u);
}

TEST_F(CatalogTest, ATenantGoesWithAllOfIt) {
  TenantObject tenant;
  tenant.tenant = "t";
  const auto created = catalog_.create(tenant, 100);
  ASSERT_TRUE(created);
  const std::string uuid = (*created)->uuid;
  EXPECT_EQ(uuid, tenant_uuid("t"));
  ProviderObject provider = provider_object("a");
  provider.tenant = "t";
  ModelObject model = model_object(made(provider), "m");
  model.tenant = "t";
  made(model);
  KeyObject key = key_object("k", '1');
  key.tenant = "t";
  made(key);
  const size_t keys = count<KeyObject>();
  ASSERT_TRUE(catalog_.remove<TenantObject>("t", uuid));
  EXPECT_EQ(catalog_.tenant("t"), nullptr);
  EXPECT_EQ(count<KeyObject>(), keys - 1);
  EXPECT_EQ(catalog_.list<ModelObject>("t").size(), 0u);
  const auto refused_default = catalog_.remove<TenantObject>("default", tenant_uuid("default"));
  ASSERT_FALSE(refused_default);
  EXPECT_EQ(refused_default.error().code, CatalogErrc::kConflict);
  const auto refused_file = catalog_.remove<TenantObject>("other", tenant_uuid("other"));
  ASSERT_FALSE(refused_file);
  EXPECT_EQ(refused_file.error().code, CatalogErrc::kManagedByFile);
}

TEST_F(CatalogTest, ARenamedProviderIsFoundInItsModels) {
  const std::string a = made(provider_object("a"));
  const std::string m = made(model_object(a, "m"));
  ProviderObject renamed = *catalog_.by_uuid<ProviderObject>(a);
  renamed.config.name = "z";
  const auto updated = catalog_.update(renamed, 200);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_EQ((*updated)->created_unix_s, 100);
  EXPECT_EQ((*updated)->updated_unix_s, 200);
  ASSERT_NE(catalog_.model("default", "z/m"), nullptr);
  EXPECT_EQ(catalog_.model("default", "z/m")->uuid, m);
  EXPECT_EQ(catalog_.model("default", "a/m"), nullptr);
}

TEST_F(CatalogTest, UndoRestoresAll) {
  const std::string a = made(provider_object("a"));
  const std::string m = made(model_object(a, "m", "x"));
  made(limit_object(LimitScope::kModel, m));
  const size_t limits = count<LimitObject>();
  catalog_.accept();
  EXPECT_TRUE(catalog_.touched().empty());
  const size_t mark = catalog_.mark();
  ASSERT_TRUE(catalog_.remove<ProviderObject>("default", a));
  const std::string again = made(provider_object("a"));
  EXPECT_EQ(catalog_.touched().size(), 4u);
  catalog_.undo_to(mark);
  EXPECT_TRUE(catalog_.touched().empty());
  EXPECT_EQ(catalog_.by_uuid<ProviderObject>(again), nullptr);
  ASSERT_NE(catalog_.model("default", "x"), nullptr);
  EXPECT_EQ(catalog_.model("default", "x")->uuid, m);
  EXPECT_EQ(count<LimitObject>(), limits);
  EXPECT_EQ(refused(provider_object("a")).code, CatalogErrc::kConflict);
}

TEST_F(CatalogTest, ListsAreOfOneTenantAndNewestFirst) {
  made(provider_object("a"));
  made(provider_object("b"));
  const auto list = catalog_.list<ProviderObject>("default");
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0]->config.name, "b");
  EXPECT_EQ(list[2]->config.name, "f");
  EXPECT_TRUE(catalog_.list<ProviderObject>("other").empty());
  EXPECT_EQ(catalog_.find<ProviderObject>("other", list[0]->uuid), nullptr);
}

}  // namespace

}  // namespace weir
