#include "base/list.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace weir {
namespace {

struct Item {
  explicit Item(int n) : number(n) {}
  int number;
  ListNode first;
  ListNode second;
};
using FirstList = List<Item, &Item::first>;
using SecondList = List<Item, &Item::second>;

std::vector<int> numbers(FirstList& list) {
  std::vector<int> result;
  list.for_each([&](Item* item) { result.push_back(item->number); });
  return result;
}

TEST(List, KeepsTheOrderOfBothEnds) {
  Item a(1), b(2), c(3);
  FirstList list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_EQ(list.back(), nullptr);
  EXPECT_EQ(list.pop_front(), nullptr);
  list.push_back(&b);
  list.push_back(&c);
  list.push_front(&a);
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(list.front(), &a);
  EXPECT_EQ(list.back(), &c);
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_FALSE(a.first.linked());
  EXPECT_EQ(numbers(list), (std::vector<int>{2, 3}));
}

TEST(List, UnlinkIsLegalAnywhereAndTwice) {
  Item a(1), b(2), c(3);
  FirstList list;
  for (Item* item : {&a, &b, &c}) list.push_back(item);
  b.first.unlink();
  b.first.unlink();
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 3}));
  list.push_back(&b);
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 3, 2}));
  a.first.unlink();
  b.first.unlink();
  c.first.unlink();
  EXPECT_TRUE(list.empty());
}

TEST(List, AnItemCanBeInTwoListsByTwoNodes) {
  Item a(1), b(2);
  FirstList first;
  SecondList second;
  first.push_back(&a);
  first.push_back(&b);
  second.push_back(&b);
  second.push_back(&a);
  EXPECT_EQ(first.front(), &a);
  EXPECT_EQ(second.front(), &b);
  a.first.unlink();
  EXPECT_TRUE(a.second.linked());
}

TEST(List, AVisitorMayFreeItsItem) {
  FirstList list;
  for (int i = 0; i < 10; ++i) list.push_back(new Item(i));
  list.for_each([](Item* item) {
    if (item->number % 2 == 1) return;
    item->first.unlink();
    delete item;
  });
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 3, 5, 7, 9}));
  while (Item* item = list.pop_front()) delete item;
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace weir
