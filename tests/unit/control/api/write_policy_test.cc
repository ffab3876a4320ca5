// A `deny` for `write` refuses an admin's changes to what it names, and to nothing else.
#include "control/api/write_policy.h"

#include <gtest/gtest.h>

#include "resource_world.h"

namespace weir {
namespace {

class WritePolicyTest : public testing::Test {
 protected:
  void deny(const std::string& resource, const std::string& subject) {
    policy_ = test::ResourceWorld::member(
        world_.good("POST", "/v1/policies", R"({"action":"write","effect":"deny","resource":")" +
                                                resource + R"(","subject":")" + subject + "\"}"),
        "uuid");
  }

  test::ResourceWorld world_;
  std::string policy_;
};

constexpr char kDenied[] = "403 access_denied";
constexpr char kModel[] = R"({"id":"m","alias":"a"})";

TEST_F(WritePolicyTest, AProviderAndItsModels) {
  const std::string closed = world_.provider("closed"), open = world_.provider("open");
  deny("provider:closed", "*");
  EXPECT_EQ(world_.bad("DELETE", "/v1/providers/" + closed), kDenied);
  EXPECT_EQ(world_.bad("POST", "/v1/providers/" + closed + "/models", kModel), kDenied);
  world_.good("POST", "/v1/providers/" + open + "/models", kModel);
  world_.good("DELETE", "/v1/policies/" + policy_);
  world_.good("POST", "/v1/providers/" + closed + "/models", R"({"id":"n"})");
  world_.good("DELETE", "/v1/providers/" + closed);
}

TEST_F(WritePolicyTest, OneThatIsBeingMade) {
  deny("provider:later", "*");
  EXPECT_EQ(world_.bad("POST", "/v1/providers/openai",
                       R"({"name":"later","data":{"apikey":"k"}})"),
            kDenied);
}

TEST_F(WritePolicyTest, AModelByItsAlias) {
  const std::string provider = world_.provider();
  const std::string model = test::ResourceWorld::member(
      world_.good("POST", "/v1/providers/" + provider + "/models", kModel), "uuid");
  deny("model:a", "*");
  EXPECT_EQ(world_.bad("DELETE", "/v1/models/" + model), kDenied);
  EXPECT_EQ(world_.bad("PATCH", "/v1/providers/" + provider + "/models/" + model,
                       R"({"weight":2})"),
            kDenied);
  world_.good("POST", "/v1/providers/" + provider + "/models", R"({"id":"other"})");
}

TEST_F(WritePolicyTest, ABalancer) {
  const std::string provider = world_.provider();
  world_.good("POST", "/v1/providers/" + provider + "/models", kModel);
  deny("load_balancer:*", "*");
  EXPECT_EQ(world_.bad("POST", "/v1/load-balancers",
                       R"({"alias":"a","algorithm":"round_robin"})"),
            kDenied);
}

TEST_F(WritePolicyTest, OnlyWhomItNames) {
  const std::string provider = world_.provider();
  deny("*", "key:another");
  world_.good("POST", "/v1/providers/" + provider + "/models", kModel);
}

}  // namespace
}  // namespace weir
