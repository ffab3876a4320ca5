// The end of a request: the one place where its record is closed and its counters move.
#include <algorithm>
#include <new>

#include "base/check.h"
#include "proxy/cache_use.h"
#include "proxy/exchange.h"
#include "proxy/route_plan.h"
#include "proxy/stages.h"
#include "proxy/upstream_pool.h"
#include "proxy/worker.h"

namespace weir {

namespace {

void close_stages(Exchange* ex, Nanos end) {
  const StageTimes times = stage_times(ex->at, end);
  for (size_t i = 0; i < kStages; ++i) {
    ex->record.stage_us[i] = static_cast<uint32_t>(std::min<Nanos>(times[i] / 1000, UINT32_MAX));
  }
  const Nanos total = end - std::min(ex->at.first_byte, end);
  ex->record.total_us = static_cast<uint32_t>(std::min<Nanos>(total / 1000, UINT32_MAX));
}

void add_tokens(std::array<uint64_t, 4>& by_source, int64_t tokens, UsageSource source) {
  if (tokens > 0) by_source[static_cast<size_t>(source)] += static_cast<uint64_t>(tokens);
}

void count_accepted(Exchange* ex) {
  MetricsBlock& metrics = ex->worker->metrics;
  const LedgerRecord& record = ex->record;
  WEIR_DCHECK(metrics.in_flight > 0);
  --metrics.in_flight;
  const bool routed = record.series != kNoSlot;
  SeriesCounters* series = routed ? &metrics.series[record.series] : nullptr;
  switch (record.outcome) {
    case Outcome::kCompleted:
      ++(routed ? series->completed : metrics.unrouted_completed);
      break;
    case Outcome::kFailed:
      ++(routed ? series->failed : metrics.unrouted_failed);
      break;
    case Outcome::kCancelled:
      ++(routed ? series->cancelled : metrics.unrouted_cancelled);
      break;
    case Outcome::kRefused:
      WEIR_CHECK(false);
  }
  if (!routed) return;
  const Usage& usage = record.usage;
  add_tokens(series->prompt, usage.prompt_tokens, usage.source);
  add_tokens(series->completion, usage.completion_tokens, usage.source);
  add_tokens(series->cached, usage.cached_tokens, usage.source);
  add_tokens(series->reasoning, usage.reasoning_tokens, usage.source);
}

void count_stages(Exchange* ex) {
  MetricsBlock& metrics = ex->worker->metrics;
  const LedgerRecord& record = ex->record;
  for (size_t i = 0; i < kStages; ++i) metrics.stages[i].add(record.stage_us[i]);
  metrics.total.add(record.total_us);
  const uint64_t waited = uint64_t{record.stage_us[static_cast<size_t>(Stage::kConnect)]} +
                          record.stage_us[static_cast<size_t>(Stage::kUpstream)] +
                          record.stage_us[static_cast<size_t>(Stage::kReceive)] +
                          record.stage_us[static_cast<size_t>(Stage::kPool)];
  // A stream's relay is the provider's time, not Weir's.
  const uint64_t relay = record.stream ? record.stage_us[static_cast<size_t>(Stage::kRelay)] : 0;
  metrics.overhead.add(record.total_us - std::min<uint64_t>(record.total_us, waited + relay));
}

void count(Exchange* ex) {
  MetricsBlock& metrics = ex->worker->metrics;
  LedgerRecord& record = ex->record;
  if (record.kind != RequestKind::kInference) {
    ++metrics.management_requests;
    return;
  }
  if (ex->accepted) {
    count_accepted(ex);
    return count_stages(ex);
  }
  record.outcome = Outcome::kRefused;
  ++(record.route != kNoSlot ? metrics.refused[record.route] : metrics.refused_unrouted);
}

void push_record(Exchange* ex) {
  Worker* worker = ex->worker;
  WorkerLink* link = worker->link;
  LedgerRecord* slot = worker_ledger_slot(worker, ex->accepted);
  if (slot == nullptr) return;
  record_copy(slot, ex->record);
  link->ledger.publish();
  // The control thread looks at the rings on its own; it is woken besides while the records are
  // still few, because the caches hold them then.
  if (link->ledger.published() % WorkerLink::kLedgerWake == 0) {
    worker->control->wake(worker->control);
  }
}

void release(Exchange* ex) {
  // The index of a body takes several times its size; it is not kept for the small ones after it.
  constexpr uint64_t kLarge = 1024 * 1024;
  Worker* worker = ex->worker;
  if (ex->record.request_bytes > kLarge) worker->request_scanner.shrink();
  if (ex->record.response_bytes > kLarge) worker->reply_scanner.shrink();
  worker->wheel.disarm(&ex->deadline);
  worker->wheel.disarm(&ex->total_deadline);
  ex->body.release(worker);
  ex->reply.release(worker);
  if (ex->caching != nullptr) cache_release(ex);
  if (ex->plan != nullptr) route_plan_release(ex);
  if (ex->route != nullptr) worker->link->pins.unpin(ex->route->pin);
  if (ex->principal != nullptr) worker->link->pins.unpin(ex->principal->pin);
  ex->route = nullptr;
  ex->principal = nullptr;
  ex->target = nullptr;
}

}  // namespace

// What was delivered is charged. Where the provider gave no numbers, text is counted at four bytes
// a token, and the prompt too, unless the provider told its size at the beginning of a stream.
Usage exchange_usage(const Exchange* ex) {
  constexpr uint64_t kBytesPerToken = 4;
  const auto tokens_of = [](uint64_t bytes) {
    return static_cast<int64_t>((bytes + kBytesPerToken - 1) / kBytesPerToken);
  };
  Usage usage = ex->facts.usage;
  // What came from the reply cache used no tokens; its usage says so.
  if (usage.source != UsageSource::kNone || ex->record.cached) return usage;
  // An error in place of an answer costs nothing, and leaves no status of a provider behind.
  if (!ex->committed || ex->reply_head.status / 100 != 2) return {};
  const bool prompt_known = usage.prompt_tokens >= 0;
  if (!prompt_known) usage.prompt_tokens = tokens_of(ex->record.request_bytes);
  usage.completion_tokens = tokens_of(ex->facts.text_bytes);
  usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
  usage.source = prompt_known ? UsageSource::kCounted : UsageSource::kEstimated;
  return usage;
}

void exchange_finish(Exchange* ex, Outcome outcome, int status, ClientEnd end) {
  WEIR_CHECK(ex->state != ExchangeState::kDone);
  Worker* worker = ex->worker;
  if (ex->target != nullptr) exchange_attempt_done(ex, Fault::kClient);
  ex->record.outcome = outcome;
  ex->record.status = static_cast<uint16_t>(status);
  // Made where it belongs: a copy would read words back that have only just been written.
  new (&ex->record.usage) Usage(exchange_usage(ex));
  limits_end_request(ex);
  close_stages(ex, worker_clock(worker));
  count(ex);
  push_record(ex);
  release(ex);
  ex->state = ExchangeState::kDone;
  Client* client = ex->client;
  ex->client = nullptr;
  if (client != nullptr && end != ClientEnd::kGone) client->ops->ended(client, end);
  exchange_drop(ex, kHoldClient);
}

}  // namespace weir
