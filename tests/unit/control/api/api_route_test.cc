#include "control/api/api_route.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "../fake_worker.h"
#include "control/control_plane.h"

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
    EXPECT_TRUE(route.resource != nullptr || route.work != ApiWork::kWrite) << route.path;
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

// Goal of what follows: who may do what, cell by cell, for every route that the control thread
// serves. What must come out stands here as text, so that a changed row of the table fails.

// By path, and where methods differ by "METHOD path": nobody, a user, the key for metrics, an admin
// of another tenant, the operator. y: may.
const std::map<std::string_view, std::string_view> kMay = {
    {"/metrics", "nnyyy"},
    {"/v1/metrics", "nnyyy"},
    {"/openapi.json", "nynyy"},
    {"/v1/openapi.json", "nynyy"},
    {"/v1/targets", "nnnyy"},
    {"/v1/targets/{target*}/suspension", "nnnyy"},
    {"/v1/config/reload", "nnnny"},
    {"/v1/usage", "nnnyy"},
    {"/v1/usage/user", "nynyy"},
    {"/ml/v1/usage", "nnnyy"},
    {"/ml/v1/usage/user", "nynyy"},
    {"/v1/models/{model*}", "nnnyy"},
    {"/v1/tenant", "nnnyy"},
    {"/v1/tenants", "nnnny"},
    {"/v1/providers", "nnnyy"},
    {"/v1/providers/{provider}", "nnnyy"},
    {"/v1/providers/{provider}/{type}", "nnnyy"},
    {"/v1/providers/{provider}/models", "nnnyy"},
    {"/v1/providers/{provider}/models/available", "nnnyy"},
    {"/v1/providers/{provider}/models/{model*}", "nnnyy"},
    {"/v1/load-balancers", "nnnyy"},
    {"/v1/load-balancers/{load_balancer*}", "nnnyy"},
    {"/v1/rate-limits", "nnnyy"},
    {"/v1/rate-limits/{rate_limit}", "nnnyy"},
    {"/v1/policies", "nnnyy"},
    {"/v1/policies/{policy}", "nnnyy"},
    {"/v1/keys", "nnnyy"},
    {"/v1/keys/{key}", "nnnyy"},
    {"/v1/keys/{key}/rotate", "nnnyy"},
};

ManagementCall caller(size_t kind) {
  ManagementCall call;
  if (kind == 0) return call;
  call.key_id = "key";
  call.tenant = kind == 3 ? "acme" : "default";
  call.environment = "production";
  call.metrics_only = kind == 2;
  call.admin = kind >= 3;
  return call;
}

TEST(ApiAccess, EveryRouteAndEveryCaller) {
  ControlOptions options;
  options.config = test::fake_options();
  auto plane = ControlPlane::create(options, config_embedded(options.config));
  ASSERT_TRUE(plane) << plane.error();
  test::FakeWorker worker;
  WorkerLink* links[] = {&worker.link};
  (*plane)->attach(links);
  Millis now = 1'000;
  for (const ApiRoute& route : api_routes()) {
    if (route.work == ApiWork::kWorker) continue;
    const auto may = kMay.find(route.path);
    if (route.access == ApiAccess::kPublic) {
      EXPECT_EQ(may, kMay.end()) << route.path;
      continue;
    }
    ASSERT_NE(may, kMay.end()) << "who may ask for " << route.path << "?";
    std::string path(route.path);
    for (size_t open = path.find('{'); open != std::string::npos; open = path.find('{')) {
      path.replace(open, path.find('}') - open + 1, "nothing");
    }
    for (size_t kind = 0; kind < may->second.size(); ++kind) {
      auto* call = new ManagementCall(caller(kind));
      call->worker = &worker.link;
      call->method = route.method;
      call->path = path;
      (*plane)->link()->calls.push(call);
      for (int i = 0; i < 5 && worker.answered.empty(); ++i) {
        (*plane)->tick(now++);
        worker.turn((*plane)->link());
      }
      ASSERT_EQ(worker.answered.size(), 1u) << route.method << " " << path;
      const ManagementCall& answer = *worker.answered.front();
      const bool refused = answer.has_error && (answer.error == Errc::kAccessDenied ||
                                                answer.error == Errc::kUnauthorized);
      EXPECT_EQ(!refused, may->second[kind] == 'y')
          << route.method << " " << path << ", caller " << kind << ": " << answer.error_message;
      EXPECT_EQ(kind == 0, answer.error == Errc::kUnauthorized) << path;
      worker.answered.clear();
    }
  }
}

}  // namespace
}  // namespace weir
