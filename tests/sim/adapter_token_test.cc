// The steps of an adapter that need more than its own connection: a token from the control thread,
// a request in several parts, a second host, and fields of heads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/common/openai_shape.h"
#include "proxy/token_wait.h"
#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

using testing::HasSubstr;

constexpr uint32_t kSlot = 3;

std::string_view head_with(Call& call, std::string_view line) {
  std::string head = "POST /v1/chat/completions HTTP/1.1\r\nHost: p0.test\r\n";
  head += line;
  head += "\r\n";
  return call.arena.copy(head);
}

// Sends with the token; asks for another one when the provider answers 401, once.
Result<void> token_next(Call& call, Step* step) {
  const bool refused = call.reply != nullptr && call.state.as<uint32_t>()[0] == 0;
  if (call.token.empty() || refused) {
    call.state.as<uint32_t>()[0] = refused ? 1 : 0;
    step->kind = StepKind::kNeedToken;
    step->refresh = refused;
    return {};
  }
  if (auto sent = openai_next(call, step); !sent) return sent;
  step->request.head = head_with(call, "Authorization: Bearer " + std::string(call.token));
  return {};
}
bool token_inspect(const Call& call, const Reply& head) {
  return head.status == 401 && const_cast<Call&>(call).state.as<uint32_t>()[0] == 0;
}
Result<void> never_asked(const Provider&, TokenRequest*) { return {}; }

// Three requests, and one answer of what came back.
Result<void> fan_next(Call& call, Step* step) {
  if (call.step == 0) {
    step->kind = StepKind::kFanOut;
    step->count = 3;
    return {};
  }
  if (auto sent = openai_next(call, step); !sent) return sent;
  step->request.head = head_with(call, "X-Part: " + std::to_string(call.part));
  return {};
}
Result<void> fan_response(Call& call, const Reply&, SliceList* out, StreamFacts*) {
  std::string text = "{\"data\":[";
  for (const Reply& part : call.parts) text.append(part.body).append(",");
  text.back() = ']';
  if (!out->push(call.arena.copy(text + "}"))) return {};
  return {};
}

// Asks the second host after a 202, with an id from the first answer's head.
Result<void> second_next(Call& call, Step* step) {
  if (call.reply == nullptr) return openai_next(call, step);
  step->request.is_get = true;
  step->request.second_place = true;
  const std::string id(call.reply->field("nvcf-reqid"));
  step->request.head = call.arena.copy("GET /status/" + id + " HTTP/1.1\r\nHost: s.test\r\n");
  return {};
}
bool second_inspect(const Call&, const Reply& head) { return head.status == 202; }

class AdapterToken : public testing::Test {
 protected:
  Provider& use(const char* name, uint32_t also = 0) {
    adapter_.size = sizeof(Adapter);
    adapter_.name = name;
    adapter_.endpoints = endpoint_bit(Endpoint::kChat);
    std::vector<uint32_t> all = {0};
    Provider& first = world_.add_provider();
    first.adapter = &adapter_;
    for (uint32_t i = 1; i <= also; ++i) {
      world_.add_provider();
      all.push_back(i);
    }
    world_.add_route("m", all);
    return first;
  }
  void use_token(uint32_t also = 0) {
    adapter_.next = token_next;
    adapter_.inspect = token_inspect;
    adapter_.token_request = never_asked;
    use("token", also).token_slot = kSlot;
    world_.publish();
  }
  // What the worker asked for; "" when it asked for nothing.
  std::string asked() {
    std::string text;
    for (TokenCall* call = world_.control.tokens.take_all(); call != nullptr;) {
      text += std::to_string(call->slot) + "/" + std::to_string(call->refused) + " ";
      TokenCall* next = call->next_message;
      delete call;
      call = next;
    }
    return text;
  }
  void tell(uint64_t generation, std::string value, int64_t life_ms = 3'600'000) {
    auto* news = new TokenNews();
    news->slot = kSlot;
    news->generation = generation;
    news->value = std::move(value);
    news->usable_until_unix_ms = world_.worker->unix_ms + life_ms;
    send(news);
  }
  void tell_problem(Errc problem) {
    auto* news = new TokenNews();
    news->slot = kSlot;
    news->problem = problem;
    news->message = "the token endpoint said no";
    send(news);
  }
  void send(TokenNews* news) {
    world_.link.tokens.push(news);
    worker_on_wakeup(world_.worker.get());
    world_.run();
  }
  std::string sent(size_t upstream) { return world_.upstream(upstream)->take_received(); }
  void answer(size_t upstream, std::string_view bytes) {
    world_.upstream(upstream)->send(bytes);
    world_.run();
  }
  static SimAnswer only(const SimPeer* client) {
    const auto answers = sim_answers(client->received);
    EXPECT_EQ(answers.size(), 1u) << client->received;
    return answers.empty() ? SimAnswer() : answers[0];
  }
  Adapter adapter_{};
  SimWorld world_;
};

TEST_F(AdapterToken, IsAskedForOnceHoweverManyWait) {
  use_token();
  SimPeer* first = world_.connect(sim_chat());
  SimPeer* second = world_.connect(sim_chat());
  EXPECT_EQ(asked(), "3/0 ");
  EXPECT_EQ(world_.dials(), 0u);
  tell(1, "t1");
  ASSERT_EQ(world_.dials(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_THAT(sent(i), HasSubstr("Bearer t1\r\n"));
    answer(i, sim_reply(200, sim_ok_body()));
  }
  EXPECT_EQ(only(first).status, 200);
  EXPECT_EQ(only(second).status, 200);
  // Known from now on, until it runs out.
  world_.connect(sim_chat());
  EXPECT_EQ(asked(), "");
  world_.advance(3'600'000);
  world_.connect(sim_chat());
  EXPECT_EQ(asked(), "3/0 ");
  tell(2, "t2");
}

TEST_F(AdapterToken, IsRenewedOnceWhenTheProviderRefusesIt) {
  use_token();
  SimPeer* client = world_.connect(sim_chat());
  EXPECT_EQ(asked(), "3/0 ");
  tell(1, "old");
  EXPECT_THAT(sent(0), HasSubstr("Bearer old\r\n"));
  answer(0, sim_reply(401, "{}"));
  EXPECT_EQ(asked(), "3/1 ");
  tell(2, "new");
  EXPECT_THAT(sent(0), HasSubstr("Bearer new\r\n"));
  answer(0, sim_reply(401, "{}"));
  EXPECT_EQ(asked(), "");
  EXPECT_EQ(only(client).status, 502);
  EXPECT_EQ(world_.records.at(0).attempts[0].fault, Fault::kCredential);
}

TEST_F(AdapterToken, ARefusedCredentialLeadsToTheNextTarget) {
  use_token(1);
  SimPeer* client = world_.connect(sim_chat());
  EXPECT_EQ(asked(), "3/0 ");
  tell_problem(Errc::kUpstreamAuth);
  ASSERT_EQ(world_.dials(), 1u);
  answer(0, sim_reply(200, sim_ok_body()));
  EXPECT_EQ(only(client).status, 200);
  EXPECT_EQ(world_.records.at(0).attempts[0].fault, Fault::kCredential);
}

TEST_F(AdapterToken, NobodyAnswersInTime) {
  use_token();
  SimPeer* client = world_.connect(sim_chat());
  EXPECT_EQ(asked(), "3/0 ");
  world_.advance(kTokenWaitMs - 1);
  EXPECT_EQ(client->received, "");
  world_.advance(2);
  EXPECT_EQ(only(client).status, 504);
  tell(1, "late");
  EXPECT_EQ(world_.dials(), 0u);
}

TEST_F(AdapterToken, TheClientLeavesWhileItWaits) {
  use_token();
  SimPeer* client = world_.connect(sim_chat());
  SimPeer* other = world_.connect(sim_chat());
  client->reset();
  world_.run();
  EXPECT_EQ(world_.records.at(0).outcome, Outcome::kCancelled);
  EXPECT_EQ(asked(), "3/0 ");
  tell(1, "t1");
  ASSERT_EQ(world_.dials(), 1u);
  answer(0, sim_reply(200, sim_ok_body()));
  EXPECT_EQ(only(other).status, 200);
}

TEST_F(AdapterToken, WithoutAWayToGetOneIsAnInternalError) {
  adapter_.next = token_next;
  use("token");
  world_.publish();
  EXPECT_EQ(only(world_.connect(sim_chat())).status, 500);
}

TEST_F(AdapterToken, PartsAreSentOneByOneAndAnsweredAsOne) {
  adapter_.next = fan_next;
  adapter_.transform_response = fan_response;
  use("fan");
  world_.publish();
  SimPeer* client = world_.connect(sim_chat());
  for (int part = 0; part < 3; ++part) {
    EXPECT_THAT(sent(0), HasSubstr("X-Part: " + std::to_string(part) + "\r\n"));
    answer(0, sim_reply(200, "{\"n\":" + std::to_string(part) + "}"));
  }
  EXPECT_EQ(only(client).body, "{\"data\":[{\"n\":0},{\"n\":1},{\"n\":2}]}");
  EXPECT_EQ(world_.dials(), 1u);
  EXPECT_EQ(world_.records.at(0).attempt_count, 1);
}

TEST_F(AdapterToken, AFailedPartFailsTheAttempt) {
  adapter_.next = fan_next;
  adapter_.transform_response = fan_response;
  use("fan", 1);
  world_.publish();
  SimPeer* client = world_.connect(sim_chat());
  answer(0, sim_reply(200, "{\"n\":0}"));
  answer(0, sim_reply(500, "{}"));
  answer(1, sim_reply(200, sim_ok_body()));
  EXPECT_EQ(only(client).body, sim_ok_body());
}

TEST_F(AdapterToken, PartsTogetherAreBounded) {
  adapter_.next = fan_next;
  adapter_.transform_response = fan_response;
  use("fan");
  world_.limits.max_response_bytes = 1000;
  world_.publish();
  SimPeer* client = world_.connect(sim_chat());
  const std::string part = "{\"n\":\"" + std::string(600, 'x') + "\"}";
  answer(0, sim_reply(200, part));
  answer(0, sim_reply(200, part));
  EXPECT_EQ(only(client).status, 502);
}

TEST_F(AdapterToken, TheSecondPlaceHasConnectionsOfItsOwn) {
  adapter_.next = second_next;
  adapter_.inspect = second_inspect;
  Provider& provider = use("second");
  auto other = std::make_shared<Provider>(provider);
  other->host = "s.test";
  other->pool_slot = 7;
  provider.second = other;
  world_.publish();
  SimPeer* client = world_.connect(sim_chat());
  answer(0, sim_reply(202, "{}", "NVCF-REQID: job-5\r\n"));
  ASSERT_EQ(world_.dials(), 2u);
  EXPECT_THAT(sent(1), HasSubstr("GET /status/job-5 HTTP/1.1\r\n"));
  answer(1, sim_reply(200, sim_ok_body()));
  EXPECT_EQ(only(client).status, 200);
}

}  // namespace
}  // namespace weir
