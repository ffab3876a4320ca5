// Goal: what a decide-only program believes of the provider types is what the adapters say.
#include "decide/adapter_facts.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "adapters/registry.h"

namespace weir {
namespace {

TEST(AdapterFacts, AreThoseOfTheRegistry) {
  std::map<std::string, const Adapter*> facts;
  for (const Adapter* fact : adapter_facts()) facts[std::string(fact->name)] = fact;
  EXPECT_EQ(facts.size(), adapter_registry().size());
  for (const Adapter* adapter : adapter_registry()) {
    const Adapter* fact = facts[std::string(adapter->name)];
    ASSERT_NE(fact, nullptr) << adapter->name;
    EXPECT_EQ(fact->endpoints, adapter->endpoints) << adapter->name;
    EXPECT_EQ(fact->local, adapter->local) << adapter->name;
  }
}

}  // namespace
}  // namespace weir
