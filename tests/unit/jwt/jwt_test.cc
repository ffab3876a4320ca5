#include "jwt/jwt.h"

#include <gtest/gtest.h>

#include "base/base64url.h"

namespace weir {
namespace {

std::string token(const std::string& header, const std::string& claims = R"({"sub":"x"})") {
  return base64url_encode(header) + "." + base64url_encode(claims) + ".c2ln";
}

TEST(Jwt, TakesATokenApart) {
  const std::string text = token(R"({"kid":"k","alg":"RS256","typ":"at+JWT","x5t":"ignored"})");
  const auto parsed = jwt_parse(text);
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed->alg, JwtAlg::kRs256);
  EXPECT_EQ(parsed->kid, "k");
  EXPECT_EQ(parsed->signature, "sig");
  EXPECT_EQ(parsed->signed_part, text.substr(0, text.rfind('.')));
  EXPECT_EQ(parsed->claims.text("sub"), "x");
}

TEST(Jwt, RefusesHeadersThatAskForAnythingElse) {
  for (const char* header :
       {R"({"alg":"none","kid":"k"})", R"({"alg":"None","kid":"k"})", R"({"alg":"HS256","kid":"k"})",
        R"({"alg":"es256","kid":"k"})", R"({"alg":"PS256","kid":"k"})", R"({"alg":"","kid":"k"})",
        R"({"alg":["ES256"],"kid":"k"})", R"({"kid":"k"})", R"({"alg":"ES256"})",
        R"({"alg":"ES256","kid":""})", R"({"alg":"ES256","kid":1})",
        R"({"alg":"ES256","kid":"k","crit":["exp"]})", R"({"alg":"ES256","kid":"k","crit":[]})",
        R"({"alg":"ES256","kid":"k","typ":"JOSE"})", R"({"alg":"ES256","kid":"k","typ":"dpop+jwt"})",
        R"({"alg":"ES256","alg":"none","kid":"k"})", R"(["ES256","k"])", "", "ES256"}) {
    EXPECT_FALSE(jwt_parse(token(header))) << header;
  }
  const std::string long_kid(257, 'k');
  EXPECT_FALSE(jwt_parse(token(R"({"alg":"ES256","kid":")" + long_kid + "\"}")));
}

TEST(Jwt, RefusesOtherShapes) {
  const std::string good = token(R"({"alg":"ES256","kid":"k"})");
  ASSERT_TRUE(jwt_parse(good));
  EXPECT_TRUE(jwt_shaped(good));
  for (const std::string& text :
       {std::string(), std::string(".."), "x" + good, good + ".", "." + good, good + "=",
        good + "\n", good.substr(0, good.rfind('.') + 1), good.substr(0, good.rfind('.')),
        good + "." + good, token(R"({"alg":"ES256","kid":"k"})", "[]"),
        token(R"({"alg":"ES256","kid":"k"})", R"({"a":1,"a":2})"),
        token(R"({"alg":"ES256","kid":"k"})", "")}) {
    EXPECT_FALSE(jwt_parse(text)) << text;
  }
  const std::string large = R"({"a":")" + std::string(kMaxJwtBytes, 'x') + "\"}";
  EXPECT_FALSE(jwt_parse(token(R"({"alg":"ES256","kid":"k"})", large)));
  EXPECT_FALSE(jwt_shaped("weir-key"));
  EXPECT_FALSE(jwt_shaped("a.b"));
  EXPECT_FALSE(jwt_shaped("a.b.c.d.e"));
}

}  // namespace
}  // namespace weir
