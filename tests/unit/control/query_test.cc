#include "control/query.h"

#include <gtest/gtest.h>

namespace weir {

namespace {

std::string members_of(std::string_view query) {
  std::string all;
  QueryMembers members(query);
  while (members.next()) all += "[" + members.name() + "|" + members.value() + "]";
  return all;
}

TEST(Query, IsReadMemberByMember) {
  EXPECT_EQ(members_of(""), "");
  EXPECT_EQ(members_of("a=1&b=2"), "[a|1][b|2]");
  EXPECT_EQ(members_of("a&b=&=c&&d=e=f&"), "[a|][b|][|c][|][d|e=f]");
  EXPECT_EQ(members_of("a%3d=%26%20b&c=%zz"), "[a=|& b][c|%zz]");
}

TEST(Query, TheFirstOfANameCounts) {
  EXPECT_EQ(query_value("x=1&name=a%20b&name=c", "name"), "a b");
  EXPECT_EQ(query_value("n%61me=a", "name"), "a");
  EXPECT_EQ(query_value("names=a", "name"), std::nullopt);
  EXPECT_EQ(query_value("name", "name"), "");
}

}  // namespace

}  // namespace weir
