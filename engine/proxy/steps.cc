// The steps of an adapter's program (weir/adapter.h), carried out one after another until one of
// them has to wait: for the network, for time, for a token, or for a client that does not keep up.
#include <algorithm>
#include <new>

#include "adapters/common/openai_shape.h"
#include "proxy/exchange.h"
#include "proxy/reply.h"
#include "proxy/stages.h"
#include "proxy/token_wait.h"
#include "proxy/worker.h"

namespace weir {

namespace {

// Steps of an adapter without a network in between, before others get a turn.
constexpr uint32_t kStepsPerTurn = 64;
constexpr uint32_t kMaxSteps = 1'000'000;
constexpr uint32_t kMaxParts = 2048;

void arm(Exchange* ex, uint32_t ms) {
  if (ms == 0) return ex->worker->wheel.disarm(&ex->deadline);
  ex->worker->wheel.arm(&ex->deadline, ex->worker->now_ms + ms);
}

// A part of an answer that the adapter makes itself. False: the attempt is over, or must wait.
bool take_local_reply(Exchange* ex) {
  const LocalReply& part = ex->step.reply;
  switch (part.part) {
    case LocalReply::Part::kHead:
      ex->reply_head = Reply{};
      ex->reply_head.status = part.status;
      ex->reply_head.content_type = part.content_type;
      ex->reply_head.retry_after = part.retry_after;
      // What the adapter did since is its work, not a wait.
      ex->at.reply_head = ex->at.step_from;
      relay_on_head(ex);
      break;
    case LocalReply::Part::kBody:
      relay_on_body(ex, part.data);
      break;
    case LocalReply::Part::kEnd:
      relay_on_end(ex);
      return false;
    case LocalReply::Part::kCut:
      relay_on_cut(ex, "the provider ended its answer too early");
      return false;
  }
  return ex->state != ExchangeState::kDone;
}

// How one step goes on.
enum class Next : uint8_t { kAgain, kStop };

Next fail(Exchange* ex, std::string_view message) {
  exchange_attempt_failed(ex, error_of({Errc::kInternal, message}));
  return Next::kStop;
}

Next need_token(Exchange* ex) {
  if (ex->target->provider->token_slot == kNoSlot) {
    return fail(ex, "the adapter asks for a token that its table does not say how to get");
  }
  if (token_take(ex, ex->step.refresh)) return Next::kAgain;
  ex->at.wait_from = worker_clock(ex->worker);
  return Next::kStop;
}

Next begin_fan_out(Exchange* ex) {
  const uint32_t count = ex->step.count;
  if (count == 0 || count > kMaxParts || !ex->parts.empty()) {
    return fail(ex, "the adapter splits a request into too many parts, none, or twice");
  }
  char* memory = ex->attempt_arena.allocate(count * sizeof(Reply));
  ex->parts = {new (memory) Reply[count], count};
  ex->part = 0;
  return Next::kAgain;
}

Next take_step(Exchange* ex) {
  switch (ex->step.kind) {
    case StepKind::kSend:
      exchange_acquire(ex);
      return Next::kStop;
    case StepKind::kWait:
      ex->state = ExchangeState::kWaiting;
      ex->at.wait_from = worker_clock(ex->worker);
      arm(ex, std::max<uint32_t>(ex->step.wait_ms, 1));
      return Next::kStop;
    case StepKind::kReply: {
      const uint8_t attempt = ex->attempts;
      if (!take_local_reply(ex) || ex->attempts != attempt) return Next::kStop;
      return Next::kAgain;
    }
    case StepKind::kFail:
      exchange_attempt_failed(ex, ex->step.error);
      return Next::kStop;
    case StepKind::kNeedToken:
      return need_token(ex);
    case StepKind::kFanOut:
      return begin_fan_out(ex);
  }
  return Next::kStop;
}

void give_others_a_turn(Exchange* ex) {
  exchange_flush(ex);
  if (ex->state == ExchangeState::kDone) return;
  ex->state = ExchangeState::kWaiting;
  // A client that does not keep up is waited for; kClientReady goes on.
  if (client_above_high_water(ex->client)) return arm(ex, 0);
  arm(ex, 1);
}

}  // namespace

void exchange_run_adapter(Exchange* ex) {
  const Adapter* adapter = ex->target->adapter;
  ex->at.step_from = ex->steps == 0 ? ex->attempt_started_ns : worker_clock(ex->worker);
  moments_end_wait(&ex->at, ex->at.step_from);
  for (uint32_t i = 0; i < kStepsPerTurn && ex->steps < kMaxSteps; ++i) {
    if (ex->client != nullptr && client_above_high_water(ex->client)) break;
    Call call = exchange_call(ex);
    // Without braces, which would clear the slices of its lists first.
    new (&ex->step) Step;
    const Result<void> next =
        adapter->next == nullptr ? openai_next(call, &ex->step) : adapter->next(call, &ex->step);
    ++ex->steps;
    if (!call.dropped_params.empty()) ex->dropped_params = call.dropped_params;
    if (!next) {
      UpstreamError error = error_of(next.error());
      error.fault = error.status < 500 ? Fault::kRequest : Fault::kGateway;
      return exchange_attempt_failed(ex, error);
    }
    if (take_step(ex) == Next::kStop) {
      if (ex->state != ExchangeState::kDone) exchange_flush(ex);
      return;
    }
  }
  if (ex->steps >= kMaxSteps) {
    return exchange_attempt_failed(
        ex, error_of({Errc::kInternal, "the adapter does not come to an end"}));
  }
  give_others_a_turn(ex);
}

}  // namespace weir
