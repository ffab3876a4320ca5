#include "jwt/signing_key.h"

#include <gtest/gtest.h>

#include "jwt/jwt.h"
#include "jwt_maker.h"

namespace weir {
namespace {

TEST(SigningKey, WhatItSignsItsPublicHalfVerifies) {
  const SigningKey key = SigningKey::generate(), other = SigningKey::generate();
  const std::string token = key.token(R"({"sub":"x"})");
  const auto parsed = jwt_parse(token);
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed->kid, key.kid());
  EXPECT_EQ(parsed->alg, JwtAlg::kEs256);
  EXPECT_EQ(parsed->claims.text("sub"), "x");
  EXPECT_TRUE(key.public_key().verify(parsed->signed_part, parsed->signature));
  EXPECT_FALSE(other.public_key().verify(parsed->signed_part, parsed->signature));
  EXPECT_NE(key.kid(), other.kid());
}

TEST(SigningKey, ComesBackFromWhatWasSaved) {
  const SigningKey key = SigningKey::generate();
  const auto again = SigningKey::load(key.save());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->kid(), key.kid());
  const std::string token = again->token("{}");
  const auto parsed = jwt_parse(token);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(key.public_key().verify(parsed->signed_part, parsed->signature));
}

TEST(SigningKey, LoadsNothingElse) {
  const std::string saved = SigningKey::generate().save();
  EXPECT_FALSE(SigningKey::load(""));
  EXPECT_FALSE(SigningKey::load("key"));
  EXPECT_FALSE(SigningKey::load(saved.substr(0, saved.size() - 1)));
  EXPECT_FALSE(SigningKey::load(saved + "x"));
}

}  // namespace
}  // namespace weir
