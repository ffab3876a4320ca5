#include "proxy/upstream_pool.h"

#include <algorithm>

#include "base/check.h"
#include "proxy/worker.h"

namespace weir {

namespace {

void on_open(Transport* t, NetError error, std::string_view detail);
void on_read(Transport* t, std::string_view bytes);
void on_eof(Transport* t);
void on_error(Transport* t, NetError error);
void on_drain(Transport* t);
void on_closed(Transport* t);

constexpr TransportEvents kUpstreamEvents = {
    .on_open = on_open,
    .on_read = on_read,
    .on_eof = on_eof,
    .on_error = on_error,
    .on_drain = on_drain,
    .on_closed = on_closed,
};

UpstreamConn* owner(Transport* t) { return static_cast<UpstreamConn*>(t->owner); }

void attach(UpstreamConn* conn, Exchange* ex) {
  WEIR_DCHECK(conn->exchange == nullptr && ex->upstream == nullptr);
  conn->exchange = ex;
  ex->upstream = conn;
  exchange_hold(ex, kHoldUpstream);
}

// The only place that parts the two; a late event on the connection finds no exchange.
Exchange* part(UpstreamConn* conn) {
  Exchange* ex = conn->exchange;
  if (ex == nullptr) return nullptr;
  conn->exchange = nullptr;
  ex->upstream = nullptr;
  exchange_drop(ex, kHoldUpstream);
  return ex;
}

void begin_answer(UpstreamConn* conn) {
  conn->state = UpstreamState::kHead;
  ++conn->answers;
  conn->scanner.reset();
  conn->chunked.reset();
  conn->got_bytes = false;
  conn->reusable = false;
  conn->informational = 0;
  conn->spill.clear();
}

void dial(UpstreamPool* pool, Exchange* ex) {
  Worker* worker = pool->worker;
  UpstreamConn* conn = worker->upstream_conn_pool.take(worker, pool);
  attach(conn, ex);
  ++pool->open_count;
  ++worker->metrics.upstream_connections;
  ++worker->metrics.upstream_opened;
  // One that waited for its turn has the whole time to connect all the same.
  const Provider& place = exchange_place(ex);
  const uint32_t connect_ms = place.timeouts.connect_ms;
  if (connect_ms != 0) worker->wheel.arm(&ex->deadline, worker->now_ms + connect_ms);
  ex->at.dial = worker_clock(worker);
  conn->io = net_dial(worker->net, place, &kUpstreamEvents, conn);
}

void take_from_idle(UpstreamConn* conn) {
  conn->node.unlink();
  conn->worker->wheel.pause(&conn->idle_deadline);
  --conn->pool->idle_count;
  --conn->worker->metrics.upstream_idle;
}

// A connection became free, or a place for a new one did.
Exchange* next_waiter(UpstreamPool* pool) {
  Exchange* ex = pool->waiters.front();
  if (ex != nullptr) upstream_forget_waiter(pool, ex);
  return ex;
}

void put_idle(UpstreamConn* conn) {
  UpstreamPool* pool = conn->pool;
  Worker* worker = conn->worker;
  if (pool->retired || worker->draining) return transport_close(conn->io);
  conn->state = UpstreamState::kIdle;
  conn->reused = true;
  conn->spill.release();
  if (Exchange* ex = next_waiter(pool)) {
    begin_answer(conn);
    attach(conn, ex);
    return exchange_on_connected(ex, conn);
  }
  uint32_t idle_ms = UpstreamConn::kIdleMs;
  // One second before the server gives up, so that no request meets a closing connection.
  if (conn->keep_alive_timeout_s != 0) {
    idle_ms = std::min(idle_ms, std::max(conn->keep_alive_timeout_s * 1000, 1500u) - 1000);
  }
  pool->idle.push_front(conn);
  ++pool->idle_count;
  ++worker->metrics.upstream_idle;
  worker->wheel.arm(&conn->idle_deadline, worker->now_ms + idle_ms);
}

// While it closes, no request may be given it.
void abort_conn(UpstreamConn* conn) {
  if (conn->node.linked()) take_from_idle(conn);
  transport_abort(conn->io);
}

void broken(UpstreamConn* conn, std::string_view why) {
  const bool got_bytes = conn->got_bytes;
  abort_conn(conn);
  if (Exchange* ex = part(conn)) exchange_on_broken(ex, why, got_bytes);
}

// --- bytes of an answer -------------------------------------------------------------------------

void answer_complete(UpstreamConn* conn, size_t surplus) {
  conn->state = UpstreamState::kDone;
  if (surplus != 0) conn->reusable = false;
  exchange_on_end(conn->exchange);
}

void accept_head(UpstreamConn* conn, ResponseHead& head, size_t bytes_behind) {
  conn->framing = head.framing;
  conn->remaining = head.framing == Framing::kLength ? head.content_length : 0;
  conn->reusable = head.keep_alive && head.framing != Framing::kUntilClose;
  conn->keep_alive_timeout_s = head.keep_alive_timeout_s;
  conn->state = UpstreamState::kBody;
  exchange_on_head(conn->exchange, head);
  // The exchange may have lost interest, or moved on to another target.
  if (conn->exchange == nullptr || conn->state != UpstreamState::kBody) return;
  const bool empty = head.framing == Framing::kNone ||
                     (head.framing == Framing::kLength && conn->remaining == 0);
  if (empty) answer_complete(conn, bytes_behind);
}

// Bytes of the read that belong to the head, which is complete then; 0: it is not, or it is bad.
size_t read_head(UpstreamConn* conn, std::string_view bytes, ResponseHead* head) {
  const HeadLimits limits;
  if (conn->scanner.seen_bytes() == 0) {
    ResponseMemo& heads = conn->pool->heads;
    if (const size_t size = heads.find(bytes, limits, head)) return size;
    if (const size_t size = read_response_head(bytes, limits, false, head)) {
      heads.keep(bytes.substr(0, size), *head);
      return size;
    }
  }
  const auto progress = conn->scanner.feed(bytes, limits);
  if (!progress) {
    broken(conn, progress.error().message);
    return 0;
  }
  if (progress->status == HeadScanner::Status::kMore) {
    conn->spill.append(bytes);
    return 0;
  }
  std::string_view text = bytes.substr(0, progress->consumed);
  if (!conn->spill.empty()) {
    conn->spill.append(text);
    text = conn->spill.view();
  }
  const auto parsed = parse_response_head(text, false, head);
  if (parsed) return progress->consumed;
  broken(conn, parsed.error().message);
  return 0;
}

// Returns the bytes used; all of them when the head is not complete or bad.
size_t feed_head(UpstreamConn* conn, std::string_view bytes) {
  ResponseHead head;
  const size_t used = read_head(conn, bytes, &head);
  if (used == 0) return bytes.size();
  if (head.status >= 200) {
    accept_head(conn, head, bytes.size() - used);
    return used;
  }
  if (++conn->informational > UpstreamConn::kMaxInformational) {
    broken(conn, "too many informational answers");
    return bytes.size();
  }
  conn->scanner.reset();
  conn->spill.clear();
  return used;
}

size_t feed_chunked(UpstreamConn* conn, std::string_view bytes) {
  const auto piece = conn->chunked.feed(bytes);
  if (!piece) {
    broken(conn, piece.error().message);
    return bytes.size();
  }
  if (!piece->data.empty()) exchange_on_body(conn->exchange, piece->data);
  if (piece->done && conn->exchange != nullptr) {
    answer_complete(conn, bytes.size() - piece->consumed);
  }
  return piece->consumed;
}

size_t feed_body(UpstreamConn* conn, std::string_view bytes) {
  if (conn->framing == Framing::kChunked) return feed_chunked(conn, bytes);
  if (conn->framing == Framing::kUntilClose) {
    exchange_on_body(conn->exchange, bytes);
    return bytes.size();
  }
  const size_t use = std::min<uint64_t>(conn->remaining, bytes.size());
  conn->remaining -= use;
  exchange_on_body(conn->exchange, bytes.substr(0, use));
  if (conn->remaining == 0 && conn->exchange != nullptr) {
    answer_complete(conn, bytes.size() - use);
  }
  return use;
}

// --- events -------------------------------------------------------------------------------------

// The detail names addresses, which are not for clients.
void on_open(Transport* t, NetError error, std::string_view) {
  UpstreamConn* conn = owner(t);
  const Turn turn(conn->worker);
  if (error != NetError::kNone) {
    transport_abort(t);
    if (Exchange* ex = part(conn)) exchange_on_connect_failed(ex, error);
    return;
  }
  if (conn->exchange == nullptr) return put_idle(conn);
  begin_answer(conn);
  exchange_on_connected(conn->exchange, conn);
}

void on_read(Transport* t, std::string_view bytes) {
  UpstreamConn* conn = owner(t);
  const Turn turn(conn->worker);
  if (conn->exchange == nullptr) return abort_conn(conn);  // unasked bytes while idle
  Exchange* const ex = conn->exchange;
  conn->got_bytes = true;
  // The same exchange may come back to this connection for its next attempt, in this very loop.
  const uint64_t answer = conn->answers;
  while (!bytes.empty() && conn->exchange == ex && conn->answers == answer && !t->closing) {
    switch (conn->state) {
      case UpstreamState::kHead:
        bytes.remove_prefix(feed_head(conn, bytes));
        break;
      case UpstreamState::kBody:
        bytes.remove_prefix(feed_body(conn, bytes));
        break;
      case UpstreamState::kDone:
      case UpstreamState::kIdle:
      case UpstreamState::kDialling:
      case UpstreamState::kClosed:
        // More than one answer to one request: what follows cannot be trusted.
        return abort_conn(conn);
    }
  }
  if (conn->exchange == ex) exchange_flush(ex);
  if (!bytes.empty()) abort_conn(conn);
}

void on_eof(Transport* t) {
  UpstreamConn* conn = owner(t);
  const Turn turn(conn->worker);
  const bool ends_body = conn->exchange != nullptr && conn->state == UpstreamState::kBody &&
                         conn->framing == Framing::kUntilClose;
  if (ends_body) {
    conn->reusable = false;
    answer_complete(conn, 0);
    return transport_close(t);
  }
  if (conn->exchange != nullptr) return broken(conn, "the connection was closed too early");
  if (conn->node.linked()) take_from_idle(conn);
  transport_close(t);
}

void on_error(Transport* t, NetError error) {
  UpstreamConn* conn = owner(t);
  const Turn turn(conn->worker);
  broken(conn, net_error_text(error));
}

void on_drain(Transport* t) {
  UpstreamConn* conn = owner(t);
  const Turn turn(conn->worker);
  if (conn->exchange != nullptr) exchange_on_drain(conn->exchange);
}

void on_closed(Transport* t) {
  UpstreamConn* conn = owner(t);
  UpstreamPool* pool = conn->pool;
  Worker* worker = conn->worker;
  const Turn turn(worker);
  if (Exchange* ex = part(conn)) {
    exchange_on_broken(ex, "the connection was closed", conn->got_bytes);
  }
  if (conn->node.linked()) take_from_idle(conn);
  --pool->open_count;
  --worker->metrics.upstream_connections;
  worker->upstream_conn_pool.give(conn);
  if (Exchange* ex = next_waiter(pool)) dial(pool, ex);
}

void on_idle_deadline(void* owner_pointer) {
  auto* conn = static_cast<UpstreamConn*>(owner_pointer);
  take_from_idle(conn);
  transport_close(conn->io);
}

}  // namespace

UpstreamConn::UpstreamConn(Worker* w, UpstreamPool* p) : worker(w), pool(p) {
  idle_deadline.on_due = on_idle_deadline;
  idle_deadline.owner = this;
}

UpstreamConn::~UpstreamConn() {
  worker->wheel.disarm(&idle_deadline);
}

Acquire upstream_acquire(UpstreamPool* pool, Exchange* ex, bool fresh) {
  UpstreamConn* conn = fresh ? nullptr : pool->idle.front();
  if (conn != nullptr) {
    take_from_idle(conn);
    begin_answer(conn);
    attach(conn, ex);
    return Acquire::kReady;
  }
  const Provider& provider = exchange_place(ex);
  if (pool->open_count < provider.max_connections) {
    dial(pool, ex);
    return Acquire::kDialling;
  }
  Worker* worker = pool->worker;
  if (pool->waiting >= provider.max_waiting) {
    ++worker->metrics.wait_queue_full;
    return Acquire::kQueueFull;
  }
  pool->waiters.push_back(ex);
  ++pool->waiting;
  ++worker->metrics.waiting_for_connection;
  exchange_hold(ex, kHoldPool);
  return Acquire::kWaiting;
}

void upstream_forget_waiter(UpstreamPool* pool, Exchange* ex) {
  WEIR_DCHECK(ex->pool_node.linked());
  ex->pool_node.unlink();
  --pool->waiting;
  --pool->worker->metrics.waiting_for_connection;
  exchange_drop(ex, kHoldPool);
}

void upstream_detach(UpstreamConn* conn, bool reuse) {
  part(conn);
  if (conn->io->closing) return;
  const bool clean = conn->state == UpstreamState::kDone && conn->reusable;
  if (!reuse || !clean) return transport_abort(conn->io);
  transport_resume(conn->io);
  put_idle(conn);
}

void upstream_write(UpstreamConn* conn, std::span<const Slice> slices) {
  transport_write(conn->io, slices);
}

void upstream_write_lent(UpstreamConn* conn, std::string_view bytes, Loan* loan) {
  transport_write_lent(conn->io, bytes, loan);
}

void upstream_pause(UpstreamConn* conn) { transport_pause(conn->io); }
void upstream_resume(UpstreamConn* conn) { transport_resume(conn->io); }

void upstream_pool_retire(UpstreamPool* pool) {
  pool->idle.for_each([](UpstreamConn* conn) {
    take_from_idle(conn);
    transport_close(conn->io);
  });
}

}  // namespace weir
