// Everything one core owns: connections, requests in flight, pools, balancing state, counters.
//
// A Worker knows no event loop. Whoever drives it (embed/worker_loop.cc with libuv, the simulation
// with a scripted clock) hands it a Net and a clock, calls worker_on_wakeup() when its link was
// woken, and worker_on_tick() when next_due() has come. All on one thread.
//
// Every entry from outside is bracketed by a Turn: it refreshes `now`, and at its end frees what
// finished meanwhile, so that code up the stack may still look at an object that was closed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/pool.h"
#include "http/head_memo.h"
#include "json/reply_pattern.h"
#include "json/reply_scan.h"
#include "json/request_scan.h"
#include "link/worker_link.h"
#include "net/deadline.h"
#include "net/transport.h"
#include "proxy/body_buffer.h"
#include "proxy/client_conn.h"
#include "proxy/exchange.h"
#include "proxy/limit_lines.h"
#include "proxy/local_client.h"
#include "proxy/retry_budget.h"
#include "proxy/route_memo.h"
#include "proxy/token_wait.h"
#include "proxy/upstream_pool.h"
#include "proxy/verified_tokens.h"
#include "route/decide.h"

namespace weir {

struct WorkerClock {
  Nanos (*monotonic)(void* context);
  UnixMillis (*wall)(void* context);
  void* context = nullptr;
};

struct WorkerOptions {
  uint64_t seed = 0;          // of request ids, start offsets
  uint64_t instance_id = 0;   // of the process: recognises requests that come back to it
  WorkerClock clock;
};

struct Worker {
  Worker(WorkerLink* worker_link, ControlLink* control_link, Net* network,
         const WorkerOptions& options);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  WorkerLink* const link;
  ControlLink* const control;
  Net* const net;
  const WorkerClock clock;

  Nanos now_ns = 0;
  Millis now_ms = 0;
  Nanos read_ns = 0;               // the clock, as last read
  bool in_round = false;           // between worker_begin_round() and worker_end_round()
  bool round_read = false;         // the clock was read in this round
  UnixMillis unix_ms = 0;          // now_ms and what the wall clock was ahead at wall_read_ms
  int64_t wall_ahead_ms = 0;
  Millis wall_read_ms = 0;         // 0: not read yet
  uint32_t turn_depth = 0;

  const Publication* publication = nullptr;  // owned by the control thread; newest adopted
  ClientLimits limits;
  CoreState core;
  RouteMemo route_memo;
  DeadlineWheel wheel;
  RetryBudget retry_budget;
  LimitLines request_lines{BucketUnit::kRequests};
  LimitLines token_lines{BucketUnit::kTokens};
  MetricsBlock metrics;
  HeadMemo heads;              // of requests that were let in
  RequestScanner request_scanner;
  ReplyScanner reply_scanner;
  std::array<ReplyPattern, 8> reply_patterns;
  Arena scratch;               // until the event at hand has been handled

  Pool<ClientConn> client_pool;
  LocalClients locals;
  Pool<Exchange> exchange_pool;
  Pool<UpstreamConn> upstream_conn_pool;
  Pool<SmallBlock> small_blocks;
  std::vector<std::unique_ptr<UpstreamPool>> upstream_pools;  // by Provider::pool_slot

  List<ClientConn, &ClientConn::worker_node> clients;
  List<ClientConn, &ClientConn::ready_node> ready_clients;
  List<Exchange, &Exchange::graveyard_node> graveyard;
  TokenTable tokens;
  VerifiedTokens verified_tokens;
  uint32_t strangers_waiting = 0;  // requests with a token of a key that is not known (yet)

  int64_t buffered_local = 0;      // bytes held, not yet told to the shared bound
  int64_t buffered_total = 0;      // bytes held by this worker
  uint64_t ledger_withheld = 0;    // records for which no slot was given, besides a full ring's
  bool draining = false;
  bool no_accept = false;          // told to the listener by the driver
  char instance[17] = {};          // hex of the instance id
  char date[48] = {};              // `date: ...\r\n`, refreshed once a second
  size_t date_len = 0;
  int64_t date_from_ms = 0;        // wall clock; the second of `date`

  [[nodiscard]] const Snapshot* snapshot() const {
    return publication == nullptr ? nullptr : publication->snapshot.get();
  }
};

// Brackets one event. Nested turns are free. In a round the first reads the clock; those behind it
// begin at what was read last, which was within the event before.
class Turn {
 public:
  explicit Turn(Worker* worker);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Worker* worker_;
};

inline Nanos worker_clock(Worker* worker) {
  worker->read_ns = worker->clock.monotonic(worker->clock.context);
  return worker->read_ns;
}

// Around the events that were waiting when the loop woke up: they came before it did, so one
// reading of the clock will do for all that begin. What is called from elsewhere is in no round.
inline void worker_begin_round(Worker* worker) {
  worker->in_round = true;
  worker->round_read = false;
}
inline void worker_end_round(Worker* worker) { worker->in_round = false; }

// Of the target's whole replies. Targets share a few, which costs readings, nothing else.
[[nodiscard]] inline ReplyPattern& worker_reply_pattern(Worker* worker, const Target& target) {
  return worker->reply_patterns[target.slot % worker->reply_patterns.size()];
}

// The link was woken: a publication, answers, scrapes or the drain flag wait.
void worker_on_wakeup(Worker* worker);
// Deadlines. Returns when to call again (monotonic ms), UINT64_MAX for "when armed".
Millis worker_on_tick(Worker* worker);
// A connection from a client. The transport has no owner yet.
void worker_on_accept(Worker* worker, Transport* transport);

// Nothing accepted is left: no connection, no request. The driver may tear the worker down.
[[nodiscard]] bool worker_idle(const Worker* worker);
// Ends everything at once (drain time over, or stop).
void worker_abort_all(Worker* worker);

// The process-wide bound on buffered bodies and replies. take() refuses above the bound.
[[nodiscard]] bool worker_buffer_take(Worker* worker, size_t bytes);
void worker_buffer_give(Worker* worker, size_t bytes);

// Every accepted request in flight will need a line of its own. False: there is room for these
// only.
[[nodiscard]] bool worker_ledger_has_room(const Worker* worker);
// The slot for a record, or null when there is none (counted). Under accounting.strict the last
// slots are for accepted requests alone.
[[nodiscard]] LedgerRecord* worker_ledger_slot(Worker* worker, bool accepted);

[[nodiscard]] UpstreamPool* worker_upstream_pool(Worker* worker, uint32_t slot);

}  // namespace weir
