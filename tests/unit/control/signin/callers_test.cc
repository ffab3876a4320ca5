#include "control/signin/callers.h"

#include <gtest/gtest.h>

#include "control/digest.h"

namespace weir {
namespace {

constexpr int64_t kNow = 1'700'000'000;

AuthConfig make_config(uint32_t most = 3) {
  AuthConfig config;
  config.max_callers = most;
  OidcConfig issuer;
  issuer.issuer = "https://id.test";
  issuer.audience = "weir";
  issuer.tenant = "acme";
  issuer.environment = "sandbox";
  config.oidc.push_back(issuer);
  return config;
}

SignInCall make_call(uint8_t number, int64_t expires = kNow + 600) {
  SignInCall call;
  call.issuer = "https://id.test";
  call.audience = "weir";
  call.digest[0] = number;
  call.subject = "user-" + std::to_string(number);
  call.groups = {"staff"};
  call.admin = number == 1;
  call.expires_unix_s = expires;
  return call;
}

TEST(SignedInCallers, BecomeKeysOfTheirIssuersTenant) {
  SignedInCallers callers;
  callers.configure(make_config());
  SignInCall call = make_call(1);
  EXPECT_TRUE(callers.add(&call, kNow));
  EXPECT_TRUE(callers.take_changed());
  EXPECT_TRUE(callers.add(&call, kNow));
  EXPECT_FALSE(callers.take_changed());
  const auto keys = callers.keys(make_config());
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(digest_from_hex(keys[0].sha256), call.digest);
  EXPECT_EQ(keys[0].name, "user:user-1");
  EXPECT_EQ(keys[0].user, "user-1");
  EXPECT_EQ(keys[0].tenant, "acme");
  EXPECT_EQ(keys[0].environment, "sandbox");
  EXPECT_EQ(keys[0].role, Role::kAdmin);
  EXPECT_EQ(keys[0].groups, std::vector<std::string>{"staff"});
  EXPECT_EQ(keys[0].uuid.size(), 36u);
  EXPECT_TRUE(callers.keys(AuthConfig()).empty());
}

TEST(SignedInCallers, AreBoundedAndMakeRoomWhenTheyAreOver) {
  SignedInCallers callers;
  callers.configure(make_config());
  for (uint8_t i = 1; i <= 3; ++i) {
    SignInCall call = make_call(i, kNow + i);
    EXPECT_TRUE(callers.add(&call, kNow));
  }
  SignInCall one_more = make_call(4);
  EXPECT_FALSE(callers.add(&one_more, kNow));
  EXPECT_EQ(one_more.problem, Errc::kOverloaded);
  EXPECT_FALSE(one_more.message.empty());
  EXPECT_TRUE(callers.add(&one_more, kNow + 1));
  EXPECT_EQ(callers.size(), 3u);
}

TEST(SignedInCallers, ALaterTokenProlongsARecord) {
  SignedInCallers callers;
  callers.configure(make_config());
  SignInCall call = make_call(1, kNow + 10);
  EXPECT_TRUE(callers.add(&call, kNow));
  call.expires_unix_s = kNow + 100;
  EXPECT_TRUE(callers.add(&call, kNow));
  EXPECT_FALSE(callers.expire(kNow + 99));
  EXPECT_TRUE(callers.expire(kNow + 100));
  EXPECT_EQ(callers.size(), 0u);
}

TEST(SignedInCallers, GoWithTheirIssuer) {
  SignedInCallers callers;
  callers.configure(make_config());
  SignInCall call = make_call(1);
  EXPECT_TRUE(callers.add(&call, kNow));
  callers.configure(AuthConfig());
  EXPECT_EQ(callers.size(), 0u);
  EXPECT_FALSE(callers.add(&call, kNow));
  EXPECT_EQ(call.problem, Errc::kUnauthorized);
}

}  // namespace
}  // namespace weir
