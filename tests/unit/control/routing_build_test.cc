// Goal: an update after any change gives the snapshot that building everything anew would give, and
// shares what did not change. Method: random batches of changes, each routed in both ways.
#include "control/routing_build.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>
#include <sstream>

#include "control/object_ids.h"
#include "control/store/catalog_source.h"
#include "control/store/merge.h"
#include "store/make_objects.h"

namespace weir {

namespace {

constexpr char kFile[] = R"(
providers: [{name: f, type: openai, data: {base_url: "http://f/v1"}}, {name: g, type: loopback}]
models:
  - {provider: f, id: m0, alias: a0, metadata: {cost: 2}}
  - {provider: g, id: m1, alias: a0}
  - {provider: g, id: a1}
load_balancers: [{alias: a0, algorithm: round_robin, backends: [{model: f/m0, weight: 2}]}]
rate_limits:
  - {type: provider, provider: f, request: {amount: 1, capacity: 5, duration: 1s}}
  - {type: model, model: a1, request: {amount: 1, capacity: 7, duration: 1s}}
keys: [{name: app, key: app-key, models: [a0, f/m0]}]
policies:
  - {action: read, resource: "model:a1", subject: "key:k1", effect: deny}
  - {action: read, resource: "model:a2", subject: "key:k2", effect: allow}
  - {action: read, resource: "provider:p0", subject: "key:k0", effect: deny}
  - {action: read, resource: "model:p1/m2", subject: "*", effect: deny}
  - {action: read, resource: "load_balancer:a3", subject: "key:k3", effect: allow}
  - {action: read, resource: "provider:g", subject: "key:app", effect: deny}
)";

void limits_put(std::ostream& out, const LimitSet& limits, const Registry& registry) {
  for (size_t i = 0; i < limits.size(); ++i) {
    const LimitEntry entry = limits[i];
    out << " " << registry.limits().id_of(entry.bucket) << static_cast<int>(entry.unit);
  }
}

// What of a snapshot must not depend on how it was made.
std::string text_of(const Snapshot& snapshot, const Registry& registry, size_t* narrowed) {
  std::map<std::string, std::string> lines;
  for (const auto& route : snapshot.routes()) {
    std::ostringstream out;
    out << route->is_alias << static_cast<int>(route->algorithm) << " " << route->suspend_ms << " "
        << route->layout << " " << route->slot;
    limits_put(out, route->limits, registry);
    for (const Target& target : route->targets) {
      const auto& price = registry.series()[target.series].price;
      out << "\n  " << target.id << " " << target.uuid << " " << target.weight << " "
          << target.priority << " " << target.slot << " " << target.provider->credential << " "
          << (price ? price->input : -1);
      limits_put(out, target.limits, registry);
    }
    lines[route->tenant + "/" + route->environment + "/" + route->name] = out.str();
  }
  for (const auto& key : snapshot.principals()) {
    std::ostringstream out;
    out << key->name << static_cast<int>(key->role) << key->all_models;
    for (const uint32_t slot : key->allowed_routes) out << " " << registry.routes()[slot].name;
    limits_put(out, key->limits, registry);
    std::map<uint32_t, std::string> narrow;
    for (const auto& route : snapshot.routes()) {
      const Permit permit = permit_of(*key, *route);
      if (permit.allowed && permit.excluded == nullptr) continue;
      if (route->environment != key->environment) continue;
      *narrowed += key->all_models ? 1 : 0;
      narrow[route->slot] = permit.allowed ? permit.excluded->to_string() : "never";
    }
    for (const auto& [slot, how] : narrow) out << "\n  " << slot << " " << how;
    lines["key " + key->id] = out.str();
  }
  std::string all;
  for (const auto& [name, line] : lines) all += name + ": " + line + "\n";
  return all;
}

class RoutingTest : public testing::Test {
 protected:
  void SetUp() override {
    LoadedConfig loaded = config_load_text(kFile, "w.yaml", "", options_);
    ASSERT_TRUE(loaded.usable()) << loaded.first_error();
    file_ = std::move(loaded.config);
    object_ids_fill(&file_);
    ASSERT_TRUE(catalog_.set_file(file_, 1));
    catalog_.accept();
    std::vector<std::string> left_out;
    Merged merged(file_, catalog_, options_, &left_out);
    auto built = routing_build(input(1), merged.objects(), &registry_, &state_);
    ASSERT_TRUE(built) << built.error();
    source_.reset(merged.providers());
    publication_ = std::move(*built);
  }
  RoutingInput input(uint64_t epoch) const {
    return {.config = file_,
            .adapters = test::kAdapters,
            .default_prepare = test::fake_prepare,
            .admin_key = {},
            .epoch = epoch};
  }
  // Routes what the batch changed; the whole must come out alike.
  void update() {
    const RoutingChanges changes = source_.refresh(false);
    auto updated = routing_update(input(++epoch_), source_, source_.who(), changes,
                                  *publication_, &registry_, &state_);
    ASSERT_TRUE(updated) << updated.error();
    catalog_.accept();
    std::vector<std::string> left_out;
    const Merged merged(file_, catalog_, options_, &left_out);
    const auto whole = routing_build(input(epoch_), merged.objects(), &registry_);
    ASSERT_TRUE(whole) << whole.error();
    ASSERT_EQ(text_of(*(*updated)->snapshot, registry_, &narrowed_),
              text_of(*(*whole)->snapshot, registry_, &narrowed_));
    for (const auto& route : (*updated)->snapshot->routes()) {
      ASSERT_EQ((*updated)->snapshot->find_route(route->tenant, route->environment, route->name),
                route.get());
    }
    publication_ = std::move(*updated);
  }
  [[nodiscard]] const Route* route(const std::string& name) const {
    return publication_->snapshot->find_route("default", "production", name);
  }
  template <typename T>
  std::string pick() {
    const auto all = catalog_.list<T>("default");
    return all.empty() ? "none" : all[draw(all.size())]->uuid;
  }
  uint32_t draw(size_t below) { return static_cast<uint32_t>(random_() % below); }
  std::string name(char letter) { return letter + std::to_string(draw(4)); }
  void change();
  void provider_change();
  void model_change();
  void policy_change();
  void other_change(uint32_t what);

  ConfigOptions options_ = test::fake_options();
  Registry registry_;
  Catalog catalog_{&options_};
  CatalogSource source_{&catalog_, &options_};
  Config file_;
  RoutingState state_;
  std::unique_ptr<Publication> publication_;
  uint64_t epoch_ = 1;
  size_t narrowed_ = 0;  // how often a policy narrowed a key
  std::mt19937 random_{20'261'127};
};

// Of the changes below most are good; those that are refused change nothing.
void RoutingTest::provider_change() {
  const auto* found = catalog_.by_uuid<ProviderObject>(pick<ProviderObject>());
  if (draw(4) == 0) {
    (void)catalog_.remove<ProviderObject>("default", pick<ProviderObject>());
    return;
  }
  if (found == nullptr || draw(3) == 0) {
    (void)catalog_.create(test::provider_object(name('p')), 5);
    return;
  }
  ProviderObject provider = *found;
  provider.config.name = name('p');
  provider.data = {{"apikey", Secret("k" + std::to_string(draw(3)))},
                   {"base_url", Secret("http://h/v1")}};
  (void)catalog_.update(provider, 6);
}

void RoutingTest::model_change() {
  const auto* found = catalog_.by_uuid<ModelObject>(pick<ModelObject>());
  if (draw(4) == 0) {
    (void)catalog_.remove<ModelObject>("default", pick<ModelObject>());
    return;
  }
  if (found != nullptr && draw(4) == 0) {
    ModelObject model = *found;
    model.config.alias = name('a');
    model.config.weight = draw(9) + 1;
    (void)catalog_.update(model, 7);
    return;
  }
  ModelObject model = test::model_object(pick<ProviderObject>(), name('m'),
                                         draw(3) == 0 ? "" : name('a'));
  if (draw(4) == 0) model.config.id = name('a');
  if (draw(2) == 0) model.config.metadata = {{"cost", std::to_string(draw(9) + 1)}};
  if (draw(4) == 0) model.config.environment = kSandbox;
  if (draw(3) == 0) model.config.weight = draw(5) + 1;
  (void)catalog_.create(model, 5);
}

void RoutingTest::policy_change() {
  if (draw(2) == 0) {
    (void)catalog_.remove<PolicyObject>("default", pick<PolicyObject>());
    return;
  }
  const std::string resources[] = {"*",           "model:*",        "model:" + name('a'),
                                   "provider:f",  "provider:*",     "provider:" + name('p'),
                                   "model:f/m0",  "model:p1/m2",    pick<ModelObject>(),
                                   "load_balancer:" + name('a'),    "model:" + pick<ModelObject>()};
  const std::string subjects[] = {"*", "key:" + name('k'), "key:app"};
  PolicyObject policy;
  policy.config.action = draw(8) == 0 ? "write" : "read";
  policy.config.effect = draw(2) == 0 ? "deny" : "allow";
  policy.config.resource = resources[draw(std::size(resources))];
  policy.config.subject = subjects[draw(std::size(subjects))];
  (void)catalog_.create(policy, 5);
}

void RoutingTest::other_change(uint32_t what) {
  switch (what) {
    case 0: {
      std::vector<BackendObject> backends;
      for (uint32_t i = draw(3); i > 0; --i) backends.push_back({pick<ModelObject>(), i, {}});
      (void)catalog_.create(test::balancer_object(name('a'), backends), 5);
      return;
    }
    case 1:
      (void)catalog_.remove<BalancerObject>("default", pick<BalancerObject>());
      return;
    case 2: {
      const auto scope = static_cast<LimitScope>(draw(4));
      LimitObject limit = test::limit_object(scope, "");
      if (scope == LimitScope::kProvider) limit.subject_uuid = pick<ProviderObject>();
      if (scope == LimitScope::kKey) limit.subject_uuid = pick<KeyObject>();
      if (scope == LimitScope::kModel && draw(2) == 0) {
        limit.subject_uuid = pick<ModelObject>();
      } else if (scope == LimitScope::kModel) {
        limit.config.subject = name('a');
      }
      (void)catalog_.create(limit, 5);
      return;
    }
    case 3:
      (void)catalog_.remove<LimitObject>("default", pick<LimitObject>());
      return;
    case 4:
      (void)catalog_.remove<KeyObject>("default", pick<KeyObject>());
      return;
    case 5:
    case 6:
      return policy_change();
    default: {
      KeyObject key = test::key_object(name('k'), static_cast<char>('0' + draw(8)));
      if (draw(2) == 0) key.config.models = {name('a'), name('m')};
      (void)catalog_.create(key, 5);
    }
  }
}

void RoutingTest::change() {
  const uint32_t what = draw(14);
  if (what < 2) return provider_change();
  if (what < 6) return model_change();
  other_change(what - 6);
}

TEST_F(RoutingTest, UpdatesGiveWhatBuildingAnewGives) {
  SCOPED_TRACE("seed 20261127");
  size_t most = 0;
  for (int batch = 0; batch < 200; ++batch) {
    for (uint32_t i = draw(4) + 1; i > 0; --i) change();
    const size_t mark = catalog_.mark();
    change();
    if (draw(2) == 0) catalog_.undo_to(mark);
    ASSERT_NO_FATAL_FAILURE(update()) << "batch " << batch;
    most = std::max(most, publication_->snapshot->routes().size());
  }
  EXPECT_GT(most, 15u);
  EXPECT_GT(narrowed_, 500u);
}

TEST_F(RoutingTest, WhatDidNotChangeIsTheSameRecord) {
  const Route* a0 = route("a0");
  const Principal* app = publication_->snapshot->principals()[0].get();
  ASSERT_NE(app->access, nullptr);  // of policies about other names
  const auto created = catalog_.create(test::provider_object("p"), 5);
  ASSERT_TRUE(created);
  const std::string p = (*created)->uuid;
  ASSERT_TRUE(catalog_.create(test::model_object(p, "x", "new"), 5));
  update();
  ASSERT_NE(route("new"), nullptr);
  EXPECT_EQ(route("a0"), a0);
  EXPECT_EQ(publication_->snapshot->principals()[0].get(), app);
  EXPECT_TRUE(publication_->keeps_former);
  EXPECT_TRUE(publication_->dropped.empty());
  // The key may use that name: another record, with its slot.
  ASSERT_TRUE(catalog_.create(test::model_object(p, "y", "a0"), 5));
  update();
  EXPECT_NE(route("a0"), a0);
  EXPECT_NE(publication_->snapshot->principals()[0].get(), app);
  EXPECT_EQ(publication_->dropped.size(), 2u);
}

TEST_F(RoutingTest, WhatABalancerListsFollowsItsProvider) {
  const auto created = catalog_.create(test::provider_object("p", "k1"), 5);
  ASSERT_TRUE(created);
  ProviderObject provider = **created;
  const auto model = catalog_.create(test::model_object(provider.uuid, "x"), 5);
  ASSERT_TRUE(model);
  const std::vector<BackendObject> backends = {{(*model)->uuid, {}, {}}};
  ASSERT_TRUE(catalog_.create(test::balancer_object("fast", backends), 5));
  update();
  EXPECT_EQ(route("fast")->targets[0].provider->credential, "k1");
  provider.data[0].second = Secret("k2");
  ASSERT_TRUE(catalog_.update(provider, 6));
  update();
  EXPECT_EQ(route("fast")->targets[0].provider->credential, "k2");
  LimitObject limit = test::limit_object(LimitScope::kProvider, provider.uuid);
  ASSERT_TRUE(catalog_.create(limit, 7));
  update();
  EXPECT_EQ(route("fast")->targets[0].limits.size(), 1u);
}

// Goal: another name does not fill what was spent. Method: the buckets are the same objects, after
// an update and after building anew.
TEST_F(RoutingTest, BucketsSurviveAnotherName) {
  const auto created = catalog_.create(test::provider_object("p"), 5);
  ASSERT_TRUE(created);
  ProviderObject provider = **created;
  const auto made = catalog_.create(test::model_object(provider.uuid, "x", "new"), 5);
  ASSERT_TRUE(made);
  ModelObject model = **made;
  ASSERT_TRUE(catalog_.create(test::limit_object(LimitScope::kProvider, provider.uuid), 5));
  ASSERT_TRUE(catalog_.create(test::limit_object(LimitScope::kModel, model.uuid), 5));
  ASSERT_TRUE(catalog_.create(test::limit_object(LimitScope::kTenant, ""), 5));
  update();
  const auto buckets = [&](const std::string& name) {
    std::vector<const Bucket*> out;
    for (const Bucket* bucket : route(name)->targets[0].limits.buckets()) out.push_back(bucket);
    for (const auto& key : publication_->snapshot->principals()) {
      for (const Bucket* bucket : key->limits.buckets()) out.push_back(bucket);
    }
    return out;
  };
  const auto before = buckets("new");
  ASSERT_EQ(before.size(), 3u);
  provider.config.name = "q";
  ASSERT_TRUE(catalog_.update(provider, 6));
  TenantObject tenant = *catalog_.tenant("default");
  tenant.name = "Lakes";
  ASSERT_TRUE(catalog_.update(tenant, 6));
  update();
  EXPECT_EQ(route("new")->targets[0].id, "q/x");
  EXPECT_EQ(buckets("new"), before);
  // Who takes the name that is free now does not get them.
  const auto other = catalog_.create(test::provider_object("p"), 7);
  ASSERT_TRUE(other);
  ASSERT_TRUE(catalog_.create(test::limit_object(LimitScope::kProvider, (*other)->uuid), 7));
  ASSERT_TRUE(catalog_.create(test::model_object((*other)->uuid, "x", "newer"), 7));
  model = *catalog_.by_uuid<ModelObject>(model.uuid);
  model.config.alias = "renamed";
  ASSERT_TRUE(catalog_.update(model, 7));
  update();
  EXPECT_EQ(buckets("renamed"), before);
  EXPECT_NE(buckets("newer")[0], before[0]);
}

TEST_F(RoutingTest, APolicyMakesOnlyTheKeysAnewThatItConcerns) {
  const auto made = catalog_.create(test::key_object("k9", '9'), 5);
  ASSERT_TRUE(made);
  const std::string uuid = (*made)->uuid;
  update();
  const auto record = [&](const std::string& id) {
    return publication_->snapshot->find_key(id).principal;
  };
  const std::string app = file_.keys[0].uuid;
  const Route* a0 = route("a0");
  const Principal* app_before = record(app);
  const Principal* other_before = record(uuid);
  PolicyObject policy;
  policy.config.action = "read";
  policy.config.effect = "deny";
  policy.config.resource = "model:g/a1";
  policy.config.subject = "key:k9";
  const auto policed = catalog_.create(policy, 5);
  ASSERT_TRUE(policed);
  const std::string policy_uuid = (*policed)->uuid;
  update();
  EXPECT_EQ(route("a0"), a0);
  EXPECT_EQ(record(app), app_before);
  EXPECT_NE(record(uuid), other_before);
  EXPECT_FALSE(permit_of(*record(uuid), *route("a1")).allowed);
  EXPECT_EQ(publication_->dropped.size(), 1u);
  ASSERT_TRUE(catalog_.remove<PolicyObject>("default", policy_uuid));
  update();
  EXPECT_TRUE(permit_of(*record(uuid), *route("a1")).allowed);
  EXPECT_EQ(record(app), app_before);
}

TEST_F(RoutingTest, SlotsAreGivenOutAgainOnceEveryWorkerHasClearedThem) {
  const auto created = catalog_.create(test::provider_object("p"), 5);
  ASSERT_TRUE(created);
  const std::string p = (*created)->uuid;
  update();
  const size_t routes = registry_.routes().size(), targets = registry_.targets().size();
  const size_t series = registry_.series().size();
  for (int i = 0; i < 100; ++i) {
    const std::string id = "m" + std::to_string(i) + "-of-many", alias = "alias-" + id;
    const auto model = catalog_.create(test::model_object(p, id, alias), 5);
    ASSERT_TRUE(model);
    const std::string uuid = (*model)->uuid;
    update();
    const uint32_t slot = route(alias)->slot;
    ASSERT_TRUE(catalog_.remove<ModelObject>("default", uuid));
    update();
    ASSERT_EQ(route(alias), nullptr);
    publication_->dropped.clear();  // no worker uses it any more
    const SlotsToClear clear = registry_.clear_list(epoch_);
    EXPECT_EQ(clear.routes.size(), 3u);
    EXPECT_EQ(clear.targets.size(), 1u);
    registry_.reclaim(epoch_ - 1);  // not all workers have heard
    EXPECT_EQ(registry_.routes()[slot].name, alias);
    registry_.reclaim(epoch_);
    EXPECT_EQ(registry_.routes()[slot].name, "");
  }
  EXPECT_LE(registry_.routes().size(), routes + 3);
  EXPECT_LE(registry_.targets().size(), targets + 1);
  EXPECT_LE(registry_.series().size(), series + 3);
}

TEST_F(RoutingTest, AKeyThatComesBackBeforeKeepsItsSlotAndHealth) {
  const auto created = catalog_.create(test::provider_object("p"), 5);
  ASSERT_TRUE(created);
  const std::string p = (*created)->uuid;
  const auto model = catalog_.create(test::model_object(p, "x", "back"), 5);
  ASSERT_TRUE(model);
  const std::string uuid = (*model)->uuid;
  update();
  const uint32_t slot = route("back")->slot;
  const TargetHealth* health = route("back")->targets[0].health;
  ASSERT_TRUE(catalog_.remove<ModelObject>("default", uuid));
  update();
  publication_->dropped.clear();
  EXPECT_FALSE(registry_.clear_list(epoch_).targets.empty());
  ASSERT_TRUE(catalog_.create(test::model_object(p, "x", "back"), 5));
  update();
  EXPECT_EQ(route("back")->slot, slot);
  EXPECT_EQ(route("back")->targets[0].health, health);
  registry_.reclaim(epoch_);
  EXPECT_TRUE(registry_.clear_list(epoch_).targets.empty());
  EXPECT_EQ(registry_.routes()[slot].name, "back");
}

}  // namespace

}  // namespace weir
