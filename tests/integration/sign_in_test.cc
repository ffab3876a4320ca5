// Signing in over real sockets: tokens of Weir's own, and of an issuer whose keys a scripted server
// gives out.
#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "jwt_maker.h"
#include "servers.h"
#include "tests/unit/control/http_peer.h"

namespace weir::integration {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string form_request(const std::string& key) {
  const std::string body =
      "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=" + key;
  return "POST /identity/token HTTP/1.1\r\nHost: weir\r\nContent-Type: "
         "application/x-www-form-urlencoded\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string token_in(const Answer& answer) {
  constexpr std::string_view kName = "\"access_token\":\"";
  const size_t at = answer.body.find(kName);
  EXPECT_NE(at, std::string::npos) << answer.head << answer.body;
  if (at == std::string::npos) return {};
  const size_t begin = at + kName.size();
  return answer.body.substr(begin, answer.body.find('"', begin) - begin);
}

constexpr char kRoutes[] =
    "providers: [{name: local, type: loopback}]\n"
    "models:\n  - {provider: local, id: loopback, alias: chat}\n"
    "  - {provider: local, id: loopback, alias: chat, environment: sandbox}\n";
const std::string kKeys = std::string("keys:\n  - {name: user, key: ") + kUserKey + "}\n";

TEST(SignIn, ATokenStandsForItsKeyUntilTheKeyIsGone) {
  Gateway gateway(std::string(kRoutes) + kKeys + "log: {access: \"off\"}\n");
  const std::string token = token_in(gateway.ask(form_request(kUserKey)));
  Peer peer(gateway.port());
  for (int i = 0; i < 3; ++i) {
    peer.send(chat_request("chat", false, token));
    EXPECT_EQ(peer.read().status, 200);
  }
  EXPECT_EQ(gateway.ask(get_request("/metrics", token)).status, 403);
  // One of an admin's key is an admin's.
  const std::string admin = token_in(gateway.ask(form_request(kAdminKey)));
  const std::string page = gateway.ask(get_request("/metrics", admin)).body;
  EXPECT_EQ(number_after(page, "\nweir_sign_ins_total "), 2);
  EXPECT_EQ(number_after(page, "\nweir_jwt_checks_total "), 2);
  // The signing key is kept: a restart ends no token.
  gateway.process().signal(SIGTERM);
  EXPECT_EQ(gateway.process().wait(), 0);
  gateway.start();
  EXPECT_EQ(gateway.ask(chat_request("chat", false, token)).status, 200);
  // Another value of the key ends it, and so does the key's end; on open connections too.
  Peer open(gateway.port());
  open.send(chat_request("chat", false, token));
  EXPECT_EQ(open.read().status, 200);
  gateway.write(std::string(kRoutes) + "keys:\n  - {name: user, key: another-value}\n");
  gateway.reload();
  open.send(chat_request("chat", false, token));
  const Answer answer = open.read();
  EXPECT_EQ(answer.status, 401);
  EXPECT_THAT(answer.body, HasSubstr("sign in"));
  EXPECT_EQ(gateway.ask(form_request(kUserKey)).status, 400);
}

TEST(SignIn, AnAddressThatGuessesHasToWait) {
  Gateway gateway(std::string(kRoutes) + kKeys + "auth: {failed_attempts_per_minute: 2}\n");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(gateway.ask(form_request("guess")).status, 400);
  const Answer answer = gateway.ask(form_request(kUserKey));
  EXPECT_EQ(answer.status, 429);
  EXPECT_GE(std::atoi(answer.field("retry-after").c_str()), 1);
  EXPECT_THAT(answer.body, HasSubstr("\"errorCode\""));
  EXPECT_THAT(answer.body, HasSubstr("\"error\":{"));
  // Keys themselves go on working.
  EXPECT_EQ(gateway.ask(chat_request("chat")).status, 200);
  EXPECT_THAT(gateway.process().err(), Not(HasSubstr("guess")));
}

class Oidc : public testing::Test {
 protected:
  [[nodiscard]] std::string config() const {
    return std::string(kRoutes) + kKeys +
           "auth:\n  jwks_pause: 100ms\n  oidc:\n"
           "    - {issuer: \"https://id.test\", audience: weir-api, environment: sandbox,"
           " admin_groups: [operators], jwks_url: \"" + issuer_.url() + "/keys\"}\n";
  }
  [[nodiscard]] static std::string token(const JwtMaker& maker, const std::string& subject,
                                         const std::string& groups = "[]") {
    const int64_t now = std::time(nullptr);
    return maker.token(R"({"iss":"https://id.test","aud":"weir-api","sub":")" + subject +
                       R"(","groups":)" + groups + ",\"iat\":" + std::to_string(now) +
                       ",\"exp\":" + std::to_string(now + 600) + "}");
  }
  void serve(std::string keys) {
    const std::lock_guard lock(mutex_);
    keys_ = std::move(keys);
  }

  std::mutex mutex_;
  const JwtMaker first_{JwtMaker::Kind::kRsa, "k1"}, second_{JwtMaker::Kind::kEc, "k2"};
  std::string keys_ = first_.jwks();
  test::HttpPeer issuer_{[this](const std::string&) {
    const std::lock_guard lock(mutex_);
    return test::HttpPeer::reply(keys_.empty() ? 503 : 200, keys_);
  }};
};

TEST_F(Oidc, ManyAtOnceAreOneCaller) {
  Gateway gateway(config(), {.arguments = {"--workers", "2"}});
  const std::string user = token(first_, "user-1");
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<Peer> peers;
      for (int i = 0; i < 16; ++i) peers.emplace_back(gateway.port());
      for (Peer& peer : peers) peer.send(chat_request("chat", false, user));
      for (Peer& peer : peers) good += peer.read().status == 200 ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 64);
  const std::string page = gateway.metrics();
  EXPECT_EQ(number_after(page, "\nweir_callers "), 1);
  // A worker that has not seen the first keys yet asks once more, but never does each request.
  const int64_t fetches = number_after(page, "\nweir_jwks_fetches_total ");
  EXPECT_GE(fetches, 1);
  EXPECT_LE(fetches, 2);
  // Everything goes on as it does with a key; the name says who it was.
  const Answer usage =
      gateway.ask(get_request("/v1/usage/user?environment=sandbox", user));
  EXPECT_EQ(usage.status, 200) << usage.body;
}

TEST_F(Oidc, GroupsMakeAdmins) {
  Gateway gateway(config());
  EXPECT_EQ(gateway.ask(get_request("/metrics", token(first_, "a"))).status, 403);
  EXPECT_EQ(gateway.ask(get_request("/metrics", token(first_, "a", R"(["x","operators"])"))).status,
            200);
  for (const std::string& bad :
       {token(second_, "a"), first_.token("{}"), token(first_, ""), token(first_, "a", "[7]")}) {
    const Answer answer = gateway.ask(get_request("/v1/models", bad));
    EXPECT_EQ(answer.status, 401);
    EXPECT_THAT(answer.body, HasSubstr("token"));
  }
}

TEST_F(Oidc, ANewKeyIsFetchedWhenATokenNamesItAndOldOnesStayWhenNobodyAnswers) {
  Gateway gateway(config());
  EXPECT_EQ(gateway.ask(chat_request("chat", false, token(first_, "a"))).status, 200);
  serve("{\"keys\":[" + first_.jwk() + "," + second_.jwk() + "]}");
  // Within the pause behind the first fetch it is refused.
  EXPECT_TRUE(until([&] {
    return gateway.ask(chat_request("chat", false, token(second_, "b"))).status == 200;
  }));
  serve("");
  const JwtMaker third(JwtMaker::Kind::kEc, "k3");
  EXPECT_TRUE(until([&] {
    return gateway.ask(chat_request("chat", false, token(third, "c"))).status == 503;
  }));
  for (const JwtMaker* maker : {&first_, &second_}) {
    EXPECT_EQ(gateway.ask(chat_request("chat", false, token(*maker, "d"))).status, 200);
  }
  EXPECT_THAT(gateway.process().err(), HasSubstr("cannot be fetched"));
}

}  // namespace
}  // namespace weir::integration
