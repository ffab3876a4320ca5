#include "proxy/routes.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

struct Case {
  Method method;
  std::string_view path;
  Place place;
  std::string_view allow = {};
  std::string_view rest = {};
};

TEST(Routes, PathsLeadToTheirPlaces) {
  const Case cases[] = {
      {Method::kGet, "/healthz", Place::kHealth},
      {Method::kHead, "/readyz", Place::kReady},
      {Method::kPost, "/healthz", Place::kHealth, "GET, HEAD"},
      {Method::kPost, "/v1/chat/completions", Place::kInference},
      {Method::kGet, "/v1/chat/completions", Place::kInference, "POST"},
      {Method::kOptions, "/ml/gateway/v1/embeddings", Place::kInference, "POST"},
      {Method::kGet, "/v1/models", Place::kModels},
      {Method::kHead, "/ml/gateway/v1/models", Place::kModels},
      {Method::kGet, "/v1/models/openai/gpt-4o", Place::kModel, {}, "openai/gpt-4o"},
      {Method::kPost, "/v1/models", Place::kManagement},
      {Method::kDelete, "/v1/models/x", Place::kManagement},
      {Method::kGet, "/v1/models/", Place::kManagement},
      {Method::kGet, "/metrics", Place::kManagement},
      {Method::kGet, "/v1/targets", Place::kManagement},
      {Method::kGet, "/", Place::kManagement},
  };
  for (const Case& c : cases) {
    const RouteMatch match = route_match(c.method, c.path);
    EXPECT_EQ(match.place, c.place) << c.path;
    EXPECT_EQ(match.allow, c.allow) << c.path;
    EXPECT_EQ(match.rest, c.rest) << c.path;
  }
}

TEST(Routes, EachInferencePathHasItsEndpoint) {
  EXPECT_EQ(route_match(Method::kPost, "/v1/chat/completions").endpoint, Endpoint::kChat);
  EXPECT_EQ(route_match(Method::kPost, "/v1/completions").endpoint, Endpoint::kCompletions);
  EXPECT_EQ(route_match(Method::kPost, "/v1/embeddings").endpoint, Endpoint::kEmbeddings);
}

// Spellings that a lenient router folds into the same path, and that authentication elsewhere may
// read differently.
TEST(Routes, NothingIsFoldedOrDecoded) {
  for (const std::string_view path :
       {"/V1/chat/completions", "//v1/chat/completions", "/v1//chat/completions",
        "/v1/chat/completions/", "/v1/chat%2fcompletions", "/v1/./chat/completions",
        "/x/../v1/chat/completions", "/healthz/", "/Healthz", "/v1/chat/completions;a=b"}) {
    const RouteMatch match = route_match(Method::kPost, path);
    EXPECT_EQ(match.place, Place::kManagement) << path;
    EXPECT_FALSE(match.is_public()) << path;
  }
}

}  // namespace
}  // namespace weir
