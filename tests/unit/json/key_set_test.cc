#include "json/key_set.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace weir {
namespace {

std::vector<std::string> make_keys(uint32_t count) {
  std::vector<std::string> keys;
  for (uint32_t i = 0; i < count; ++i) keys.push_back("key_" + std::to_string(i));
  return keys;
}

TEST(KeySet, FindsWhatComesTwice) {
  const auto set = std::make_unique<KeySet>();
  EXPECT_EQ(set->add("a"), KeySet::Added::kNew);
  EXPECT_EQ(set->add("b"), KeySet::Added::kNew);
  EXPECT_EQ(set->add(""), KeySet::Added::kNew);
  EXPECT_EQ(set->add("a"), KeySet::Added::kDuplicate);
  EXPECT_EQ(set->add(""), KeySet::Added::kDuplicate);
  EXPECT_EQ(set->add("a longer key than a word"), KeySet::Added::kNew);
  EXPECT_EQ(set->add("a longer key than a worD"), KeySet::Added::kNew);
}

TEST(KeySet, ForgetsAtClear) {
  const auto set = std::make_unique<KeySet>();
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(set->add("a"), KeySet::Added::kNew);
    set->clear();
  }
}

TEST(KeySet, HoldsItsBoundAndNoMore) {
  const auto set = std::make_unique<KeySet>();
  const auto keys = make_keys(KeySet::kMax + 1);
  for (uint32_t i = 0; i < KeySet::kMax; ++i) EXPECT_EQ(set->add(keys[i]), KeySet::Added::kNew);
  EXPECT_EQ(set->add(keys[KeySet::kMax]), KeySet::Added::kFull);
  for (uint32_t i = 0; i < KeySet::kMax; ++i) {
    EXPECT_EQ(set->add(keys[i]), KeySet::Added::kDuplicate);
  }
}

}  // namespace
}  // namespace weir
