#include "base/base64url.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(Base64url, RoundTrips) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    std::string back;
    ASSERT_TRUE(base64url_decode(base64url_encode(bytes), &back));
    EXPECT_EQ(back, bytes);
    bytes += static_cast<char>(i * 37);
  }
  EXPECT_EQ(base64url_encode("\xfb\xff"), "-_8");  // RFC 4648's 62 and 63 for URLs
}

TEST(Base64url, RefusesEveryOtherSpelling) {
  std::string out;
  for (const char* text : {"QQ==", "Q", "QUJDR", "QQ\n", " QQ", "Q+8", "Q/8", "QR", "QUF", "Q.Q",
                           "Q\xc3Q"}) {
    EXPECT_FALSE(base64url_decode(text, &out)) << text;
  }
  EXPECT_TRUE(base64url_decode("QQ", &out));
  EXPECT_EQ(out, "A");
}

}  // namespace
}  // namespace weir
