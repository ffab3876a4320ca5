// What policies leave of a route: other targets are never asked, and what is closed is not listed.
#include "route/access.h"

#include <gtest/gtest.h>

#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

std::shared_ptr<const Access> excluding(uint32_t route, unsigned long targets) {
  Access access;
  access.narrow(route, TargetSet(targets));
  access.finish(1);
  return std::make_shared<const Access>(std::move(access));
}

void answer(SimWorld& world, size_t dial, std::string_view bytes) {
  world.upstream(dial)->send(bytes);
  world.run();
}

TEST(Access, FailoverPassesOverWhatIsExcluded) {
  SimWorld world;
  world.access = excluding(0, 0b0101);
  world.serve(4);
  SimPeer* client = world.connect(sim_chat());
  ASSERT_EQ(world.dials(), 1u);
  EXPECT_EQ(world.upstream(0)->provider->name, "p1");
  answer(world, 0, sim_reply(500, "{}"));
  ASSERT_EQ(world.dials(), 2u);
  EXPECT_EQ(world.upstream(1)->provider->name, "p3");
  // Nobody else is left, though the alias has two more targets and one more attempt.
  answer(world, 1, sim_reply(500, "{}"));
  EXPECT_EQ(world.dials(), 2u);
  EXPECT_EQ(sim_answers(client->received).at(0).status, 502);
}

TEST(Access, ASuspendedTargetIsNotReplacedByAnExcludedOne) {
  SimWorld world;
  world.access = excluding(0, 0b10);
  world.serve(2);
  world.connect(sim_chat());
  answer(world, 0, sim_reply(500, "{}"));
  SimPeer* client = world.connect(sim_chat());
  for (size_t i = 0; i < world.dials(); ++i) EXPECT_EQ(world.upstream(i)->provider->name, "p0");
  answer(world, world.dials() - 1, sim_reply(500, "{}"));
  EXPECT_EQ(sim_answers(client->received).at(0).status, 503);
}

TEST(Access, AClosedRouteIsRefusedAndNotListed) {
  Access access;
  access.deny(1);
  access.finish(1);
  SimWorld world;
  world.access = std::make_shared<const Access>(std::move(access));
  world.add_provider();
  world.add_route("m", {0});
  world.add_route("closed", {0});
  world.publish();
  const SimAnswer refused = sim_answers(world.connect(sim_chat("closed"))->received).at(0);
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body.find("\"code\":\"access_denied\""), std::string::npos);
  EXPECT_EQ(world.dials(), 0u);
  const std::string list = sim_answers(world.connect(sim_get("/v1/models"))->received).at(0).body;
  EXPECT_NE(list.find("\"m\""), std::string::npos);
  EXPECT_EQ(list.find("closed"), std::string::npos);
  EXPECT_EQ(sim_answers(world.connect(sim_get("/v1/models/closed"))->received).at(0).status, 404);
  EXPECT_EQ(world.metrics().refused.at(1), 1u);
}

}  // namespace
}  // namespace weir
