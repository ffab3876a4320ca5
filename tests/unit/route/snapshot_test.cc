#include "route/snapshot.h"

#include <gtest/gtest.h>

#include "route_fixture.h"

namespace weir {
namespace {

Route make_route(uint32_t slot, std::string_view name, std::string_view tenant = "default",
                 std::string_view environment = "production") {
  Route route;
  route.name = name;
  route.tenant = tenant;
  route.environment = environment;
  route.slot = slot;
  route.targets.push_back(make_target(slot));
  return route;
}

KeyDigest make_digest(uint64_t number) {
  KeyDigest digest;
  std::mt19937_64 random(number);
  for (uint8_t& byte : digest) byte = static_cast<uint8_t>(random());
  return digest;
}

TEST(Snapshot, AnEmptyOneKnowsNobody) {
  const auto snapshot = SnapshotBuilder(3, 1).build();
  EXPECT_EQ(snapshot->epoch(), 3u);
  EXPECT_EQ(snapshot->find_route("default", "production", "x"), nullptr);
  EXPECT_EQ(snapshot->find_principal(make_digest(1)), nullptr);
  EXPECT_EQ(snapshot->route_slots(), 0u);
  EXPECT_FALSE(snapshot->pool_in_use(0));
}

TEST(Snapshot, FindsEveryKeyByItsIdAndNoOther) {
  constexpr uint64_t kKeys = 500;
  SnapshotBuilder builder(1, test_seed());
  for (uint64_t i = 0; i < kKeys; ++i) {
    Principal principal;
    principal.id = "id-" + std::to_string(i);
    ASSERT_TRUE(builder.add_principal(make_digest(i), std::move(principal)));
  }
  const auto snapshot = builder.build();
  for (uint64_t i = 0; i < kKeys; ++i) {
    const Snapshot::Key key = snapshot->find_key("id-" + std::to_string(i));
    ASSERT_NE(key.principal, nullptr);
    EXPECT_EQ(key.principal, snapshot->find_principal(make_digest(i)));
    EXPECT_EQ(key.digest, make_digest(i));
    EXPECT_EQ(snapshot->find_key("id_" + std::to_string(i)).principal, nullptr);
  }
  EXPECT_EQ(snapshot->find_key("").principal, nullptr);
}

// While its value is being changed a key is found by both.
TEST(Snapshot, AKeyMayHaveTwoDigests) {
  SnapshotBuilder builder(1, test_seed());
  for (uint64_t i = 0; i < 4; ++i) {
    Principal principal;
    principal.id = i < 2 ? "twice" : "id-" + std::to_string(i);
    ASSERT_TRUE(builder.add_principal(make_digest(i), std::move(principal)));
  }
  const auto snapshot = builder.build();
  const Snapshot::Key first = snapshot->find_key("twice", 0);
  const Snapshot::Key second = snapshot->find_key("twice", 1);
  ASSERT_NE(first.principal, nullptr);
  ASSERT_NE(second.principal, nullptr);
  EXPECT_NE(first.digest, second.digest);
  EXPECT_EQ(second.principal, snapshot->find_principal(second.digest));
  EXPECT_EQ(snapshot->find_key("twice", 2).principal, nullptr);
}

TEST(Snapshot, NamesBelongToTheirTenantAndEnvironment) {
  SnapshotBuilder builder(1, 99);
  ASSERT_TRUE(builder.add_route(make_route(0, "m")));
  ASSERT_TRUE(builder.add_route(make_route(1, "m", "default", "sandbox")));
  ASSERT_TRUE(builder.add_route(make_route(2, "m", "other")));
  // The same letters, cut elsewhere.
  ASSERT_TRUE(builder.add_route(make_route(3, "bc", "a")));
  ASSERT_TRUE(builder.add_route(make_route(4, "c", "ab")));
  const auto snapshot = builder.build();
  EXPECT_EQ(snapshot->find_route("default", "production", "m")->slot, 0u);
  EXPECT_EQ(snapshot->find_route("default", "sandbox", "m")->slot, 1u);
  EXPECT_EQ(snapshot->find_route("other", "production", "m")->slot, 2u);
  EXPECT_EQ(snapshot->find_route("a", "production", "bc")->slot, 3u);
  EXPECT_EQ(snapshot->find_route("ab", "production", "c")->slot, 4u);
  EXPECT_EQ(snapshot->find_route("other", "sandbox", "m"), nullptr);
  EXPECT_EQ(snapshot->find_route("default", "production", "M"), nullptr);
  EXPECT_EQ(snapshot->find_route("default", "production", ""), nullptr);
}

TEST(Snapshot, FindsEveryNameAndNoOther) {
  const uint64_t seed = test_seed();
  constexpr uint32_t kRoutes = 2000;
  SnapshotBuilder builder(1, seed);
  const auto name = [](uint32_t i) { return std::string(i % 23, 'x') + std::to_string(i); };
  for (uint32_t i = 0; i < kRoutes; ++i) ASSERT_TRUE(builder.add_route(make_route(i, name(i))));
  const auto snapshot = builder.build();
  for (uint32_t i = 0; i < kRoutes; ++i) {
    const Route* route = snapshot->find_route("default", "production", name(i));
    ASSERT_NE(route, nullptr);
    ASSERT_EQ(route->slot, i);
    ASSERT_EQ(snapshot->find_route("default", "production", name(i) + "y"), nullptr);
  }
}

TEST(Snapshot, FindsAKeyByTheWholeDigest) {
  SnapshotBuilder builder(1, 5);
  for (uint64_t i = 0; i < 500; ++i) {
    Principal principal;
    principal.id = std::to_string(i);
    ASSERT_TRUE(builder.add_principal(make_digest(i), std::move(principal)));
  }
  const auto snapshot = builder.build();
  for (uint64_t i = 0; i < 500; ++i) {
    KeyDigest digest = make_digest(i);
    const Principal* principal = snapshot->find_principal(digest);
    ASSERT_NE(principal, nullptr);
    ASSERT_EQ(principal->id, std::to_string(i));
    digest[i % digest.size()] ^= static_cast<uint8_t>(1u << (i % 8));
    ASSERT_EQ(snapshot->find_principal(digest), nullptr);
  }
}

TEST(Snapshot, CountsSlots) {
  SnapshotBuilder builder(1, 5);
  Route route = make_route(4, "a");
  route.pin = 9;
  route.targets[0].slot = 7;
  route.targets[0].series = 11;
  auto provider = std::make_shared<Provider>();
  provider->pool_slot = 2;
  route.targets[0].provider = provider;
  ASSERT_TRUE(builder.add_route(std::move(route)));
  Principal principal;
  principal.pin = 30;
  ASSERT_TRUE(builder.add_principal(make_digest(1), std::move(principal)));
  const auto snapshot = builder.build();
  EXPECT_EQ(snapshot->route_slots(), 5u);
  EXPECT_EQ(snapshot->target_slots(), 8u);
  EXPECT_EQ(snapshot->series_slots(), 12u);
  EXPECT_EQ(snapshot->pool_slots(), 3u);
  EXPECT_EQ(snapshot->pin_slots(), 31u);
  EXPECT_TRUE(snapshot->pool_in_use(2));
  EXPECT_FALSE(snapshot->pool_in_use(1));
  EXPECT_FALSE(snapshot->pool_in_use(3));
}

TEST(SnapshotBuilder, RefusesWhatCannotBeRouted) {
  SnapshotBuilder builder(1, 5);
  Route none = make_route(0, "none");
  none.targets.clear();
  Route many = make_route(0, "many");
  many.targets.assign(Route::kMaxTargets + 1, make_target(0));
  Route weightless = make_route(0, "weightless");
  weightless.targets[0].weight = 0;
  Route heavy = make_route(0, "heavy");
  heavy.targets[0].weight = Route::kMaxWeight + 1;
  for (const Route& route : {none, many, weightless, heavy}) {
    const Result<void> result = builder.add_route(route);
    ASSERT_FALSE(result) << route.name;
    EXPECT_EQ(result.error().code, Errc::kConfig);
  }
  ASSERT_TRUE(builder.add_route(make_route(0, "a")));
  EXPECT_FALSE(builder.add_route(make_route(1, "a")));
  EXPECT_FALSE(builder.add_route(make_route(0, "b")));
  EXPECT_EQ(builder.build()->routes().size(), 1u);
}

TEST(SnapshotBuilder, RefusesAKeyTwiceAndSortsWhatItMayUse) {
  SnapshotBuilder builder(1, 5);
  Principal principal;
  principal.allowed_routes = {5, 1, 3};
  ASSERT_TRUE(builder.add_principal(make_digest(1), principal));
  EXPECT_FALSE(builder.add_principal(make_digest(1), principal));
  const auto snapshot = builder.build();
  ASSERT_EQ(snapshot->principals().size(), 1u);
  EXPECT_EQ(snapshot->find_principal(make_digest(1))->allowed_routes,
            (std::vector<uint32_t>{1, 3, 5}));
}

TEST(SnapshotBuilder, TakesOverUnchangedRecords) {
  SnapshotBuilder first(1, 5);
  ASSERT_TRUE(first.add_route(make_route(0, "a")));
  ASSERT_TRUE(first.add_principal(make_digest(1), Principal{}));
  auto older = first.build();
  SnapshotBuilder second(2, 5);
  ASSERT_TRUE(second.add_route(older->routes()[0]));
  EXPECT_FALSE(second.add_route(older->routes()[0]));
  ASSERT_TRUE(second.add_principal(make_digest(1), older->principals()[0]));
  const auto newer = second.build();
  const Route* record = older->find_route("default", "production", "a");
  EXPECT_EQ(newer->find_route("default", "production", "a"), record);
  older.reset();
  EXPECT_EQ(newer->find_route("default", "production", "a")->name, "a");
  EXPECT_NE(newer->find_principal(make_digest(1)), nullptr);
}

}  // namespace
}  // namespace weir
