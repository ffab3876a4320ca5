// Goal: keys are fetched, kept and fetched again when they should be, and whoever waits is
// answered. Method: a scripted server and the control thread's loop, with the test's clock.
#include "control/signin/issuer_keys.h"

#include <gtest/gtest.h>

#include "../http_peer.h"
#include "jwt_maker.h"

namespace weir {
namespace {

class IssuerKeysTest : public testing::Test {
 protected:
  IssuerKeysTest() { auth_.jwks_pause_ms = 1'000; }

  void configure(const std::string& path = "/keys") {
    auth_.oidc.resize(1);
    auth_.oidc[0].issuer = "https://id.test";
    auth_.oidc[0].audience = "weir";
    if (!path.empty()) auth_.oidc[0].jwks_url = peer_.url() + path;
    if (path.empty()) auth_.oidc[0].issuer = peer_.url() + "/realm/";
    keys_.configure(auth_, false);
  }
  std::string serve(const std::string& request) {
    const std::lock_guard lock(mutex_);
    if (request.starts_with("GET /realm/.well-known/openid-configuration ")) {
      return test::HttpPeer::reply(200, R"({"issuer":")" + named_issuer_ + R"(","jwks_uri":")" +
                                            peer_.url() + "/keys\"}");
    }
    return test::HttpPeer::reply(status_, body_);
  }
  void answer_with(int status, std::string body) {
    const std::lock_guard lock(mutex_);
    status_ = status;
    body_ = std::move(body);
  }
  void run(Millis now) {
    keys_.tick(now);
    while (outbound_.in_flight() != 0) {
      outbound_.wait(-1, 10);
      outbound_.perform();
    }
  }
  std::unique_ptr<SignInCall> ask(Millis now) {
    auto* call = new SignInCall();
    call->want = SignInCall::Want::kKeys;
    call->issuer = auth_.oidc[0].issuer;
    call->audience = "weir";
    keys_.ask(call, now);
    run(now);
    return std::unique_ptr<SignInCall>(keys_.release());
  }

  std::mutex mutex_;
  const JwtMaker first_{JwtMaker::Kind::kEc, "k1"}, second_{JwtMaker::Kind::kEc, "k2"};
  int status_ = 200;
  std::string body_ = first_.jwks(), named_issuer_;
  test::HttpPeer peer_{[this](const std::string& request) { return serve(request); }};
  AuthConfig auth_;
  Outbound outbound_{nullptr};
  std::vector<std::string> reports_;
  IssuerKeys keys_{&outbound_, [this](const std::string& line) { reports_.push_back(line); }};
};

TEST_F(IssuerKeysTest, AreFetchedAndRefreshed) {
  configure();
  EXPECT_TRUE(keys_.keys(0).empty());
  run(1'000);
  ASSERT_EQ(keys_.keys(0).size(), 1u);
  EXPECT_EQ(keys_.keys(0)[0].kid, "k1");
  EXPECT_TRUE(keys_.take_changed());
  run(1'000 + auth_.jwks_refresh_ms - 1);
  EXPECT_EQ(keys_.fetches(), 1u);
  // The same again is no change.
  run(1'000 + auth_.jwks_refresh_ms);
  EXPECT_EQ(keys_.fetches(), 2u);
  EXPECT_FALSE(keys_.take_changed());
  answer_with(200, second_.jwks());
  run(1'000 + 2 * auth_.jwks_refresh_ms);
  EXPECT_TRUE(keys_.take_changed());
  EXPECT_EQ(keys_.keys(0)[0].kid, "k2");
  // The same place under new settings keeps what is known.
  auth_.oidc[0].groups_claim = "roles";
  configure();
  EXPECT_EQ(keys_.keys(0)[0].kid, "k2");
}

TEST_F(IssuerKeysTest, StayWhenAFetchFails) {
  configure();
  run(1'000);
  Millis now = 1'000 + auth_.jwks_refresh_ms;
  for (const auto& [status, body] : std::vector<std::pair<int, std::string>>{
           {500, "{}"}, {200, "<html>"}, {200, "{\"keys\":[]}"}}) {
    answer_with(status, body);
    run(now);
    ASSERT_EQ(keys_.keys(0).size(), 1u) << body;
    now += 60'000;
  }
  EXPECT_EQ(keys_.failures(), 3u);
  // One line for all of them, another when it is over.
  ASSERT_EQ(reports_.size(), 1u);
  EXPECT_NE(reports_[0].find("id.test"), std::string::npos);
  answer_with(200, first_.jwks());
  run(now);
  EXPECT_EQ(reports_.size(), 2u);
}

TEST_F(IssuerKeysTest, AnUnknownKeyIsAReasonToFetchOncePerPause) {
  configure();
  run(1'000);
  answer_with(200, second_.jwks());
  // Too soon after the last time: its answer stands.
  EXPECT_TRUE(ask(1'500)->ok);
  EXPECT_EQ(keys_.fetches(), 1u);
  EXPECT_TRUE(ask(2'000)->ok);
  EXPECT_EQ(keys_.fetches(), 2u);
  EXPECT_EQ(keys_.keys(0)[0].kid, "k2");
  for (Millis now = 2'100; now < 3'000; now += 100) EXPECT_NE(ask(now), nullptr);
  EXPECT_EQ(keys_.fetches(), 2u);
}

TEST_F(IssuerKeysTest, WhoAsksInVainIsToldToTryAgain) {
  configure();
  answer_with(503, "");
  const auto call = ask(1'000);
  EXPECT_FALSE(call->ok);
  EXPECT_EQ(call->problem, Errc::kOverloaded);
  EXPECT_FALSE(ask(1'100)->ok);
  configure();
  auto* gone = new SignInCall();
  gone->issuer = "https://other.test";
  keys_.ask(gone, 1'200);
  EXPECT_FALSE(std::unique_ptr<SignInCall>(keys_.release())->ok);
}

TEST_F(IssuerKeysTest, AreFoundByDiscovery) {
  named_issuer_ = peer_.url() + "/realm/";
  configure("");
  run(1'000);
  ASSERT_EQ(keys_.keys(0).size(), 1u);
  EXPECT_EQ(peer_.requests().size(), 2u);
}

// Else one issuer could bring its keys in for another.
TEST_F(IssuerKeysTest, ADiscoveryDocumentHasToNameItsIssuer) {
  named_issuer_ = "https://other.test";
  configure("");
  run(1'000);
  EXPECT_TRUE(keys_.keys(0).empty());
  EXPECT_EQ(peer_.requests().size(), 1u);
  EXPECT_EQ(keys_.failures(), 1u);
}

}  // namespace
}  // namespace weir
