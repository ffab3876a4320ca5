// The description against the table of routes: nothing missing, nothing more, every reference leads
// somewhere.
#include "control/api/openapi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "control/api/api_route.h"
#include "control/config_json.h"

namespace weir {
namespace {

const ConfigNode* member(const ConfigNode& map, std::string_view key) {
  for (const ConfigMember& each : map.members) {
    if (each.key == key) return &each.value;
  }
  return nullptr;
}

const ConfigNode& need(const ConfigNode& map, std::string_view key) {
  static const ConfigNode kNothing;
  const ConfigNode* found = member(map, key);
  EXPECT_NE(found, nullptr) << key;
  return found != nullptr ? *found : kNothing;
}

std::string without_stars(std::string_view path) {
  std::string out(path);
  std::erase(out, '*');
  return out;
}

class OpenApi : public testing::Test {
 protected:
  void SetUp() override {
    ConfigProblems problems;
    auto root = json_parse(openapi_document(), &problems);
    ASSERT_TRUE(root) << (problems.list.empty() ? "" : problems.list.front().text);
    root_ = std::move(*root);
  }

  // All texts behind `$ref` in the tree.
  static void references(const ConfigNode& node, std::set<std::string>* out) {
    for (const ConfigNode& item : node.items) references(item, out);
    for (const ConfigMember& each : node.members) {
      if (each.key == "$ref") out->insert(each.value.text);
      references(each.value, out);
    }
  }

  ConfigNode root_;
};

TEST_F(OpenApi, HasEveryRouteAndNoOther) {
  const ConfigNode& paths = need(root_, "paths");
  std::set<std::string> known, described;
  for (const ApiRoute& route : api_routes()) {
    std::string method(route.method);
    std::transform(method.begin(), method.end(), method.begin(),
                   [](char c) { return static_cast<char>(c + ('a' - 'A')); });
    known.insert(method + " " + without_stars(route.path));
  }
  for (const ConfigMember& path : paths.members) {
    for (const ConfigMember& operation : path.value.members) {
      described.insert(operation.key + " " + path.key);
    }
  }
  EXPECT_EQ(known, described);
}

TEST_F(OpenApi, EveryOperationSaysWhatItTakesAndAnswers) {
  for (const ApiRoute& route : api_routes()) {
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.path));
    EXPECT_FALSE(route.summary.empty());
    EXPECT_FALSE(route.statuses.empty());
    std::string method(route.method);
    std::transform(method.begin(), method.end(), method.begin(),
                   [](char c) { return static_cast<char>(c + ('a' - 'A')); });
    const ConfigNode& operation =
        need(need(need(root_, "paths"), without_stars(route.path)), method);
    const ConfigNode* parameters = member(operation, "parameters");
    const auto holes = std::count(route.path.begin(), route.path.end(), '{');
    EXPECT_EQ(parameters != nullptr ? parameters->items.size() : 0, static_cast<size_t>(holes));
    EXPECT_EQ(member(operation, "requestBody") != nullptr, !route.body.empty());
    const ConfigNode& responses = need(operation, "responses");
    EXPECT_NE(member(responses, "default"), nullptr);
    EXPECT_NE(member(responses, route.statuses.substr(0, 3)), nullptr);
    EXPECT_EQ(member(operation, "security") != nullptr, route.access == ApiAccess::kPublic);
  }
}

TEST_F(OpenApi, EveryReferenceLeadsToASchema) {
  constexpr std::string_view kPrefix = "#/components/schemas/";
  const ConfigNode& schemas = need(need(root_, "components"), "schemas");
  std::set<std::string> named;
  references(root_, &named);
  EXPECT_FALSE(named.empty());
  for (const std::string& name : named) {
    ASSERT_TRUE(name.starts_with(kPrefix)) << name;
    EXPECT_NE(member(schemas, name.substr(kPrefix.size())), nullptr) << name;
  }
  for (const ConfigMember& schema : schemas.members) {
    EXPECT_TRUE(named.contains(std::string(kPrefix) + schema.key)) << schema.key << " has no user";
  }
}

TEST_F(OpenApi, SchemasSayWhatIsAlwaysThere) {
  const ConfigNode& bucket =
      need(need(need(root_, "components"), "schemas"), "Bucket");
  EXPECT_EQ(need(bucket, "required").items.size(), 3u);
  EXPECT_EQ(need(need(need(bucket, "properties"), "duration"), "type").text, "string");
}

}  // namespace
}  // namespace weir
