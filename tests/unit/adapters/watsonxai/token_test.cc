// Goal: a watsonx.ai credential is exchanged as IBM Cloud and installations on premises want it,
// nothing of it shows in an error, and an attempt asks for a token when it has none and for another
// one when it was refused, once.
#include <fstream>
#include <iterator>

#include "adapters/common/json_walk.h"
#include "tests/shared/paths.h"
#include "tests/unit/adapters/harness.h"

namespace weir::test {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;
constexpr std::string_view kChat = R"({"model":"m","messages":[{"role":"user","content":"a"}]})";

class WatsonxToken : public testing::Test {
 protected:
  WatsonxToken() : harness_("watsonxai", Endpoint::kChat) {
    harness_.provider().base_path.clear();
    option("project_id", "proj-1");
  }
  void option(std::string_view name, std::string_view value) {
    harness_.provider().options.emplace_back(name, value);
  }
  TokenRequest request() {
    TokenRequest out;
    EXPECT_TRUE(harness_.adapter().token_request(harness_.provider(), &out).has_value());
    return out;
  }
  Result<void> reply(int status, std::string_view body, Token* token) {
    return harness_.adapter().token_reply(status, body, kNow, token);
  }
  Step step() {
    Step step;
    EXPECT_TRUE(harness_.next(&step).has_value());
    return step;
  }

  Harness harness_;
};

TEST_F(WatsonxToken, CloudTakesAForm) {
  harness_.provider().credential = "a+b/c=d&e~f";
  const TokenRequest sent = request();
  EXPECT_EQ("https://iam.cloud.ibm.com/identity/token", sent.url);
  EXPECT_EQ("grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey"
            "&apikey=a%2Bb%2Fc%3Dd%26e~f",
            sent.body);
  const std::pair<std::string, std::string> form{"Content-Type",
                                                 "application/x-www-form-urlencoded"};
  EXPECT_EQ(form, sent.headers.at(0));
}

TEST_F(WatsonxToken, AnotherCloudAddressWithAndWithoutPath) {
  option("auth_url", "http://127.0.0.1:99/");
  EXPECT_EQ("http://127.0.0.1:99/identity/token", request().url);
  harness_.provider().options.back().second = "https://iam.test/oidc/token";
  EXPECT_EQ("https://iam.test/oidc/token", request().url);
}

TEST_F(WatsonxToken, OnPremisesTakesUserAndKey) {
  harness_.provider().tls = true;
  option("auth", "cpd");
  option("username", "me \"there\"");
  const TokenRequest sent = request();
  EXPECT_EQ("https://api.example/icp4d-api/v1/authorize", sent.url);
  EXPECT_EQ(R"({"username":"me \"there\"","api_key":"secret-key-123456"})", sent.body);
}

TEST_F(WatsonxToken, TheAddressTellsThePremises) {
  option("username", "me");
  option("auth_url", "https://cpd.example/icp4d-api/v1/authorize");
  EXPECT_EQ("https://cpd.example/icp4d-api/v1/authorize", request().url);
  EXPECT_TRUE(request().body.starts_with("{\"username\""));
}

TEST_F(WatsonxToken, LifeCountsFromTheOwnClock) {
  Token token;
  ASSERT_TRUE(reply(200, R"({"access_token":"tok","expires_in":3600,"expiration":5})", &token));
  EXPECT_EQ("tok", token.value);
  EXPECT_EQ(kNow + 3'600'000, token.expires_unix_ms);
}

// {"iat":1000,"exp":1700} as claims.
TEST_F(WatsonxToken, ClaimsSayHowLongWhenTheAnswerDoesNot) {
  Token token;
  ASSERT_TRUE(reply(200, R"({"token":"h.eyJpYXQiOjEwMDAsImV4cCI6MTcwMH0.s"})", &token));
  EXPECT_EQ(kNow + 700'000, token.expires_unix_ms);
  ASSERT_TRUE(reply(200, R"({"token":"opaque"})", &token));
  EXPECT_GT(token.expires_unix_ms, kNow);
  EXPECT_LT(token.expires_unix_ms, kNow + 3'600'000);
}

TEST_F(WatsonxToken, AnswersWithoutAUsableToken) {
  Token token;
  for (const std::string_view body :
       {"", "{}", "<html>", R"({"access_token":""})", R"({"access_token":"a b"})",
        R"({"access_token":"a\r\nX: y"})", R"({"access_token":7})"}) {
    const auto read = reply(200, body, &token);
    ASSERT_FALSE(read) << body;
    EXPECT_EQ(Errc::kUpstreamUnavailable, read.error().code) << body;
  }
}

TEST_F(WatsonxToken, FailuresAreToldApart) {
  Token token;
  const auto code = [&](int status, std::string_view body) {
    const auto read = reply(status, body, &token);
    EXPECT_FALSE(read);
    return read ? Errc::kInternal : read.error().code;
  };
  EXPECT_EQ(Errc::kUpstreamAuth, code(400, R"({"errorCode":"BXNIM0415E","errorMessage":"key"})"));
  EXPECT_EQ(Errc::kUpstreamAuth, code(401, ""));
  EXPECT_EQ(Errc::kUpstreamRateLimited, code(429, ""));
  EXPECT_EQ(Errc::kUpstreamUnavailable, code(404, ""));
  EXPECT_EQ(Errc::kUpstreamUnavailable, code(503, ""));
  EXPECT_EQ(Errc::kUpstreamUnavailable, code(302, ""));
}

TEST_F(WatsonxToken, NothingOfTheAnswerShowsInAnError) {
  Token token;
  const auto read = reply(400, R"({"errorCode":"X","errorMessage":"bad key s3cr3t"})", &token);
  ASSERT_FALSE(read);
  EXPECT_EQ(std::string_view::npos, read.error().message.find("s3cr3t"));
}

TEST_F(WatsonxToken, AsksFirstThenSendsIt) {
  ASSERT_TRUE(harness_.begin(kChat));
  const Step asked = step();
  EXPECT_EQ(StepKind::kNeedToken, asked.kind);
  EXPECT_FALSE(asked.refresh);
  harness_.call().token = "tok-1";
  const Step sent = step();
  ASSERT_EQ(StepKind::kSend, sent.kind);
  EXPECT_NE(std::string_view::npos, sent.request.head.find("Authorization: Bearer tok-1\r\n"));
  EXPECT_EQ(std::string_view::npos, sent.request.head.find("secret-key"));
}

TEST_F(WatsonxToken, OneRefusedTokenIsRenewedASecondIsAnError) {
  ASSERT_TRUE(harness_.begin(kChat));
  harness_.call().token = "tok-1";
  ASSERT_EQ(StepKind::kSend, step().kind);
  Reply refusal;
  refusal.status = 401;
  ASSERT_TRUE(harness_.adapter().inspect(harness_.call(), refusal));
  const Padded body(R"({"errors":[{"code":"authentication_token_expired","message":"old"}]})");
  refusal.body = body.view();
  harness_.call().reply = &refusal;
  const Step again = step();
  EXPECT_EQ(StepKind::kNeedToken, again.kind);
  EXPECT_TRUE(again.refresh);
  harness_.call().token = "tok-2";
  const Step sent = step();
  ASSERT_EQ(StepKind::kSend, sent.kind);
  EXPECT_NE(std::string_view::npos, sent.request.head.find("Bearer tok-2\r\n"));
  const Step failed = step();
  ASSERT_EQ(StepKind::kFail, failed.kind);
  EXPECT_EQ(Fault::kCredential, failed.error.fault);
  EXPECT_EQ(Errc::kUpstreamAuth, failed.error.code);
  EXPECT_NE(std::string_view::npos, failed.error.message.find("old"));
}

TEST_F(WatsonxToken, OtherRepliesAreNotInspected) {
  ASSERT_TRUE(harness_.begin(kChat));
  Reply reply;
  for (const int status : {200, 400, 403, 429, 500}) {
    reply.status = status;
    EXPECT_FALSE(harness_.adapter().inspect(harness_.call(), reply)) << status;
  }
}

TEST_F(WatsonxToken, CredentialsThatNeedNoExchange) {
  option("auth", "zen");
  option("username", "me");
  ASSERT_TRUE(harness_.begin(kChat));
  const Step zen = step();
  ASSERT_EQ(StepKind::kSend, zen.kind);
  // base64 of me:secret-key-123456
  EXPECT_NE(std::string_view::npos,
            zen.request.head.find("Authorization: ZenApiKey bWU6c2VjcmV0LWtleS0xMjM0NTY=\r\n"));
  Reply refusal;
  refusal.status = 401;
  EXPECT_FALSE(harness_.adapter().inspect(harness_.call(), refusal));
}

TEST_F(WatsonxToken, TheUsersOwnHeaderWins) {
  harness_.provider().headers.emplace_back("Authorization", "Bearer own");
  ASSERT_TRUE(harness_.begin(kChat));
  const Step sent = step();
  ASSERT_EQ(StepKind::kSend, sent.kind);
  EXPECT_NE(std::string_view::npos, sent.request.head.find("Authorization: Bearer own\r\n"));
}

TEST_F(WatsonxToken, TheRecordedAnswer) {
  const std::string root = test::fixtures_dir();
  std::ifstream file(root + "/watsonxai/iam-token-iam.json", std::ios::binary);
  if (!file) GTEST_SKIP() << "no recordings at " << root << "; set WEIR_FIXTURES";
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  Arena arena;
  const auto plain = [&](std::string_view token) { return json_unquote(token, arena); };
  const std::string_view sent = json_member(json_member(text, "request"), "body");
  const std::string_view body = plain(json_member(text, "provider_body"));
  harness_.provider().credential = "test_api_key";
  for (const std::string_view member :
       {"apikey=test_api_key", "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey"}) {
    EXPECT_NE(std::string_view::npos, sent.find(member));
    EXPECT_NE(std::string::npos, request().body.find(member));
  }
  Token token;
  ASSERT_TRUE(reply(200, body, &token));
  EXPECT_EQ(json_inner(json_member(body, "access_token")), token.value);
  EXPECT_EQ(kNow + 3'600'000, token.expires_unix_ms);
}

}  // namespace
}  // namespace weir::test
