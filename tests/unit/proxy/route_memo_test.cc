#include "proxy/route_memo.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace weir {
namespace {

TEST(RouteMemo, KnowsWhatItWasToldInThatSnapshotForThatCaller) {
  RouteMemo memo;
  Principal who;
  Principal other;
  // Each lives to the end: the memo may look at one that it was told of.
  std::array<Route, 5> routes;
  const std::string names[] = {"", "a", "gpt-4o", "gpt-4o-mini", "a-much-longer-name"};
  for (size_t i = 0; i < routes.size(); ++i) {
    const std::string& name = names[i];
    Route& route = routes[i];
    route.name = name;
    EXPECT_EQ(memo.find(7, &who, name), nullptr);
    const TargetSet excluded;
    memo.keep(7, &who, {.route = &route, .permit = {true, &excluded}});
    const RouteMemo::Answer* known = memo.find(7, &who, name);
    ASSERT_NE(known, nullptr);
    EXPECT_EQ(known->route, &route);
    EXPECT_TRUE(known->permit.allowed);
    EXPECT_EQ(known->permit.excluded, &excluded);
    EXPECT_EQ(memo.find(8, &who, name), nullptr);
    EXPECT_EQ(memo.find(7, &other, name), nullptr);
    EXPECT_EQ(memo.find(7, &who, name + "x"), nullptr);
  }
}

TEST(RouteMemo, ANameOnAnothersPlaceIsAnotherName) {
  RouteMemo memo;
  Principal who;
  std::vector<Route> routes(500);
  for (size_t i = 0; i < routes.size(); ++i) routes[i].name = "model-" + std::to_string(i);
  for (const Route& route : routes) {
    memo.keep(1, &who, {.route = &route, .permit = {}});
    for (size_t i = 0; i < routes.size(); i += 50) {
      const RouteMemo::Answer* known = memo.find(1, &who, routes[i].name);
      EXPECT_TRUE(known == nullptr || known->route == &routes[i]);
    }
    EXPECT_EQ(memo.find(1, &who, route.name)->route, &route);
  }
}

}  // namespace
}  // namespace weir
