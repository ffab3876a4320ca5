#include "jwt/verify.h"

#include <gtest/gtest.h>

#include <map>

#include "jwt_maker.h"

namespace weir {
namespace {

constexpr int64_t kNow = 1'700'000'000;

// An issuer with an RSA key and an EC key, who puts groups into its tokens.
class Verify : public testing::Test {
 protected:
  Verify() {
    JwtIssuer issuer;
    issuer.issuer = "https://id.test/";
    issuer.audience = "weir-api";
    issuer.groups_claim = "realm.roles";
    issuer.admin_groups = {"operators"};
    for (const JwtMaker* maker : {&rsa_, &ec_}) {
      const auto keys = jwk_set_read(maker->jwks());
      issuer.keys.push_back(keys->front());
    }
    JwtIssuer other;
    other.issuer = "other";
    other.audience = "weir-api";
    trust_.issuers = {other, issuer};
  }

  // Claims that are good but for what `change` replaces (an empty value takes the claim away).
  static std::string claims(const std::map<std::string, std::string>& change = {}) {
    std::map<std::string, std::string> all = {{"iss", "\"https://id.test/\""},
                                              {"aud", "\"weir-api\""},
                                              {"sub", "\"user-1\""},
                                              {"exp", std::to_string(kNow + 600)}};
    for (const auto& [name, value] : change) all[name] = value;
    std::string out;
    for (const auto& [name, value] : all) {
      if (!value.empty()) out += (out.empty() ? "{\"" : ",\"") + name + "\":" + value;
    }
    return out + "}";
  }
  std::expected<JwtClaims, JwtRefusal> verify(const std::string& token, int64_t now = kNow) {
    return jwt_verify(token, trust_, now);
  }
  void expect_fault(const std::map<std::string, std::string>& change, JwtFault fault) {
    const auto got = verify(ec_.token(claims(change)));
    ASSERT_FALSE(got) << claims(change);
    EXPECT_EQ(got.error().fault, fault) << claims(change);
  }

  // An RSA key takes long to make.
  static inline const JwtMaker rsa_{JwtMaker::Kind::kRsa, "r"};
  const JwtMaker ec_{JwtMaker::Kind::kEc, "e"};
  JwtTrust trust_;
};

TEST_F(Verify, BelievesBothAlgorithms) {
  for (const JwtMaker* maker : {&rsa_, &ec_}) {
    const auto got = verify(maker->token(claims()));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->issuer, 1u);
    EXPECT_EQ(got->subject, "user-1");
    EXPECT_EQ(got->expires_unix_s, kNow + 600 + kJwtLeewayS);
    EXPECT_FALSE(got->admin);
  }
}

TEST_F(Verify, RefusesOtherSignersAndOtherContent) {
  const JwtMaker stranger(JwtMaker::Kind::kEc, "e");
  EXPECT_EQ(verify(stranger.token(claims())).error().fault, JwtFault::kSignature);
  const std::string one = ec_.token(claims());
  const std::string two = ec_.token(claims({{"sub", "\"root\""}}));
  const std::string mixed = two.substr(0, two.rfind('.')) + one.substr(one.rfind('.'));
  EXPECT_EQ(verify(mixed).error().fault, JwtFault::kSignature);
}

// The key's type decides: no header can make an RSA key verify something else, or nothing.
TEST_F(Verify, TheHeaderCannotChooseTheAlgorithm) {
  EXPECT_EQ(verify(rsa_.token(R"({"alg":"ES256","kid":"r"})", claims())).error().fault,
            JwtFault::kSignature);
  EXPECT_EQ(verify(ec_.token(R"({"alg":"RS256","kid":"e"})", claims())).error().fault,
            JwtFault::kSignature);
  for (const char* alg : {"none", "HS256", "PS256"}) {
    const std::string header = std::string(R"({"kid":"r","alg":")") + alg + "\"}";
    EXPECT_EQ(verify(rsa_.token(header, claims())).error().fault, JwtFault::kMalformed) << alg;
  }
  // A key that the token brings along counts for nothing.
  const JwtMaker stranger(JwtMaker::Kind::kEc, "mine");
  const std::string header = R"({"alg":"ES256","kid":"mine","jwk":)" + stranger.jwk() + "}";
  EXPECT_EQ(verify(stranger.token(header, claims())).error().fault, JwtFault::kUnknownKey);
}

TEST_F(Verify, NamesTheIssuerOfAnUnknownKey) {
  const JwtMaker newer(JwtMaker::Kind::kEc, "e2");
  const auto got = verify(newer.token(claims()));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().fault, JwtFault::kUnknownKey);
  EXPECT_EQ(got.error().issuer, 1u);
}

TEST_F(Verify, IssuerAndAudienceHaveToMatch) {
  expect_fault({{"iss", "\"https://id.test\""}}, JwtFault::kIssuer);
  expect_fault({{"iss", ""}}, JwtFault::kIssuer);
  expect_fault({{"iss", "[\"https://id.test/\"]"}}, JwtFault::kIssuer);
  expect_fault({{"aud", "\"weir\""}}, JwtFault::kAudience);
  expect_fault({{"aud", ""}}, JwtFault::kAudience);
  expect_fault({{"aud", "[]"}}, JwtFault::kAudience);
  expect_fault({{"aud", "{\"weir-api\":1}"}}, JwtFault::kAudience);
  EXPECT_TRUE(verify(ec_.token(claims({{"aud", R"(["a","weir-api"])"}}))));
}

TEST_F(Verify, TimesHaveALittleLeeway) {
  const std::string token = ec_.token(claims());
  EXPECT_TRUE(verify(token, kNow + 600 + kJwtLeewayS - 1));
  EXPECT_EQ(verify(token, kNow + 600 + kJwtLeewayS).error().fault, JwtFault::kExpired);
  expect_fault({{"exp", ""}}, JwtFault::kClaims);
  expect_fault({{"exp", "\"1800000000\""}}, JwtFault::kClaims);
  expect_fault({{"exp", "-1"}}, JwtFault::kClaims);
  const std::string early = std::to_string(kNow + kJwtLeewayS + 1);
  expect_fault({{"nbf", early}}, JwtFault::kTooEarly);
  expect_fault({{"iat", early}}, JwtFault::kTooEarly);
  expect_fault({{"nbf", "null"}}, JwtFault::kClaims);
  EXPECT_TRUE(verify(ec_.token(claims({{"nbf", std::to_string(kNow + kJwtLeewayS)}}))));
}

TEST_F(Verify, ReadsGroupsAndTheRole) {
  const auto got = verify(ec_.token(claims({{"realm", R"({"roles":["b","a","b","operators"]})"}})));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->groups, (std::vector<std::string>{"a", "b", "operators"}));
  EXPECT_TRUE(got->admin);
  const auto flat = verify(ec_.token(claims({{"realm.roles", "\"single\""}})));
  ASSERT_TRUE(flat);
  EXPECT_EQ(flat->groups, std::vector<std::string>{"single"});
  EXPECT_FALSE(flat->admin);
}

// A group that is left out might be the one that a policy denies.
TEST_F(Verify, RefusesGroupsThatCannotAllBeRead) {
  expect_fault({{"realm", R"({"roles":[1]})"}}, JwtFault::kClaims);
  expect_fault({{"realm", R"({"roles":{"a":1}})"}}, JwtFault::kClaims);
  expect_fault({{"realm", "\"x\""}}, JwtFault::kClaims);
  expect_fault({{"realm", R"({"roles":["a\u0000"]})"}}, JwtFault::kClaims);
  expect_fault({{"realm", R"({"roles":[")" + std::string(257, 'g') + "\"]}"}}, JwtFault::kClaims);
  std::string many = "\"g\"";
  for (size_t i = 0; i < kMaxGroups; ++i) many += ",\"g\"";
  expect_fault({{"realm", "{\"roles\":[" + many + "]}"}}, JwtFault::kClaims);
}

TEST_F(Verify, NeedsASubjectThatCanBeShown) {
  expect_fault({{"sub", ""}}, JwtFault::kClaims);
  expect_fault({{"sub", "\"\""}}, JwtFault::kClaims);
  expect_fault({{"sub", "7"}}, JwtFault::kClaims);
  expect_fault({{"sub", R"("a\nb")"}}, JwtFault::kClaims);
  expect_fault({{"sub", "\"" + std::string(257, 's') + "\""}}, JwtFault::kClaims);
}

TEST_F(Verify, EachFaultSaysWhatToDo) {
  EXPECT_NE(describe(JwtFault::kExpired).find("sign in again"), std::string_view::npos);
  EXPECT_NE(describe(JwtFault::kIssuer), describe(JwtFault::kAudience));
}

}  // namespace
}  // namespace weir
