// One attempt at one target: choose it, get a connection, send the request, and say in the end how
// it went. What is sent is the business of steps.cc. Everything that may be tried again passes
// through exchange_attempt_failed().
#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include "adapters/common/openai_shape.h"
#include "base/check.h"
#include "base/decimal.h"
#include "proxy/exchange.h"
#include "proxy/reply.h"
#include "proxy/route_plan.h"
#include "proxy/stages.h"
#include "proxy/token_wait.h"
#include "proxy/upstream_pool.h"
#include "proxy/worker.h"
#include "route/health.h"

namespace weir {

namespace {

void arm(Exchange* ex, uint32_t ms) {
  if (ms == 0) return ex->worker->wheel.disarm(&ex->deadline);
  ex->worker->wheel.arm(&ex->deadline, ex->worker->now_ms + ms);
}

// When every target was suspended before and the one that was tried all the same failed too, the
// client learns that, and when to come back. What a provider said itself (429, credentials) stays.
void name_suspension(Exchange* ex, UpstreamError* error, Millis open_until) {
  if (error->fault != Fault::kTarget && error->fault != Fault::kTimeout) return;
  std::string message = "every target of this model is suspended after failures, and the one that "
                        "was due failed again: ";
  message += error->message;
  error->code = Errc::kNoBackend;
  error->status = wire_error(Errc::kNoBackend).status;
  error->type = error->wire_code = {};
  error->message = ex->arena.copy(message);
  const Millis now = ex->worker->now_ms;
  error->retry_after_ms = static_cast<int64_t>(open_until > now ? open_until - now : 1000);
}

// The error of an attempt outlives the attempt's arena.
void keep_error(Exchange* ex, const UpstreamError& error) {
  new (&ex->last_error) UpstreamError(error);
  ex->last_error.type = ex->arena.copy(error.type);
  ex->last_error.wire_code = ex->arena.copy(error.wire_code);
  ex->last_error.message = ex->arena.copy(error.message);
  ex->last_error.param = ex->arena.copy(error.param);
  ex->has_error = true;
}

void fail_without_target(Exchange* ex, const NoTarget& none) {
  if (ex->has_error) return exchange_fail(ex, ex->last_error);
  if (ex->held.targets_limited) return limits_refuse_targets(ex);
  UpstreamError error = error_of({Errc::kNoBackend,
                                  "every target of this model is suspended after failures; "
                                  "try again after the time in Retry-After"});
  error.retry_after_ms = static_cast<int64_t>(none.retry_after_ms);
  exchange_fail(ex, error);
}

std::expected<Pick, NoTarget> choose(Exchange* ex) {
  Worker* worker = ex->worker;
  if (ex->excluded == nullptr) {
    return decide(*ex->route, worker->core, ex->tried, ex->match.endpoint, worker->now_ms);
  }
  Narrowing narrowing{.excluded = *ex->excluded};
  if (ex->plan != nullptr) {
    narrowing.further = ex->attempts != 0;
    narrowing.forced = ex->plan->forced;
  }
  return decide(*ex->route, worker->core, ex->tried, ex->match.endpoint, worker->now_ms,
                &narrowing);
}

// A target whose limits are used up is left out, as if it had been tried.
std::expected<Pick, NoTarget> choose_affordable(Exchange* ex) {
  auto pick = choose(ex);
  while (pick && !limits_take_target(ex, ex->route->targets[pick->index])) {
    ex->tried.set(pick->index);
    if (pick->probe) ex->route->targets[pick->index].health->probe_abandoned();
    pick = choose(ex);
  }
  return pick;
}

// The next candidate whose alias admits the request.
bool go_to_next_choice(Exchange* ex) {
  const Route* from = ex->route;
  while (route_plan_next(ex, ex->attempts == 0)) {
    if (limits_move(ex, *from)) return true;
    from = ex->route;
  }
  return false;
}

void open_attempt(Exchange* ex, const Pick& pick) {
  Worker* worker = ex->worker;
  ex->target = &ex->route->targets[pick.index];
  ex->target_index = pick.index;
  ex->tried.set(pick.index);
  ex->probe = pick.probe;
  ex->forced = pick.forced;
  ex->spare_target = false;
  if (ex->attempts != 0) ++worker->metrics.retries;
  ++ex->attempts;
  ex->steps = 0;
  ex->replayed = false;
  ex->has_inspected = false;
  ex->parts = {};
  ex->part = 0;
  ex->token_generation = token_known(ex);
  ex->kept_fields = {};
  ex->attempt_arena.reset();
  new (&ex->adapter_state) AdapterState{};
  ex->random[0] = worker->core.next_random();
  ex->random[1] = worker->core.next_random();
  ex->record.series = ex->target->series;
  ex->attempt_started_ms = worker->now_ms;
  worker->core.inflight_begin(ex->target->slot);
  ++worker->metrics.targets[ex->target->slot].inflight;
  const uint32_t total_ms = ex->target->provider->timeouts.total_ms;
  if (total_ms != 0) worker->wheel.arm(&ex->total_deadline, worker->now_ms + total_ms);
}

// The fields of a request that are Weir's own: framing, ids, the mark that finds loops.
std::string_view own_fields(Exchange* ex, const UpstreamRequest& request) {
  constexpr size_t kFixed = 160;
  const size_t room = kFixed + ex->request_id.size() + ex->hops.size();
  char* const text = ex->attempt_arena.allocate(room);
  char* p = text;
  const auto add = [&p](std::string_view part) __attribute__((always_inline)) {
    std::memcpy(p, part.data(), part.size());
    p += part.size();
  };
  if (!request.is_get) {
    add("Content-Length: ");
    p = write_number(p, request.body.bytes());
    add("\r\n");
  }
  add("x-request-id: ");
  add(ex->request_id);
  add("\r\nx-weir-hop: ");
  if (!ex->hops.empty()) {
    add(ex->hops);
    add(",");
  }
  add({ex->worker->instance, 16});
  add("\r\n\r\n");
  WEIR_CHECK(p <= text + room);
  return {text, static_cast<size_t>(p - text)};
}

constexpr size_t kWorthLending = 1024;  // smaller bodies are as soon copied

// Before a body that goes out as it came there is room for the head: one piece, which can be lent.
bool push_in_front(Exchange* ex, std::string_view head, std::string_view own) {
  const std::span<const Slice> body = ex->step.request.body.span();
  if (body.size() != 1 || body[0].data != ex->body.view().data()) return false;
  if (body[0].size < kWorthLending) return false;
  const size_t head_bytes = head.size() + own.size();
  char* const at = ex->body.front(head_bytes);
  if (at == nullptr) return false;
  std::memcpy(at, head.data(), head.size());
  std::memcpy(at + head.size(), own.data(), own.size());
  return ex->out.push({at, head_bytes + body[0].size});
}

bool gather_request(Exchange* ex) {
  const UpstreamRequest& request = ex->step.request;
  ex->out.clear();
  ex->out_sent = ex->out_offset = 0;
  const std::string_view own = own_fields(ex, request);
  ex->out_in_body = push_in_front(ex, request.head, own);
  if (ex->out_in_body) return true;
  bool fits = ex->out.push(request.head) && ex->out.push(own);
  for (const Slice& slice : request.body.span()) fits = fits && ex->out.push(slice);
  return fits;
}

void acquire(Exchange* ex) {
  Worker* worker = ex->worker;
  const Provider& provider = exchange_place(ex);
  ex->state = ExchangeState::kConnecting;
  ex->mode = ReplyMode::kUndecided;
  ex->out_sent = ex->out_offset = 0;
  ex->at.acquire = worker_clock(worker);
  // The adapter's part of the request is counted with the choice of the target.
  if (!ex->replayed) ex->at.decide_ns += ex->at.acquire - ex->at.step_from;
  UpstreamPool* pool = worker_upstream_pool(worker, provider.pool_slot);
  switch (upstream_acquire(pool, ex, ex->replayed)) {
    case Acquire::kReady:
      ex->connection_reused = true;
      ex->at.dial = ex->at.acquire;
      return exchange_send(ex);
    case Acquire::kDialling:
      ex->connection_reused = false;
      ex->at.dial = ex->at.acquire;
      return arm(ex, provider.timeouts.connect_ms);
    case Acquire::kWaiting:
      ex->at.dial = 0;
      return arm(ex, provider.timeouts.connect_ms);
    case Acquire::kQueueFull:
      return exchange_attempt_failed(
          ex, error_of({Errc::kOverloaded,
                        "too many requests wait for a connection to the provider; try again"}));
  }
}

bool target_left(const Exchange* ex) {
  if (ex->plan != nullptr && ex->plan->at + 1 < ex->plan->choices.size()) return true;
  const Tried out = ex->excluded == nullptr ? ex->tried : ex->tried | *ex->excluded;
  return out.count() < ex->route->targets.size();
}

bool may_retry(Exchange* ex, const UpstreamError& error) {
  Worker* worker = ex->worker;
  const bool elsewhere = error.fault == Fault::kTarget || error.fault == Fault::kTimeout ||
                         error.fault == Fault::kRateLimit || error.fault == Fault::kCredential;
  if (!elsewhere || ex->committed) return false;
  const RoutePlan* plan = ex->plan;
  if (ex->attempts >= (plan != nullptr ? plan->max_attempts : ex->route->max_attempts)) {
    return false;
  }
  if (!target_left(ex)) return false;
  const ClientLimits& limits = worker->limits;
  if (worker->retry_budget.take(worker->now_ms, limits.retry_budget_percent,
                                limits.retry_budget_min_per_s)) {
    return true;
  }
  ++worker->metrics.retry_budget_exhausted;
  return false;
}

void report_health(Exchange* ex, Fault fault, int64_t retry_after_ms) {
  TargetHealth* health = ex->target->health;
  const TargetHealth::Attempt attempt{.started = ex->attempt_started_ms, .probe = ex->probe};
  switch (fault) {
    case Fault::kNone:
    case Fault::kRequest:
      return health->on_success(attempt);
    case Fault::kTarget:
    case Fault::kTimeout:
    case Fault::kRateLimit:
    case Fault::kCredential:
      return health->on_fault(attempt, fault, ex->spare_target ? 0 : ex->route->suspend_ms,
                              retry_after_ms, ex->worker->now_ms);
    case Fault::kClient:
    case Fault::kGateway:
      if (ex->probe) health->probe_abandoned();
      return;
  }
}

void record_attempt(Exchange* ex, Fault fault) {
  LedgerRecord& record = ex->record;
  TargetCounters& counters = ex->worker->metrics.targets[ex->target->slot];
  --counters.inflight;
  ex->worker->core.inflight_end(ex->target->slot);
  ++(fault == Fault::kNone      ? counters.attempts_ok
     : fault == Fault::kRequest ? counters.attempts_rejected
     : fault == Fault::kClient  ? counters.attempts_cancelled
                                : counters.attempts_failed);
  if (record.attempt_count < LedgerRecord::kMaxAttempts) {
    AttemptRecord& line = record.attempts[record.attempt_count];
    line.target = ex->target->slot;
    line.status = static_cast<uint16_t>(ex->reply_head.status);
    line.fault = fault;
    line.duration_us =
        static_cast<uint32_t>((ex->worker->now_ns - std::min(ex->attempt_started_ns,
                                                             ex->worker->now_ns)) / 1000);
  }
  ++record.attempt_count;
}

}  // namespace

const Provider& exchange_place(const Exchange* ex) {
  const Provider& provider = *ex->target->provider;
  return ex->step.request.second_place && provider.second != nullptr ? *provider.second : provider;
}

void exchange_acquire(Exchange* ex) {
  if (gather_request(ex)) return acquire(ex);
  exchange_attempt_failed(
      ex, error_of({Errc::kInternal, "the adapter's request has too many parts"}));
}

Call exchange_call(Exchange* ex) {
  Worker* worker = ex->worker;
  return Call{
      .request = ex->view,
      .target = *ex->target,
      .endpoint = ex->match.endpoint,
      .attempt = ex->attempts - 1u,
      .step = ex->steps,
      .part = ex->part,
      .strict_params = ex->target->provider->strict_params,
      .unix_ms = worker->unix_ms,
      .random = {ex->random[0], ex->random[1]},
      .request_id = ex->request_id,
      .token = token_of(ex),
      .client_fields = ex->client_fields,
      .reply = ex->has_inspected ? &ex->inspected : nullptr,
      .parts = ex->part == ex->parts.size() ? ex->parts : std::span<Reply>(),
      .arena = ex->attempt_arena,
      .scratch = worker->scratch,
      .scanner = worker->reply_scanner,
      .state = ex->adapter_state,
      .dropped_params = {},
  };
}

void exchange_next_attempt(Exchange* ex) {
  Worker* worker = ex->worker;
  const Nanos begun = ex->attempts == 0 ? ex->at.parsed : worker_clock(worker);
  auto pick = choose_affordable(ex);
  while (!pick && ex->plan != nullptr && go_to_next_choice(ex)) pick = choose_affordable(ex);
  if (!pick) return fail_without_target(ex, pick.error());
  open_attempt(ex, *pick);
  ex->attempt_started_ns = begun;
  exchange_run_adapter(ex);
}

void exchange_send(Exchange* ex) {
  Worker* worker = ex->worker;
  if (ex->state == ExchangeState::kConnecting) {
    // An idle connection was there at once; anything else came with an event of its own.
    const bool at_once = ex->at.dial == ex->at.acquire && ex->connection_reused;
    ex->at.connected = at_once ? ex->at.acquire : worker->now_ns;
    const Nanos dialled = ex->at.dial != 0 ? ex->at.dial : ex->at.connected;
    ex->at.pool_ns += dialled - ex->at.acquire;
    ex->at.connect_ns += ex->at.connected - dialled;
    ex->at.reply_head = 0;
    ex->state = ExchangeState::kSending;
    arm(ex, ex->target->provider->timeouts.head_ms);
  }
  SliceList room;
  while (ex->upstream->io->queued_bytes == 0) {
    const std::span<const Slice> burst = exchange_take_burst(ex, &room);
    if (burst.empty()) break;
    if (ex->out_in_body) {
      upstream_write_lent(ex->upstream, burst[0].view(), ex->body.loan());
    } else {
      upstream_write(ex->upstream, burst);
    }
    if (ex->upstream->io->closing) return;
  }
  // A reply may already be under way (the provider refused early): the state is left to it.
  if (ex->out_sent == ex->out.count() && ex->state == ExchangeState::kSending) {
    ex->state = ExchangeState::kAwaiting;
  }
}

std::span<const Slice> exchange_take_burst(Exchange* ex, SliceList* room) {
  const std::span<const Slice> all = ex->out.span();
  // Nearly always: everything at once.
  if (ex->out_sent == 0 && ex->out_offset == 0 && ex->out.bytes() <= kWriteBurst) {
    ex->out_sent = all.size();
    return all;
  }
  room->clear();
  size_t left = kWriteBurst;
  while (ex->out_sent < all.size() && left != 0) {
    const Slice& slice = all[ex->out_sent];
    const size_t n = std::min(left, slice.size - ex->out_offset);
    WEIR_CHECK(room->push({slice.data + ex->out_offset, n}));
    left -= n;
    ex->out_offset += n;
    if (ex->out_offset < slice.size) break;
    ex->out_offset = 0;
    ++ex->out_sent;
  }
  return room->span();
}

void exchange_on_connected(Exchange* ex, UpstreamConn* conn) {
  ex->connection_reused = conn->reused;
  // It waited for a connection: all of that was the pool's time.
  if (ex->at.dial == 0) ex->at.dial = ex->worker->now_ns;
  exchange_step(ex, ExchangeEvent::kConnected);
}

void exchange_on_connect_failed(Exchange* ex, NetError error) {
  if (error == NetError::kNoResources) {
    return exchange_attempt_failed(
        ex, error_of({Errc::kOverloaded,
                      "Weir has no descriptors left for another connection; try again"}));
  }
  std::string message = "the provider could not be reached: ";
  message += net_error_text(error);
  exchange_attempt_failed(ex, error_of({Errc::kUpstreamUnavailable, message}));
}

void exchange_on_broken(Exchange* ex, std::string_view why, bool got_bytes) {
  if (ex->state == ExchangeState::kDone) return;
  if (ex->committed) return relay_on_cut(ex, why);
  const bool stale = ex->connection_reused && !got_bytes && !ex->replayed &&
                     (ex->state == ExchangeState::kSending ||
                      ex->state == ExchangeState::kAwaiting);
  if (stale) {
    // The pooled connection died under us before a byte of an answer: once more, on a new one.
    ex->replayed = true;
    ++ex->worker->metrics.replays;
    moments_end_attempt(&ex->at, false, ex->worker->now_ns);
    return acquire(ex);
  }
  std::string message = "the provider's answer broke off: ";
  message += why;
  exchange_attempt_failed(ex, error_of({Errc::kUpstreamUnavailable, message}));
}

void exchange_attempt_done(Exchange* ex, Fault fault, int64_t retry_after_ms) {
  Worker* worker = ex->worker;
  limits_end_attempt(ex, fault);
  moments_end_attempt(&ex->at, ex->state == ExchangeState::kConnecting, worker->now_ns);
  record_attempt(ex, fault);
  report_health(ex, fault, retry_after_ms);
  worker->wheel.disarm(&ex->deadline);
  worker->wheel.disarm(&ex->total_deadline);
  if (ex->pool_node.linked()) {
    upstream_forget_waiter(worker_upstream_pool(worker, exchange_place(ex).pool_slot), ex);
  }
  if (ex->token_node.linked()) token_forget_waiter(ex);
  ex->target = nullptr;
  ex->probe = false;
  if (ex->upstream != nullptr) {
    upstream_detach(ex->upstream, fault == Fault::kNone || ex->upstream_ended);
  }
  ex->upstream_ended = false;
}

void exchange_attempt_failed(Exchange* ex, const UpstreamError& error) {
  if (ex->committed) return relay_on_cut(ex, error.message, error.fault);
  keep_error(ex, error);
  const bool again = may_retry(ex, error);
  const TargetHealth* health = ex->target->health;
  ex->spare_target = !error.suspend;
  exchange_attempt_done(ex, error.fault, error.retry_after_ms);
  if (ex->forced && !again) name_suspension(ex, &ex->last_error, health->open_until());
  ex->reply.release(ex->worker);
  ex->reply_head = Reply{};
  ex->boundary.reset();
  ex->pattern.reset();
  ex->facts = StreamFacts{};
  ex->pending.clear();
  ex->run = ex->pending_head = ex->whole = {};
  ex->gather_left = 0;
  if (again) return exchange_next_attempt(ex);
  exchange_fail(ex, ex->last_error);
}

void exchange_fail(Exchange* ex, const UpstreamError& error) {
  WEIR_DCHECK(!ex->committed);
  ex->dropped_params = {};
  reply_error(ex, error);
}

}  // namespace weir
