// Goal: what sign-in changes reaches the workers, and before those who wait for it are answered.
// Method: a control plane, an issuer that serves its keys, and the test as the worker.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "control/control_plane.h"
#include "control/digest.h"
#include "fake_worker.h"
#include "http_peer.h"
#include "jwt/verify.h"
#include "jwt_maker.h"

namespace weir {
namespace {

class ControlSignIn : public testing::Test {
 protected:
  void SetUp() override {
    write(config("10000"));
    ControlOptions options;
    options.config = test::fake_options();
    options.config_file = file_;
    auto made = ControlPlane::create(options, config_load(file_, options.config));
    ASSERT_TRUE(made) << made.error();
    plane_ = std::move(*made);
    WorkerLink* links[] = {&worker_.link};
    plane_->attach(links);
    worker_.turn(plane_->link());
  }
  void TearDown() override {
    plane_.reset();
    unlink(file_.c_str());
  }
  [[nodiscard]] std::string config(const std::string& callers) const {
    return "keys: [{name: app, key: app-key}]\nauth:\n  max_callers: " + callers +
           "\n  oidc: [{issuer: \"https://id.test\", audience: weir, tenant: acme, jwks_url: \"" +
           issuer_.url() + "/keys\"}]\nlog: {access: \"off\"}\n";
  }
  void write(const std::string& text) const { std::ofstream(file_) << text; }

  void push(uint8_t number, SignInCall::Want want = SignInCall::Want::kPrincipal) {
    auto* call = new SignInCall();
    call->worker = &worker_.link;
    call->want = want;
    call->issuer = "https://id.test";
    call->audience = "weir";
    call->digest[0] = number;
    call->subject = "user-" + std::to_string(number);
    call->expires_unix_s = int64_t{1} << 40;
    plane_->link()->sign_ins.push(call);
  }
  // The answers, each checked to be there no earlier than what they are about.
  std::vector<std::unique_ptr<SignInCall>> round() {
    plane_->tick(now_);
    std::vector<std::unique_ptr<SignInCall>> out;
    for (SignInCall* call = worker_.link.sign_ins.take_all(); call != nullptr;) {
      SignInCall* next = call->next_message;
      out.emplace_back(call);
      call = next;
    }
    worker_.turn(plane_->link());
    return out;
  }
  const Snapshot& snapshot() { return *worker_.current->snapshot; }

  const JwtMaker maker_{JwtMaker::Kind::kEc, "k1"};
  test::HttpPeer issuer_{[this](const std::string&) {
    return test::HttpPeer::reply(200, maker_.jwks());
  }};
  const std::string file_ =
      testing::TempDir() + "/weir-sign-in-" + std::to_string(getpid()) + ".yaml";
  std::unique_ptr<ControlPlane> plane_;
  test::FakeWorker worker_;
  Millis now_ = 1'000;
};

TEST_F(ControlSignIn, AllWhoAskInOneRoundShareAPublication) {
  const uint64_t before = snapshot().epoch();
  for (uint8_t i = 1; i <= 20; ++i) push(i % 10 + 1);
  const auto answers = round();
  ASSERT_EQ(answers.size(), 20u);
  EXPECT_EQ(snapshot().epoch(), before + 1);
  for (const auto& answer : answers) {
    EXPECT_TRUE(answer->ok) << answer->message;
    const Principal* principal = snapshot().find_principal(answer->digest);
    ASSERT_NE(principal, nullptr);
    EXPECT_EQ(principal->name, "user:" + answer->subject);
    EXPECT_EQ(principal->tenant, "acme");
  }
  // Known already: nothing is published.
  push(1);
  ASSERT_EQ(round().size(), 1u);
  EXPECT_EQ(snapshot().epoch(), before + 1);
}

TEST_F(ControlSignIn, TheKeysOfAnIssuerArePublishedWhenTheyAreThere) {
  push(1, SignInCall::Want::kKeys);
  std::vector<std::unique_ptr<SignInCall>> answers;
  for (int i = 0; i < 5'000 && answers.empty(); ++i) {
    answers = round();
    usleep(1'000);
  }
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0]->ok);
  const std::string token = maker_.token(
      R"({"iss":"https://id.test","aud":"weir","sub":"u","exp":4102444800})");
  EXPECT_TRUE(jwt_verify(token, *worker_.current->trust, 1'700'000'000));
}

TEST_F(ControlSignIn, AReloadDropsWhoeverItsIssuersDoNotSpeakFor) {
  push(1);
  const auto digest = round().at(0)->digest;
  EXPECT_NE(snapshot().find_principal(digest), nullptr);
  // A file that is refused changes nothing.
  write("auth: {oidc: [{issuer: x}]}\n");
  plane_->request_reload();
  round();
  EXPECT_NE(snapshot().find_principal(digest), nullptr);
  EXPECT_EQ(worker_.current->trust->issuers.size(), 2u);
  write("keys: [{name: app, key: app-key}]\nlog: {access: \"off\"}\n");
  plane_->request_reload();
  round();
  EXPECT_EQ(snapshot().find_principal(digest), nullptr);
  EXPECT_EQ(worker_.current->trust->issuers.size(), 1u);
  push(1);
  const auto answers = round();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_FALSE(answers[0]->ok);
  EXPECT_EQ(answers[0]->problem, Errc::kUnauthorized);
}

TEST_F(ControlSignIn, AKeyIsExchangedForATokenThatWorkersBelieve) {
  auto* call = new ManagementCall();
  call->worker = &worker_.link;
  call->method = "POST";
  call->path = "/identity/token";
  call->body =
      "apikey=app-key&grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey";
  plane_->link()->calls.push(call);
  round();
  ASSERT_EQ(worker_.answered.size(), 1u);
  const std::string& reply = worker_.answered[0]->reply;
  const size_t begin = reply.find(":\"") + 2;
  const std::string token = reply.substr(begin, reply.find('"', begin) - begin);
  const auto claims = jwt_verify(token, *worker_.current->trust, unix_now_ms() / 1000);
  ASSERT_TRUE(claims) << reply;
  const Snapshot::Key key = snapshot().find_key(claims->subject);
  ASSERT_NE(key.principal, nullptr);
  EXPECT_EQ(key.principal->name, "app");
  EXPECT_EQ(claims->mark, jwt_key_mark(sha256_digest("app-key")));
}

}  // namespace
}  // namespace weir
