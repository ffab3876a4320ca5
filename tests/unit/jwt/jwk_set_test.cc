#include "jwt/jwk_set.h"

#include <gtest/gtest.h>

#include "jwt_maker.h"

namespace weir {
namespace {

std::string set_of(const std::string& keys) { return "{\"keys\":[" + keys + "]}"; }

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

TEST(JwkSet, ReadsBothKindsAndSkipsWhatIsForOthers) {
  const JwtMaker rsa(JwtMaker::Kind::kRsa, "r"), ec(JwtMaker::Kind::kEc, "e");
  const std::string others =
      R"({"kty":"oct","kid":"o","k":"AAAA"},{"kty":"OKP","crv":"Ed25519","kid":"d","x":"AA"},)"
      R"({"kid":"nothing"},)" +
      replaced(ec.jwk(), "P-256", "P-384") + ",";
  const auto keys = jwk_set_read(set_of(others + rsa.jwk() + "," + ec.jwk()));
  // The P-384 one has the id of the good one: neither can be told apart.
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 1u);
  EXPECT_EQ(keys->front().kid, "r");
  const auto both = jwk_set_read(set_of(rsa.jwk() + "," + ec.jwk()));
  ASSERT_TRUE(both);
  ASSERT_EQ(both->size(), 2u);
  EXPECT_EQ(both->at(0).key->alg(), JwtAlg::kRs256);
  EXPECT_EQ(both->at(1).key->alg(), JwtAlg::kEs256);
}

TEST(JwkSet, RefusesKeysThatMayNotVerify) {
  const std::string good = JwtMaker(JwtMaker::Kind::kEc, "e").jwk();
  ASSERT_TRUE(jwk_set_read(set_of(good)));
  for (const auto& [what, with] : std::vector<std::pair<std::string, std::string>>{
           {R"("use":"sig")", R"("use":"enc")"},
           {R"("use":"sig")", R"("use":1)"},
           {R"("use":"sig")", R"("key_ops":["sign"])"},
           {R"("alg":"ES256")", R"("alg":"RS256")"},
           {R"("alg":"ES256")", R"("alg":"none")"},
           {R"("kid":"e")", R"("kid":"")"},
           {R"("kid":"e")", R"("kid":7)"},
           {R"("x":")", R"("x":"A)"},
           {R"("kty":"EC")", R"("kty":"RSA")"}}) {
    EXPECT_FALSE(jwk_set_read(set_of(replaced(good, what, with)))) << with;
  }
  EXPECT_FALSE(jwk_set_read(set_of(JwtMaker(JwtMaker::Kind::kRsa, "w", 1024).jwk())));
}

TEST(JwkSet, RefusesWhatIsNoKeySet) {
  for (const char* text : {"", "<html>", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})",
                           R"({"keys":["a",1,null]})"}) {
    EXPECT_FALSE(jwk_set_read(text)) << text;
  }
  std::string many;
  for (size_t i = 0; i <= kMaxJwks; ++i) many += (i == 0 ? "{}" : ",{}");
  EXPECT_FALSE(jwk_set_read(set_of(many)));
}

}  // namespace
}  // namespace weir
