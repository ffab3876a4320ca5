#include "control/signin/sign_in_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/digest.h"
#include "control/signin/sign_in.h"
#include "jwt/json_record.h"

namespace weir {
namespace {

using testing::HasSubstr;

constexpr int64_t kNow = 1'700'000'000;
constexpr char kGrant[] = "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey";

class SignInApi : public testing::Test {
 protected:
  SignInApi() {
    auto opened = SignIn::open("", std::make_shared<const Sealer>(Sealer::random()), &outbound_,
                               [](const std::string&) {}, kNow);
    EXPECT_TRUE(opened);
    sign_in_ = std::move(*opened);
    config_.auth.attempts_per_minute = 5;
    sign_in_->configure(config_);
    SnapshotBuilder builder(1, 7);
    add(&builder, "id-1", sha256_digest("weir key+1"));
    add(&builder, "id-2", sha256_digest("brief"), kNow + 100);
    add(&builder, "id-3", sha256_digest("over"), kNow);
    const std::string hidden("\0subject", 8);
    add(&builder, "id-4", sha256_digest(hidden));
    snapshot_ = builder.build();
  }
  static void add(SnapshotBuilder* builder, const char* id, const KeyDigest& digest,
                  int64_t expires = 0) {
    Principal principal;
    principal.id = id;
    principal.expires_unix_s = expires;
    EXPECT_TRUE(builder->add_principal(digest, std::move(principal)));
  }
  ManagementCall ask(SignInForm form, std::string body, const char* peer = "192.0.2.1") {
    ManagementCall call;
    call.body = std::move(body);
    call.peer = peer;
    sign_in_answer({*sign_in_, *snapshot_, now_, kNow}, form, call);
    return call;
  }
  static JsonRecord json(const ManagementCall& call) {
    auto object = JsonRecord::parse(call.reply);
    EXPECT_TRUE(object) << call.reply;
    return object ? std::move(*object) : JsonRecord();
  }
  // Who a token that was given speaks for.
  std::string subject(const std::string& token) {
    const auto claims = jwt_verify(token, *sign_in_->trust(), kNow);
    return claims ? claims->subject : "";
  }

  Config config_;
  Outbound outbound_{nullptr};
  std::unique_ptr<SignIn> sign_in_;
  std::unique_ptr<const Snapshot> snapshot_;
  Millis now_ = 1'000;
};

TEST_F(SignInApi, IamGivesATokenForAKey) {
  const auto call = ask(SignInForm::kIam, std::string("apikey=weir+key%2B1&") + kGrant +
                                              "&response_type=cloud_iam&scope=a%20b&more=1");
  ASSERT_FALSE(call.has_error) << call.error_message;
  EXPECT_EQ(call.status, 200);
  EXPECT_THAT(call.reply_fields, HasSubstr("no-store"));
  const JsonRecord reply = json(call);
  EXPECT_EQ(subject(reply.text("access_token").value_or("")), "id-1");
  EXPECT_EQ(reply.text("token_type"), "Bearer");
  EXPECT_EQ(reply.number("expires_in"), 3600);
  EXPECT_EQ(reply.number("expiration"), kNow + 3600);
  EXPECT_TRUE(reply.has("refresh_token"));
  EXPECT_TRUE(reply.has("scope"));
}

TEST_F(SignInApi, ATokenEndsNoLaterThanItsKey) {
  const auto call = ask(SignInForm::kIam, std::string("apikey=brief&") + kGrant);
  EXPECT_EQ(json(call).number("expires_in"), 100);
}

TEST_F(SignInApi, TheOtherFormsGiveTheSame) {
  for (const char* body : {R"({"username":"u","api_key":"weir key+1"})",
                           R"({"username":"u","password":"weir key+1"})"}) {
    EXPECT_EQ(subject(json(ask(SignInForm::kCpd, body)).text("token").value_or("")), "id-1");
  }
  const auto call = ask(SignInForm::kApiKeys, R"({"apikey":"weir key+1"})");
  EXPECT_EQ(subject(json(call).text("token").value_or("")), "id-1");
  EXPECT_EQ(json(ask(SignInForm::kVersion, "")).text("version"), "5.2.0");
}

TEST_F(SignInApi, IamSaysWhyInItsOwnForm) {
  struct Case {
    std::string body;
    const char* code;
  };
  for (const Case& one : {Case{std::string("apikey=wrong&") + kGrant, "BXNIM0415E"},
                          Case{std::string("apikey=over&") + kGrant, "BXNIM0415E"},
                          Case{kGrant, "BXNIM0109E"}, Case{"", "BXNIM0109E"},
                          Case{"apikey=weir+key%2B1&grant_type=password", "BXNIM0106E"},
                          Case{"grant_type=refresh_token&refresh_token=x", "BXNIM0106E"}}) {
    const auto call = ask(SignInForm::kIam, one.body, "192.0.2.9");
    EXPECT_TRUE(call.has_error) << one.body;
    EXPECT_EQ(call.status, 400);
    EXPECT_THAT(call.error_members, HasSubstr(std::string("\"errorCode\":\"") + one.code));
    EXPECT_THAT(call.error_members, HasSubstr("\"errorMessage\":\""));
    EXPECT_FALSE(call.error_message.empty());
  }
}

TEST_F(SignInApi, RefusesBodiesThatAreNotWhatTheRouteTakes) {
  for (const SignInForm form : {SignInForm::kCpd, SignInForm::kApiKeys}) {
    for (const char* body : {"", "apikey=x", "[]", "{}", R"({"apikey":1,"api_key":1})",
                             R"({"apikey":"","api_key":""})", R"({"api_key":"a","api_key":"b"})"}) {
      EXPECT_EQ(ask(form, body).status, 400) << body;
    }
  }
  EXPECT_EQ(ask(SignInForm::kCpd, R"({"username":"u","password":"wrong"})").status, 401);
}

// The records of callers of other issuers are found by digests of such texts.
TEST_F(SignInApi, NoTextWithControlCharactersIsAKey) {
  EXPECT_TRUE(ask(SignInForm::kIam, std::string("apikey=%00subject&") + kGrant).has_error);
  EXPECT_TRUE(ask(SignInForm::kCpd, R"({"api_key":"\u0000subject"})").has_error);
  EXPECT_TRUE(ask(SignInForm::kApiKeys, R"({"apikey":"\u0000subject"})").has_error);
}

TEST_F(SignInApi, AnAddressThatFailsTooOftenHasToWait) {
  const std::string wrong = std::string("apikey=wrong&") + kGrant;
  const std::string right = std::string("apikey=brief&") + kGrant;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(SignInForm::kIam, wrong).status, 400);
  for (const SignInForm form : {SignInForm::kIam, SignInForm::kCpd, SignInForm::kApiKeys}) {
    const auto call = ask(form, right);
    EXPECT_EQ(call.status, 429);
    EXPECT_EQ(call.retry_after_ms, 12'000);
  }
  EXPECT_EQ(ask(SignInForm::kVersion, "").status, 200);
  EXPECT_EQ(ask(SignInForm::kIam, right, "192.0.2.2").status, 200);
  now_ += 12'000;
  EXPECT_EQ(ask(SignInForm::kIam, right).status, 200);
  EXPECT_EQ(sign_in_->counters().issued, 2u);
  EXPECT_EQ(sign_in_->counters().refused, 5u);
}

}  // namespace
}  // namespace weir
