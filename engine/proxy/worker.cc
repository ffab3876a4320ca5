#include "proxy/worker.h"

#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/check.h"
#include "proxy/sign_in_wait.h"

namespace weir {

namespace {

// How far a worker's count of buffered bytes may run ahead of the shared one.
constexpr int64_t kBufferSlack = 256 * 1024;

// How long the wall clock is taken to run like the monotonic one.
constexpr Millis kWallReadMs = 100;

void refresh_date(Worker* worker) {
  constexpr int64_t kSecond = 1000;
  const int64_t since = worker->unix_ms - worker->date_from_ms;
  if (since >= 0 && since < kSecond) return;
  worker->date_from_ms = worker->unix_ms / kSecond * kSecond;
  const auto seconds = static_cast<time_t>(worker->unix_ms / kSecond);
  tm utc{};
  gmtime_r(&seconds, &utc);
  worker->date_len =
      strftime(worker->date, sizeof(worker->date), "date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
}

void size_metrics(Worker* worker, const Snapshot& snapshot) {
  // Only ever grown: a slot that went out of use keeps its counts until it is given out again.
  const auto grow = [](auto& counters, uint32_t slots) {
    if (counters.size() < slots) counters.resize(slots);
  };
  grow(worker->metrics.series, snapshot.series_slots());
  grow(worker->metrics.targets, snapshot.target_slots());
  grow(worker->metrics.refused, snapshot.route_slots());
}

// Nothing of the slots is in use: the control thread lists only what no request can reach. May be
// told the same slot more than once.
void clear_slots(Worker* worker, const SlotsToClear& clear) {
  MetricsBlock& metrics = worker->metrics;
  const auto each = [](const std::vector<uint32_t>& slots, auto& entries, auto work) {
    for (const uint32_t slot : slots) {
      if (slot < entries.size()) work(entries[slot]);
    }
  };
  each(clear.series, metrics.series, [&metrics](SeriesCounters& counters) {
    counters_add(&metrics.gone_series, std::exchange(counters, {}));
  });
  each(clear.targets, metrics.targets, [&metrics](TargetCounters& counters) {
    WEIR_DCHECK(counters.inflight == 0);
    counters_add(&metrics.gone_targets, std::exchange(counters, {}));
  });
  each(clear.routes, metrics.refused, [&metrics](uint64_t& refused) {
    metrics.gone_refused += std::exchange(refused, 0);
  });
  each(clear.tokens, worker->tokens.entries, [](TokenTable::Entry& entry) { entry = {}; });
}

void adopt(Worker* worker, const Publication* publication) {
  const Snapshot& snapshot = *publication->snapshot;
  clear_slots(worker, publication->clear);
  worker->core.adopt(snapshot);
  size_metrics(worker, snapshot);
  for (uint32_t slot = 0; slot < worker->upstream_pools.size(); ++slot) {
    UpstreamPool* pool = worker->upstream_pools[slot].get();
    if (pool == nullptr) continue;
    pool->retired = !snapshot.pool_in_use(slot);
    if (pool->retired) upstream_pool_retire(pool);
  }
  worker->publication = publication;
  worker->limits = publication->limits;
  // release pairs with control's acquire: nothing of an older snapshot is used after this.
  worker->link->adopted_epoch.store(snapshot.epoch(), std::memory_order_release);
  worker->control->wake(worker->control);
}

void start_drain(Worker* worker) {
  if (worker->draining) return;
  worker->draining = true;
  worker->no_accept = true;
  worker->clients.for_each([](ClientConn* conn) { client_drain(conn); });
}

uint64_t count_idle_clients(Worker* worker) {
  uint64_t idle = 0;
  worker->clients.for_each(
      [&idle](ClientConn* conn) { idle += conn->state == ClientState::kIdle ? 1 : 0; });
  return idle;
}

void answer_scrapes(Worker* worker) {
  Scrape* scrape = worker->link->scrapes.take_all();
  while (scrape != nullptr) {
    Scrape* next = scrape->next_message;
    worker->metrics.ledger_dropped = worker->link->ledger.dropped() + worker->ledger_withheld;
    worker->metrics.buffered_bytes = static_cast<uint64_t>(worker->buffered_total);
    worker->metrics.client_idle = count_idle_clients(worker);
    scrape->block = worker->metrics;
    worker->control->scrapes.push(scrape);
    scrape = next;
    worker->control->wake(worker->control);
  }
}

void take_answers(Worker* worker) {
  ManagementCall* call = worker->link->answers.take_all();
  while (call != nullptr) {
    ManagementCall* next = call->next_message;
    exchange_on_answer(static_cast<Exchange*>(call->exchange), call);
    delete call;
    call = next;
  }
}

}  // namespace

Worker::Worker(WorkerLink* worker_link, ControlLink* control_link, Net* network,
               const WorkerOptions& options)
    : link(worker_link),
      control(control_link),
      net(network),
      clock(options.clock),
      core(worker_link->core, worker_link->cores, options.seed),
      wheel(options.clock.monotonic(options.clock.context) / kNanosPerMilli),
      client_pool(256),
      locals(worker_link->core),
      exchange_pool(64),
      upstream_conn_pool(64),
      small_blocks(32) {
  core.share(control->inflight);
  std::snprintf(instance, sizeof(instance), "%016" PRIx64, options.instance_id);
}

Worker::~Worker() {
  WEIR_CHECK(worker_idle(this));
  scratch.release();
}

Turn::Turn(Worker* worker) : worker_(worker) {
  if (worker->turn_depth++ != 0) return;
  if (!worker->in_round || !worker->round_read) worker_clock(worker);
  worker->round_read = true;
  worker->now_ns = worker->read_ns;
  worker->now_ms = worker->now_ns / kNanosPerMilli;
  if (worker->wall_read_ms == 0 || worker->now_ms - worker->wall_read_ms >= kWallReadMs) {
    worker->wall_read_ms = worker->now_ms;
    worker->wall_ahead_ms = worker->clock.wall(worker->clock.context) -
                            static_cast<int64_t>(worker->now_ms);
  }
  worker->unix_ms = static_cast<int64_t>(worker->now_ms) + worker->wall_ahead_ms;
  refresh_date(worker);
}

Turn::~Turn() {
  if (worker_->turn_depth == 1) {
    while (ClientConn* conn = worker_->ready_clients.pop_front()) client_resume_pipeline(conn);
    while (Exchange* ex = worker_->graveyard.pop_front()) exchange_recycle(ex);
    worker_->scratch.reset();
  }
  --worker_->turn_depth;
}

void worker_on_wakeup(Worker* worker) {
  const Turn turn(worker);
  // Taken before the publication, which therefore holds what they are about.
  SignInCall* const signed_in = worker->link->sign_ins.take_all();
  if (const Publication* publication = worker->link->publication.take()) adopt(worker, publication);
  sign_in_take_answers(worker, signed_in);
  take_answers(worker);
  token_take_news(worker);
  answer_scrapes(worker);
  if (worker->link->drain.load(std::memory_order_relaxed)) start_drain(worker);
  if (worker->link->stop.load(std::memory_order_relaxed)) {
    start_drain(worker);
    worker_abort_all(worker);
  }
}

Millis worker_on_tick(Worker* worker) {
  const Turn turn(worker);
  worker->wheel.advance(worker->now_ms);
  return worker->wheel.next_due();
}

void worker_on_accept(Worker* worker, Transport* transport) {
  const Turn turn(worker);
  client_accept(worker, transport);
}

bool worker_idle(const Worker* worker) {
  return worker->client_pool.in_use() == 0 && worker->locals.pool.in_use() == 0 &&
         worker->exchange_pool.in_use() == 0 &&
         worker->upstream_conn_pool.in_use() == 0;
}

void worker_abort_all(Worker* worker) {
  const Turn turn(worker);
  worker->clients.for_each([](ClientConn* conn) { client_abort(conn); });
  local_cancel_all(worker);
  for (auto& pool : worker->upstream_pools) {
    if (pool == nullptr) continue;
    pool->retired = true;
    upstream_pool_retire(pool.get());
  }
}

bool worker_buffer_take(Worker* worker, size_t bytes) {
  std::atomic<uint64_t>& shared = worker->control->bounds.buffered_bytes;
  worker->buffered_local += static_cast<int64_t>(bytes);
  worker->buffered_total += static_cast<int64_t>(bytes);
  if (worker->buffered_local < kBufferSlack) return true;
  const auto delta = static_cast<uint64_t>(worker->buffered_local);
  // relaxed: a plain sum; a bound that is exact to the slack of each worker is enough.
  const uint64_t before = shared.fetch_add(delta, std::memory_order_relaxed);
  worker->buffered_local = 0;
  if (before + delta <= worker->limits.max_buffered_bytes) return true;
  worker_buffer_give(worker, bytes);
  ++worker->metrics.buffer_refused;
  return false;
}

void worker_buffer_give(Worker* worker, size_t bytes) {
  worker->buffered_local -= static_cast<int64_t>(bytes);
  worker->buffered_total -= static_cast<int64_t>(bytes);
  WEIR_DCHECK(worker->buffered_total >= 0);
  if (worker->buffered_local > -kBufferSlack) return;
  // Unsigned wrap-around of the difference is the subtraction we want.
  worker->control->bounds.buffered_bytes.fetch_add(static_cast<uint64_t>(worker->buffered_local),
                                                   std::memory_order_relaxed);
  worker->buffered_local = 0;
}

bool worker_ledger_has_room(const Worker* worker) {
  const auto& ring = worker->link->ledger;
  return ring.size() + worker->metrics.in_flight < ring.capacity();
}

LedgerRecord* worker_ledger_slot(Worker* worker, bool accepted) {
  const bool kept = worker->limits.strict_accounting && !accepted;
  if (!kept || worker_ledger_has_room(worker)) return worker->link->ledger.reserve();
  ++worker->ledger_withheld;
  return nullptr;
}

UpstreamPool* worker_upstream_pool(Worker* worker, uint32_t slot) {
  if (slot >= worker->upstream_pools.size()) worker->upstream_pools.resize(slot + 1);
  auto& pool = worker->upstream_pools[slot];
  if (pool == nullptr) pool = std::make_unique<UpstreamPool>(worker);
  return pool.get();
}

}  // namespace weir
