// The `router` member: candidates in their order, filters, prices, and what still holds for each.
#include <gtest/gtest.h>

#include "route/access.h"
#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

std::string ask(std::string_view model, std::string_view router) {
  return sim_chat(model, ",\"router\":" + std::string(router));
}

void answer(SimWorld& world, size_t dial, int status = 200) {
  world.upstream(dial)->send(sim_reply(status, status == 200 ? sim_ok_body() : "{}"));
  world.run();
}

SimAnswer last(const SimPeer* client) {
  const auto answers = sim_answers(client->received);
  return answers.empty() ? SimAnswer() : answers.back();
}

// Aliases a, b, c of one target each.
void serve_three(SimWorld& world) {
  for (const char* name : {"a", "b", "c"}) {
    world.add_provider();
    world.add_route(name, {static_cast<uint32_t>(world.providers.size() - 1)});
  }
}

// The providers that were asked, in their order; every attempt but that of `good` fails.
std::string asked(SimWorld& world, std::string_view request, std::string_view good = "") {
  std::string names;
  SimPeer* client = world.connect(request);
  for (size_t dial = 0; last(client).status == 0 && dial < world.dials(); ++dial) {
    const std::string name = world.upstream(dial)->provider->name;
    names += name;
    answer(world, dial, name == good ? 200 : 500);
  }
  return names;
}

TEST(Router, CandidatesAreTriedInTheirOrder) {
  const struct {
    const char *model, *router, *order;
  } cases[] = {
      {"a", R"({"models":["b","c"]})", "p0p1p2"},
      {"c", R"({"models":["b","c","a"]})", "p1p2p0"},
      {"a", R"({"models":["a","b","b"]})", "p0p1"},
      {"a", R"({"models":["\u0062"]})", "p0p1"},
      {"a", R"({"models":[]})", "p0"},
      {"a", R"({"optimization":"efficacy","quality_tradeoff":0.5,"models":["b"]})", "p0p1"},
      {"a", R"({"cache":{"enabled":false}})", "p0"},
      {"a", "null", "p0"},
  };
  for (const auto& one : cases) {
    SimWorld world;
    serve_three(world);
    world.publish();
    EXPECT_EQ(asked(world, ask(one.model, one.router)), one.order) << one.router;
    EXPECT_EQ(world.pinned(), 0u);
  }
}

TEST(Router, TheLedgerNamesTheAliasThatAnswered) {
  SimWorld world;
  serve_three(world);
  world.limited = true;
  world.publish();
  EXPECT_EQ(asked(world, ask("a", R"({"models":["b"]})"), "p1"), "p0p1");
  ASSERT_EQ(world.records.size(), 1u);
  EXPECT_EQ(world.records[0].route, 1u);
  EXPECT_EQ(world.records[0].attempt_count, 2);
  EXPECT_EQ(world.records[0].outcome, Outcome::kCompleted);
  // The member itself stays here.
  EXPECT_EQ(world.upstream(1)->received.find("router"), std::string::npos);
}

TEST(Router, AttemptsAreCappedByTheMostGenerousCandidate) {
  SimWorld world;
  serve_three(world);
  for (SimRoute& route : world.routes) route.max_attempts = 1;
  world.routes[2].max_attempts = 2;
  world.publish();
  EXPECT_EQ(asked(world, ask("a", R"({"models":["b","c"]})")), "p0p1");
}

TEST(Router, ASuspendedCandidateIsPassedOverUntilNothingElseIsLeft) {
  SimWorld world;
  serve_three(world);
  world.publish();
  const std::string request = ask("a", R"({"models":["b"]})");
  EXPECT_EQ(asked(world, request), "p0p1");
  world.connect(ask("a", R"({"models":["b","c"]})"));
  EXPECT_EQ(world.upstream(world.dials() - 1)->provider->name, "p2");
  // Both of these are suspended: the first is tried all the same.
  for (size_t dial = 0; dial < 2; ++dial) world.upstream(dial)->take_received();
  world.connect(request);
  EXPECT_NE(world.upstream(0)->received, "");
  EXPECT_EQ(world.upstream(1)->received, "");
}

TEST(Router, TheCheapestIsFirstAndUnknownPricesAreLast) {
  const auto make = [](SimWorld& world) {
    for (int i = 0; i < 5; ++i) world.add_provider();
    world.add_route("a", {0, 1}).costs = {300, 100};
    world.add_route("b", {2, 3}).costs = {200, 100};
    world.add_route("c", {4});
    for (SimRoute& route : world.routes) route.max_attempts = 9;
    world.publish();
  };
  SimWorld world;
  make(world);
  EXPECT_EQ(asked(world, ask("c", R"({"models":["a","b"],"optimization":"cost"})")),
            "p1p3p2p0p4");
  SimWorld single;
  make(single);
  EXPECT_EQ(asked(single, ask("a", R"({"optimization":"cost"})")), "p1p0");
  SimWorld capped;
  make(capped);
  // 150e-9 dollars for 1000 tokens are 150 pico-dollars each.
  EXPECT_EQ(asked(capped, ask("c", R"({"models":["a","b"],"max_cost":0.00000015})")), "p1p3");
}

TEST(Router, FiltersLookAtTheMetadata) {
  const struct {
    const char *router, *order, *param;
  } cases[] = {
      {R"({"family_model":["y","z"]})", "p1", ""},
      {R"({"family_model":"x"})", "p0p2", ""},
      {R"({"family_model":["x"],"region":"eu"})", "p0", ""},
      {R"({"region":"mars"})", "", "router.region"},
      {R"({"family_model":["none"]})", "", "router.family_model"},
      {R"({"family_model":["y"],"region":"eu"})", "", "router.region"},
      {R"({"max_cost":0})", "", "router.max_cost"},
  };
  for (const auto& one : cases) {
    SimWorld world;
    for (int i = 0; i < 3; ++i) world.add_provider();
    SimRoute& route = world.add_route("m", {0, 1, 2});
    route.families = {"x", "y", "x"};
    route.regions = {"eu", "us", "us"};
    world.publish();
    EXPECT_EQ(asked(world, ask("m", one.router)), one.order) << one.router;
    if (one.param[0] == 0) continue;
    const SimAnswer refused = last(world.connect(ask("m", one.router)));
    EXPECT_EQ(refused.status, 404);
    EXPECT_NE(refused.body.find("\"param\":\"" + std::string(one.param)), std::string::npos)
        << refused.body;
    EXPECT_EQ(world.finished[static_cast<size_t>(Outcome::kRefused)], 2u);
  }
}

TEST(Router, RefusesWhatItCannotDo) {
  const struct {
    const char* router;
    int status;
    const char* says;
  } cases[] = {
      {R"({"models":["a","nowhere"]})", 404, "the model \\\"nowhere\\\" does not exist"},
      {R"({"models":["closed"]})", 403, "this key may not use the model \\\"closed\\\""},
      {R"({"models":"b"})", 400, "\"param\":\"router.models\""},
      {R"({"models":[1]})", 400, "\"param\":\"router.models\""},
      {R"({"models":[""]})", 400, "\"param\":\"router.models\""},
      {R"({"models":["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"]})",
       400, "at most 16"},
      {R"({"optimization":"speed"})", 400, "\"param\":\"router.optimization\""},
      {R"({"max_cost":-1})", 400, "\"param\":\"router.max_cost\""},
      {R"({"quality_tradeoff":2})", 400, "\"param\":\"router.quality_tradeoff\""},
      {R"({"family_model":{}})", 400, "\"param\":\"router.family_model\""},
      {R"({"region":7})", 400, "\"param\":\"router.region\""},
      {R"([])", 400, "\"param\":\"router\""},
      {R"({"cache":{"enabled":1}})", 400, "\"param\":\"cache.enabled\""},
  };
  for (const auto& one : cases) {
    SimWorld world;
    Access access;
    access.deny(1);
    access.finish(1);
    world.access = std::make_shared<const Access>(std::move(access));
    world.add_provider();
    for (const char* name : {"a", "closed"}) world.add_route(name, {0});
    world.publish();
    const SimAnswer refused = last(world.connect(ask("a", one.router)));
    EXPECT_EQ(refused.status, one.status) << one.router;
    EXPECT_NE(refused.body.find(one.says), std::string::npos) << refused.body;
    EXPECT_EQ(world.dials(), 0u);
  }
}

TEST(Router, EachAliasKeepsItsLimit) {
  SimWorld world;
  serve_three(world);
  world.limited = true;
  world.routes[0].limit = 1;
  world.routes[1].limit = 1;
  world.publish();
  const std::string request = ask("a", R"({"models":["b"]})");
  // Admitted by a, which gets its token back when p0 fails; then b's is used.
  EXPECT_EQ(asked(world, request, "p1"), "p0p1");
  world.advance(11'000);
  // b is used up, a is not.
  SimPeer* client = world.connect(request);
  answer(world, 0);
  EXPECT_EQ(last(client).status, 200);
  EXPECT_EQ(last(world.connect(request)).status, 429);
  EXPECT_EQ(last(world.connect(sim_chat("c"))).status, 0);
}

TEST(Router, AClientThatLeavesLeavesNothingBehind) {
  SimWorld world;
  serve_three(world);
  world.limited = true;
  world.publish();
  SimPeer* client = world.connect(ask("a", R"({"models":["b","c"]})"));
  answer(world, 0, 500);
  EXPECT_EQ(world.dials(), 2u);
  client->reset();
  world.run();
  EXPECT_EQ(world.pinned(), 0u);
  EXPECT_EQ(world.finished[static_cast<size_t>(Outcome::kCancelled)], 1u);
}

}  // namespace
}  // namespace weir
