// Goal: a request whose caller only the control thread can name waits, goes on, is refused or ends,
// and nothing of it stays behind. Method: a worker in the simulated world; the test is the control
// thread. The end of the world checks pins, holds and bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jwt/verify.h"
#include "jwt_maker.h"
#include "proxy/sign_in_wait.h"
#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

using testing::HasSubstr;

constexpr char kIssuer[] = "https://id.test";

class SignIn : public testing::Test {
 protected:
  SignIn() {
    world_.serve();
    trust(known_.jwks());
  }
  ~SignIn() override {
    // What a test did not answer.
    for (SignInCall* call = waiting_; call != nullptr;) {
      SignInCall* next = call->next_message;
      call->ok = false;
      world_.link.sign_ins.push(call);
      call = next;
    }
    wake();
  }

  void trust(const std::string& jwks) {
    auto made = std::make_shared<JwtTrust>();
    made->number = ++number_;
    JwtIssuer issuer;
    issuer.issuer = kIssuer;
    issuer.audience = "weir";
    issuer.keys = *jwk_set_read(jwks);
    made->issuers.push_back(std::move(issuer));
    world_.trust = std::move(made);
    world_.publish();
  }
  static std::string token(const JwtMaker& maker, const std::string& subject = "user-1") {
    return maker.token(R"({"iss":"https://id.test","aud":"weir","exp":1700003600,"sub":")" +
                       subject + "\"}");
  }
  static std::string chat(const std::string& token, const std::string& body = sim_chat_body("m")) {
    return head(token, "content-length: " + std::to_string(body.size())) + body;
  }
  static std::string head(const std::string& token, const std::string& length) {
    return "POST /v1/chat/completions HTTP/1.1\r\nhost: w\r\nauthorization: Bearer " + token +
           "\r\n" + length + "\r\n\r\n";
  }
  // Takes the calls that wait; they are linked by next_message.
  SignInCall* calls() {
    EXPECT_EQ(waiting_, nullptr);
    return waiting_ = world_.control.sign_ins.take_all();
  }
  // As the control thread does it; answer and publication arrive in one waking of the worker.
  void admit() {
    world_.callers.push_back(waiting_->digest);
    answer_all(true);
    world_.publish();
  }
  void answer_all(bool ok, Errc problem = Errc::kUnauthorized, const char* message = "") {
    while (waiting_ != nullptr) {
      SignInCall* next = waiting_->next_message;
      waiting_->ok = ok;
      waiting_->problem = problem;
      waiting_->message = message;
      world_.link.sign_ins.push(waiting_);
      waiting_ = next;
    }
  }
  void wake() {
    worker_on_wakeup(world_.worker.get());
    world_.run();
  }
  void serve_upstream(size_t index = 0) {
    world_.upstream(index)->send(sim_reply(200, sim_ok_body()));
    world_.run();
  }
  static SimAnswer only(const SimPeer* client) {
    const auto answers = sim_answers(client->received);
    EXPECT_EQ(answers.size(), 1u) << client->received;
    return answers.empty() ? SimAnswer() : answers[0];
  }

  SimWorld world_;
  const JwtMaker known_{JwtMaker::Kind::kEc, "k1"};
  SignInCall* waiting_ = nullptr;
  uint64_t number_ = 0;
};

// The answer is there before the publication is: both arrive in one waking of the worker.
TEST_F(SignIn, ANewSubjectWaitsForItsPrincipal) {
  SimPeer* client = world_.connect(chat(token(known_)));
  ASSERT_NE(calls(), nullptr);
  EXPECT_EQ(waiting_->want, SignInCall::Want::kPrincipal);
  EXPECT_EQ(world_.dials(), 0u);
  admit();
  world_.run();
  serve_upstream();
  EXPECT_EQ(only(client).status, 200);
  // Known from now on.
  world_.connect(chat(token(known_)));
  EXPECT_EQ(calls(), nullptr);
  EXPECT_EQ(world_.metrics().sign_in_waits, 1u);
}

TEST_F(SignIn, TheBodyMayArriveBeforeAndAfterTheAnswer) {
  const std::string body = sim_chat_body("m");
  const std::string text = chat(token(known_), body);
  SimPeer* client = world_.connect(text.substr(0, text.size() - body.size()));
  ASSERT_NE(calls(), nullptr);
  client->send(body.substr(0, 5));
  world_.run();
  admit();
  EXPECT_EQ(world_.dials(), 0u);
  client->send(body.substr(5));
  world_.run();
  serve_upstream();
  EXPECT_EQ(only(client).status, 200);
}

TEST_F(SignIn, ARefusalSaysWhyAndTheConnectionGoesOn) {
  SimPeer* client = world_.connect(chat(token(known_)));
  ASSERT_NE(calls(), nullptr);
  answer_all(false, Errc::kOverloaded, "too many callers are signed in");
  wake();
  EXPECT_EQ(only(client).status, 503);
  EXPECT_THAT(only(client).body, HasSubstr("too many callers are signed in"));
  client->received.clear();
  client->send(sim_chat());
  world_.run();
  serve_upstream();
  EXPECT_EQ(only(client).status, 200);
}

// With the rest of the body unread nothing can follow.
TEST_F(SignIn, ARefusalInTheMiddleOfTheBodyClosesTheConnection) {
  const std::string text = chat(token(known_));
  SimPeer* client = world_.connect(text.substr(0, text.size() - 3));
  ASSERT_NE(calls(), nullptr);
  answer_all(false, Errc::kUnauthorized, "no");
  wake();
  EXPECT_EQ(only(client).status, 401);
  EXPECT_THAT(client->received, HasSubstr("connection: close"));
  EXPECT_TRUE(client->saw_fin);
}

TEST_F(SignIn, WhoLeavesOrWaitsTooLongLeavesNothingBehind) {
  SimPeer* gone = world_.connect(chat(token(known_)));
  SimPeer* patient = world_.connect(chat(token(known_)));
  gone->reset();
  world_.run();
  world_.advance(kSignInWaitMs + 1);
  EXPECT_EQ(only(patient).status, 503);
  ASSERT_NE(calls(), nullptr);
  admit();
  world_.run();
  EXPECT_EQ(world_.dials(), 0u);
  EXPECT_EQ(world_.pinned(), 0u);
}

TEST_F(SignIn, AKeyThatIsNewWaitsForTheIssuersKeys) {
  const JwtMaker newer(JwtMaker::Kind::kEc, "k2");
  SimPeer* client = world_.connect(chat(token(newer)));
  ASSERT_NE(calls(), nullptr);
  EXPECT_EQ(waiting_->want, SignInCall::Want::kKeys);
  EXPECT_EQ(waiting_->issuer, kIssuer);
  answer_all(true);
  trust("{\"keys\":[" + known_.jwk() + "," + newer.jwk() + "]}");
  // Now the signature is good, and the principal is asked for.
  ASSERT_NE(calls(), nullptr);
  EXPECT_EQ(waiting_->want, SignInCall::Want::kPrincipal);
  admit();
  world_.run();
  serve_upstream();
  EXPECT_EQ(only(client).status, 200);
}

TEST_F(SignIn, AKeyThatNobodyKnowsIsAskedForOnce) {
  const JwtMaker stranger(JwtMaker::Kind::kEc, "k9");
  SimPeer* client = world_.connect(chat(token(stranger)));
  ASSERT_NE(calls(), nullptr);
  answer_all(true);
  wake();
  EXPECT_EQ(calls(), nullptr);
  EXPECT_EQ(only(client).status, 401);
  EXPECT_EQ(world_.worker->strangers_waiting, 0u);
}

// Nobody can make Weir hold much by naming keys that do not exist.
TEST_F(SignIn, FewStrangersWaitAndOnlyWithSmallBodies) {
  const std::string unknown = token(JwtMaker(JwtMaker::Kind::kEc, "k9"));
  for (const std::string& length :
       {"content-length: " + std::to_string(kMaxStrangerBodyBytes + 1),
        std::string("transfer-encoding: chunked")}) {
    EXPECT_EQ(only(world_.connect(head(unknown, length))).status, 401) << length;
  }
  for (uint32_t i = 0; i < kMaxStrangersWaiting; ++i) world_.connect(chat(unknown));
  EXPECT_EQ(only(world_.connect(chat(unknown))).status, 401);
  size_t count = 0;
  for (const SignInCall* call = calls(); call != nullptr; call = call->next_message) ++count;
  EXPECT_EQ(count, kMaxStrangersWaiting);
}

// A principal that is gone again when the request could go on is no reason to go round for ever.
TEST_F(SignIn, APrincipalThatDidNotLastIsNotAskedForTwice) {
  SimPeer* client = world_.connect(chat(token(known_)));
  ASSERT_NE(calls(), nullptr);
  answer_all(true);
  world_.publish();
  world_.run();
  EXPECT_EQ(calls(), nullptr);
  EXPECT_EQ(only(client).status, 503);
}

}  // namespace
}  // namespace weir
