#include "proxy/sign_in_wait.h"

#include "jwt/verify.h"
#include "proxy/client.h"
#include "proxy/reply.h"
#include "proxy/worker.h"

namespace weir {

namespace {

AuthPlace place_of(Worker* worker) {
  return {.snapshot = *worker->snapshot(),
          .trust = worker->publication->trust.get(),
          .tokens = &worker->verified_tokens,
          .metrics = &worker->metrics};
}

void pin(Exchange* ex, const Principal* principal) {
  ex->worker->link->pins.pin(principal->pin);
  ex->principal = principal;
  ex->record.principal = principal->pin;
}

bool is_stranger(const SignInCall* call) { return call->want == SignInCall::Want::kKeys; }

void send(Exchange* ex, SignInCall* call) {
  Worker* worker = ex->worker;
  ++worker->metrics.sign_in_waits;
  if (is_stranger(call)) ++worker->strangers_waiting;
  call->worker = worker->link;
  call->exchange = ex;
  ex->signing_in = true;
  exchange_hold(ex, kHoldControl);
  worker->control->sign_ins.push(call);
  worker->control->wake(worker->control);
}

bool may_wait(const Exchange* ex, const RequestHead& head) {
  if (ex->worker->strangers_waiting >= kMaxStrangersWaiting) return false;
  return head.framing == Framing::kNone ||
         (head.framing == Framing::kLength && head.content_length <= kMaxStrangerBodyBytes);
}

void refuse(Exchange* ex, const Error& error) {
  // The rest of the body is not read, so that nothing can follow this answer.
  if (ex->state == ExchangeState::kReceiving) ex->client->keep_alive = false;
  reply_error(ex, error_of(error));
}

void go_on(Exchange* ex) {
  // While the body arrives, its end is what goes on.
  if (ex->state != ExchangeState::kSignIn) return;
  ex->worker->wheel.disarm(&ex->deadline);
  ex->state = ExchangeState::kReceiving;
  exchange_start(ex);
}

void on_answer(Exchange* ex, const SignInCall& answer) {
  ex->signing_in = false;
  if (!answer.ok) return refuse(ex, {answer.problem, ex->arena.copy(answer.message)});
  const Caller caller = authenticate_token(answer.token, place_of(ex->worker),
                                           ex->worker->unix_ms / 1000, ex->client->key);
  if (caller.principal != nullptr) {
    pin(ex, caller.principal);
    return go_on(ex);
  }
  if (caller.ask == nullptr) return refuse(ex, {Errc::kUnauthorized, caller.refusal});
  // A key that was unknown is there now, and the principal is not. The other way round the answer
  // has come too late: what was made is gone again.
  if (is_stranger(&answer) && !is_stranger(caller.ask)) return send(ex, caller.ask);
  const bool unknown = is_stranger(caller.ask);
  delete caller.ask;
  if (unknown) return refuse(ex, {Errc::kUnauthorized, describe(JwtFault::kUnknownKey)});
  refuse(ex, {Errc::kOverloaded, "the caller's record did not last; try again"});
}

}  // namespace

Result<void> sign_in_admit(Exchange* ex, const RequestHead& head) {
  Worker* worker = ex->worker;
  const Caller caller =
      authenticate(head, place_of(worker), worker->unix_ms / 1000, ex->client->key);
  if (caller.principal != nullptr) {
    pin(ex, caller.principal);
    return {};
  }
  if (caller.ask == nullptr) return std::unexpected(Error{Errc::kUnauthorized, caller.refusal});
  if (is_stranger(caller.ask) && !may_wait(ex, head)) {
    delete caller.ask;
    ++worker->metrics.jwt_refused;
    return std::unexpected(Error{Errc::kUnauthorized, describe(JwtFault::kUnknownKey)});
  }
  send(ex, caller.ask);
  return {};
}

void sign_in_wait(Exchange* ex) {
  ex->state = ExchangeState::kSignIn;
  ex->worker->wheel.arm(&ex->deadline, ex->worker->now_ms + kSignInWaitMs);
}

void sign_in_on_timeout(Exchange* ex) {
  refuse(ex, {Errc::kOverloaded, "signing in took too long; try again"});
}

void sign_in_take_answers(Worker* worker, SignInCall* answers) {
  while (answers != nullptr) {
    SignInCall* next = answers->next_message;
    auto* ex = static_cast<Exchange*>(answers->exchange);
    if (is_stranger(answers)) --worker->strangers_waiting;
    // Dropped first: what goes on may hold it again. An exchange that is done is only let go.
    const bool over = ex->state == ExchangeState::kDone;
    exchange_drop(ex, kHoldControl);
    if (!over) on_answer(ex, *answers);
    delete answers;
    answers = next;
  }
}

}  // namespace weir
