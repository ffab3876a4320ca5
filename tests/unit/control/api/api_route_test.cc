#include "control/api/api_route.h"

#include <gtest/gtest.h>

#include <set>

namespace weir {
namespace {

struct Case {
  std::string_view method, path;
  std::string_view pattern;  // of the row; empty: none
  std::string_view allow;
  std::string_view first = {};
};

TEST(ApiRoute, PathsLeadToTheirRows) {
  const Case cases[] = {
      {"GET", "/metrics", "/metrics", "GET, HEAD"},
      {"HEAD", "/v1/targets", "/v1/targets", "GET, HEAD"},
      {"GET", "/ml/gateway/v1/targets", "/v1/targets", "GET, HEAD"},
      {"POST", "/v1/targets", "", "GET, HEAD"},
      {"OPTIONS", "/v1/targets", "", "GET, HEAD"},
      {"", "/v1/targets", "", "GET, HEAD"},
      {"DELETE", "/v1/targets/a%2Fm/suspension", "/v1/targets/{target*}/suspension", "DELETE",
       "a/m"},
      {"DELETE", "/v1/targets/a/m/suspension", "/v1/targets/{target*}/suspension", "DELETE", "a/m"},
      {"DELETE", "/v1/targets/suspension", "", ""},
      {"DELETE", "/v1/targets//suspension", "", ""},
      {"GET", "/ml/v1/usage", "/ml/v1/usage", "GET, HEAD"},
      {"GET", "/ml/gateway/v1/usage/user", "/v1/usage/user", "GET, HEAD"},
      {"GET", "/usage", "", ""},
      {"GET", "/v1/usages", "", ""},
      {"GET", "/v1/usage/", "", ""},
      {"GET", "/v2/usage", "", ""},
      {"GET", "/ml/gateway/metrics", "", ""},
  };
  for (const Case& c : cases) {
    const ApiMatch match = api_match(c.method, c.path);
    EXPECT_EQ(match.route != nullptr ? match.route->path : "", c.pattern) << c.method << c.path;
    EXPECT_EQ(match.allow, c.allow) << c.method << c.path;
    EXPECT_EQ(match.parameters[0], c.first) << c.path;
  }
}

// Spellings that another router may fold into a known path.
TEST(ApiRoute, NothingIsFoldedOrDecoded) {
  for (const std::string_view path :
       {"/V1/targets", "//v1/targets", "/v1//targets", "/v1/targets/", "/v1/%74argets",
        "/v1/./targets", "/x/../v1/targets", "/v1/targets;a=b", "/ml/gateway/v1//targets",
        "/ml/gateway/v1/ml/gateway/v1/targets", "/ml/gateway/v1/metrics/"}) {
    EXPECT_EQ(api_match("GET", path).allow, "") << path;
    EXPECT_FALSE(api_is_public(path)) << path;
  }
}

TEST(ApiRoute, WhoMay) {
  ManagementCall nobody, user, admin, other_admin, metrics;
  user.key_id = admin.key_id = other_admin.key_id = metrics.key_id = "k";
  user.tenant = admin.tenant = metrics.tenant = "default";
  other_admin.tenant = "acme";
  admin.admin = other_admin.admin = metrics.metrics_only = true;
  const ManagementCall* calls[] = {&nobody, &user, &metrics, &other_admin, &admin};
  const std::pair<ApiAccess, std::string_view> expected[] = {{ApiAccess::kPublic, "yyyyy"},
                                                             {ApiAccess::kMetrics, "nnyyy"},
                                                             {ApiAccess::kAnyKey, "nynyy"},
                                                             {ApiAccess::kAdmin, "nnnyy"},
                                                             {ApiAccess::kOperator, "nnnny"}};
  for (const auto& [access, answers] : expected) {
    std::string found;
    for (const ManagementCall* call : calls) found += api_may(*call, access) ? 'y' : 'n';
    EXPECT_EQ(found, answers) << static_cast<int>(access);
  }
}

// Goal: the table itself is sound, so that matching may rely on it.
TEST(ApiRoute, EveryRowCanBeReached) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const ApiRoute& route : api_routes()) {
    EXPECT_TRUE(seen.emplace(route.method, route.path).second) << route.method << route.path;
    EXPECT_TRUE(route.path.starts_with('/'));
    EXPECT_FALSE(route.path.starts_with("/ml/gateway/"));
    EXPECT_EQ(route.handler == nullptr, route.work == ApiWork::kWorker) << route.path;
    EXPECT_FALSE(route.summary.empty()) << route.path;
    EXPECT_FALSE(route.statuses.empty()) << route.path;
    std::string path(route.path);
    for (size_t open = path.find('{'); open != std::string::npos; open = path.find('{')) {
      path.replace(open, path.find('}') - open + 1, "x");
    }
    const ApiMatch match = api_match(route.method, path);
    EXPECT_EQ(match.route, &route) << route.method << " " << path;
    EXPECT_EQ(match.access, route.access) << path;
    EXPECT_EQ(api_is_public(path), route.access == ApiAccess::kPublic) << path;
  }
}

}  // namespace
}  // namespace weir
