// Goal: ids that are the same on every load, and never the same for two objects.
#include "control/object_ids.h"

#include <gtest/gtest.h>

#include <set>

#include "control/digest.h"

namespace weir {

namespace {

ModelConfig model_of(const char* id, const char* alias, const char* environment = kProduction) {
  ModelConfig model;
  model.provider = "p";
  model.id = id;
  model.alias = alias;
  model.environment = environment;
  return model;
}

Config config_of_all() {
  Config config;
  config.providers.resize(1);
  config.providers[0].name = "p";
  config.models = {model_of("a/b", "c"), model_of("a", "b/c"), model_of("a", ""),
                   model_of("a", "", kSandbox)};
  config.balancers.resize(1);
  config.balancers[0].alias = "c";
  config.rate_limits.resize(2);
  config.rate_limits[1].scope = LimitScope::kProvider;
  config.rate_limits[1].subject = "p";
  config.keys.resize(1);
  config.keys[0].name = "p";
  config.policies.resize(2);
  config.policies[1].effect = "deny";
  return config;
}

std::vector<std::string> ids_of(const Config& config) {
  std::vector<std::string> out;
  for (const auto& provider : config.providers) out.push_back(provider.uuid);
  for (const auto& model : config.models) out.push_back(model.uuid);
  for (const auto& balancer : config.balancers) out.push_back(balancer.uuid);
  for (const auto& limit : config.rate_limits) out.push_back(limit.uuid);
  for (const auto& key : config.keys) out.push_back(key.uuid);
  for (const auto& policy : config.policies) out.push_back(policy.uuid);
  return out;
}

TEST(ObjectIds, AreStableAndAllDifferent) {
  Config config = config_of_all(), again = config_of_all();
  object_ids_fill(&config);
  object_ids_fill(&again);
  const auto ids = ids_of(config);
  EXPECT_EQ(ids, ids_of(again));
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 11u);
  EXPECT_FALSE(std::set<std::string>(ids.begin(), ids.end()).contains(""));
}

TEST(ObjectIds, AreOverTypeTenantAndName) {
  Config config = config_of_all();
  config.keys[0].uuid = "as it was";
  object_ids_fill(&config);
  EXPECT_EQ(config.providers[0].uuid, uuid_from_name("provider/default/p"));
  EXPECT_EQ(config.models[0].uuid, uuid_from_name("model/default/p/a/b/c"));
  EXPECT_EQ(config.models[2].uuid, uuid_from_name("model/default/p/a/"));
  EXPECT_EQ(config.keys[0].uuid, "as it was");
}

}  // namespace

}  // namespace weir
