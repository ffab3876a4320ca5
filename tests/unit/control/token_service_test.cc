// Goal: one exchange however many ask, renewal in time, and failures told to those who wait.
// Method: a server of one thread as the token endpoint; wall time is what the tests say, but for
// the moment of an answer.
#include "control/token_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>

#include "http_peer.h"

namespace weir {
namespace {

using test::HttpPeer;
using testing::HasSubstr;

constexpr int64_t kLifeMs = 3'600'000;

Result<void> ask_endpoint(const Provider& provider, TokenRequest* out) {
  out->url = std::string(provider.option("auth_url"));
  out->body = "key=" + provider.credential;
  return {};
}
Result<void> read_answer(int status, std::string_view body, int64_t unix_ms, Token* out) {
  if (status != 200) return std::unexpected(Error{Errc::kUpstreamAuth, "the key was refused"});
  out->value = std::string(body);
  out->expires_unix_ms = unix_ms + kLifeMs;
  return {};
}

class TokenServiceTest : public testing::Test {
 protected:
  TokenServiceTest()
      : peer_([this](const std::string&) {
          const int n = ++answers_;
          return refuse_ ? HttpPeer::reply(400, "no")
                         : HttpPeer::reply(200, "token-" + std::to_string(n));
        }) {
    for (WorkerLink* worker : {&first_, &second_}) worker->wake = [](WorkerLink*) {};
    adapter_.token_request = ask_endpoint;
    adapter_.token_reply = read_answer;
    configure(true);
  }
  void configure(bool present) {
    Provider provider;
    provider.name = "p";
    provider.adapter = &adapter_;
    provider.credential = "secret-key";
    provider.options = {{"auth_url", peer_.url()}};
    provider.token_slot = present ? 0 : kNoSlot;
    service_.configure({{std::make_shared<const Provider>(provider)}});
  }
  void ask(WorkerLink* worker, uint64_t refused, int64_t now) {
    auto* call = new TokenCall();
    call->worker = worker;
    call->refused = refused;
    service_.ask(call, now);
  }
  void settle() {
    while (outbound_.in_flight() != 0) {
      outbound_.wait(wake_, 50);
      outbound_.perform();
    }
  }
  // What a worker was told: "generation value" or the problem, each followed by ';'.
  static std::string told(WorkerLink* worker) {
    std::string text;
    for (TokenNews* news = worker->tokens.take_all(); news != nullptr;) {
      text += news->value.empty() ? news->message
                                  : std::to_string(news->generation) + " " + news->value;
      text += ";";
      TokenNews* next = news->next_message;
      delete news;
      news = next;
    }
    return text;
  }
  void TearDown() override { close(wake_); }

  std::atomic<int> answers_{0};
  std::atomic<bool> refuse_{false};
  HttpPeer peer_;
  Adapter adapter_{.size = sizeof(Adapter), .name = "token", .endpoints = 1, .local = false,
                   .prepare = nullptr, .next = nullptr, .inspect = nullptr,
                   .transform_response = nullptr, .transform_stream = nullptr,
                   .map_error = nullptr};
  WorkerLink first_{0, 2}, second_{1, 2};
  Outbound outbound_{nullptr};
  TokenService service_{&outbound_};
  int wake_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  const int64_t now_ = unix_now_ms();
};

TEST_F(TokenServiceTest, OneExchangeForAllWhoAsk) {
  ask(&first_, 0, now_);
  ask(&second_, 0, now_);
  ask(&first_, 0, now_);
  settle();
  EXPECT_EQ(told(&first_), "1 token-1;");
  EXPECT_EQ(told(&second_), "1 token-1;");
  EXPECT_EQ(service_.exchanges(), 1u);
  EXPECT_THAT(peer_.requests().at(0), HasSubstr("key=secret-key"));
  // It is still good: no other exchange.
  ask(&second_, 0, now_ + 1000);
  settle();
  EXPECT_EQ(told(&second_), "1 token-1;");
  EXPECT_EQ(service_.exchanges(), 1u);
}

TEST_F(TokenServiceTest, ARefusedTokenIsReplaced) {
  ask(&first_, 0, now_);
  ask(&second_, 0, now_);
  settle();
  (void)told(&first_), (void)told(&second_);
  ask(&first_, 1, now_);
  settle();
  EXPECT_EQ(told(&first_), "2 token-2;");
  // Who did not ask learns it too.
  EXPECT_EQ(told(&second_), "2 token-2;");
  // The old one was refused; there is a newer already.
  ask(&second_, 1, now_);
  EXPECT_EQ(told(&second_), "2 token-2;");
  EXPECT_EQ(service_.exchanges(), 2u);
  // The new one is refused at once: that is not the token's fault, and not asked again and again.
  ask(&first_, 2, now_ + 10);
  EXPECT_EQ(told(&first_), "2 token-2;");
  ask(&first_, 2, now_ + 10'000);
  settle();
  EXPECT_EQ(told(&first_), "3 token-3;");
}

TEST_F(TokenServiceTest, IsRenewedBeforeItRunsOut) {
  ask(&first_, 0, now_);
  settle();
  (void)told(&first_);
  service_.tick(now_ + kLifeMs / 2);
  settle();
  EXPECT_EQ(service_.exchanges(), 1u);
  service_.tick(now_ + kLifeMs * 9 / 10);
  settle();
  EXPECT_EQ(told(&first_), "2 token-2;");
}

TEST_F(TokenServiceTest, FailuresAreToldToThoseWhoWaitAndPaced) {
  refuse_ = true;
  ask(&first_, 0, now_);
  settle();
  EXPECT_EQ(told(&first_), "the key was refused;");
  // At once: what is known is said again.
  ask(&second_, 0, unix_now_ms());
  settle();
  EXPECT_EQ(told(&second_), "the key was refused;");
  EXPECT_EQ(service_.exchanges(), 1u);
  refuse_ = false;
  ask(&second_, 0, unix_now_ms() + 60'000);
  settle();
  EXPECT_EQ(told(&second_), "1 token-2;");
  EXPECT_EQ(told(&first_), "1 token-2;");
}

TEST_F(TokenServiceTest, AFailedRenewalLeavesTheOldToken) {
  ask(&first_, 0, now_);
  settle();
  (void)told(&first_);
  refuse_ = true;
  service_.tick(now_ + kLifeMs * 9 / 10);
  settle();
  EXPECT_EQ(told(&first_), "");
  ask(&second_, 0, unix_now_ms());
  settle();
  EXPECT_EQ(told(&second_), "1 token-1;");
}

TEST_F(TokenServiceTest, AProviderThatIsGoneHasNoToken) {
  ask(&first_, 0, now_);
  settle();
  (void)told(&first_);
  configure(false);
  ask(&first_, 1, now_ + 60'000);
  EXPECT_THAT(told(&first_), HasSubstr("taken out of the configuration"));
  EXPECT_EQ(service_.exchanges(), 1u);
}

}  // namespace
}  // namespace weir
