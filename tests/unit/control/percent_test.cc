#include "control/percent.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Percent, DecodesWhatIsWhole) {
  EXPECT_EQ(percent_decode("a%2Fb%2fc"), "a/b/c");
  EXPECT_EQ(percent_decode("%41%42"), "AB");
  EXPECT_EQ(percent_decode("%25%32%46"), "%2F");
}

TEST(Percent, LeavesTheRestAsItIs) {
  for (const char* text : {"", "plain+text", "%", "%4", "%zz", "a%4", "%g1", "100%"}) {
    EXPECT_EQ(percent_decode(text), text);
  }
}

}  // namespace
}  // namespace weir
