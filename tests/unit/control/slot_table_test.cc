#include "control/slot_table.h"

#include <gtest/gtest.h>

#include <string>

namespace weir {

namespace {

struct Names {
  SlotTable<std::string> table;
  uint32_t hold(const std::string& name) {
    bool is_new = false;
    // All names have one hash.
    const uint32_t slot =
        table.hold(5, [&](const std::string& other) { return other == name; }, &is_new);
    if (is_new) table.names[slot] = name;
    return slot;
  }
  std::vector<uint32_t> list(uint64_t epoch) {
    std::vector<uint32_t> out;
    table.list(epoch, &out);
    return out;
  }
};

TEST(SlotTable, OneNameHasOneSlotWhileItIsHeld) {
  Names names;
  const uint32_t a = names.hold("a"), b = names.hold("b");
  EXPECT_NE(a, b);
  EXPECT_EQ(names.hold("a"), a);
  names.table.let_go(a);
  EXPECT_TRUE(names.list(1).empty());  // still held once
  names.table.hold_again(a);
  names.table.let_go(a);
  names.table.let_go(a);
  EXPECT_EQ(names.list(2), std::vector<uint32_t>{a});
}

TEST(SlotTable, ASlotIsAnothersWhenEverybodyHasClearedIt) {
  Names names;
  const uint32_t a = names.hold("a"), b = names.hold("b");
  names.table.let_go(a);
  EXPECT_EQ(names.list(7), std::vector<uint32_t>{a});
  names.table.reclaim(6);
  EXPECT_NE(names.hold("c"), a);
  EXPECT_EQ(names.hold("a"), a);  // it came back before
  names.table.reclaim(7);
  EXPECT_EQ(names.table.names[a], "a");
  names.table.let_go(a);
  EXPECT_EQ(names.list(8), std::vector<uint32_t>{a});
  names.table.reclaim(8);
  EXPECT_EQ(names.table.names[a], "");
  EXPECT_EQ(names.hold("d"), a);
  EXPECT_EQ(names.hold("b"), b);
}

}  // namespace

}  // namespace weir
