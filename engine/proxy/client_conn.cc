#include "proxy/client_conn.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "base/check.h"
#include "http/write.h"
#include "proxy/exchange.h"
#include "proxy/reply.h"
#include "proxy/worker.h"

namespace weir {

namespace {

void on_read(Transport* t, std::string_view bytes);
void on_eof(Transport* t);
void on_error(Transport* t, NetError error);
void on_drain(Transport* t);
void on_closed(Transport* t);
void on_open(Transport*, NetError, std::string_view) {}  // accepted transports are open already

constexpr TransportEvents kClientEvents = {
    .on_open = on_open,
    .on_read = on_read,
    .on_eof = on_eof,
    .on_error = on_error,
    .on_drain = on_drain,
    .on_closed = on_closed,
};

ClientConn* owner(Transport* t) { return static_cast<ClientConn*>(t->owner); }

// What was written must reach the client first, however slowly it reads (`stall` bounds that);
// then it gets a moment to notice before its unread bytes would turn our close into a reset.
void linger_on(ClientConn* conn) {
  if (conn->io->queued_bytes != 0) return conn->worker->wheel.disarm(&conn->deadline);
  if (conn->saw_eof) return transport_close(conn->io);
  client_arm(conn, ClientConn::kLingerMs);
}

void enter_linger(ClientConn* conn) {
  conn->state = ClientState::kLinger;
  conn->spill.release();
  transport_shutdown(conn->io);
  if (conn->io->closing) return;
  transport_resume(conn->io);
  linger_on(conn);
}

void feed_spill(ClientConn* conn) {
  const size_t used = client_feed(conn, conn->spill.view(), true);
  if (conn->io->closing) return;
  if (!conn->spill.empty()) conn->spill.consume(used);
  // Reading goes on even while a request is busy, or a client that leaves would go unseen.
  if (conn->spill.size() <= ClientConn::kMaxPipelined) transport_resume(conn->io);
}

// --- events -------------------------------------------------------------------------------------

void on_read(Transport* t, std::string_view bytes) {
  ClientConn* conn = owner(t);
  const Turn turn(conn->worker);
  conn->worker->metrics.bytes_from_clients += bytes.size();
  if (conn->state == ClientState::kLinger || conn->state == ClientState::kClosed) return;
  if (conn->spill.size() != 0) {
    conn->spill.append(bytes);
    if (conn->state != ClientState::kBusy) return feed_spill(conn);
  } else {
    const size_t used = client_feed(conn, bytes, false);
    if (t->closing || used == bytes.size()) return;
    conn->spill.append(bytes.substr(used));
  }
  // Busy with what came before: the next request waits, up to a bound.
  if (conn->spill.size() > ClientConn::kMaxPipelined) transport_pause(t);
}

void on_eof(Transport* t) {
  ClientConn* conn = owner(t);
  const Turn turn(conn->worker);
  conn->saw_eof = true;
  if (conn->exchange != nullptr) return client_abort(conn);
  // It may have closed its side only, and still be reading the last answer.
  if (t->queued_bytes == 0) return transport_close(t);
  if (conn->state != ClientState::kLinger) enter_linger(conn);
}

void on_error(Transport* t, NetError) {
  ClientConn* conn = owner(t);
  const Turn turn(conn->worker);
  client_abort(conn);
}

void on_drain(Transport* t) {
  ClientConn* conn = owner(t);
  const Turn turn(conn->worker);
  conn->worker->wheel.disarm(&conn->stall);
  if (conn->state == ClientState::kLinger) return linger_on(conn);
  if (conn->exchange != nullptr) exchange_client_ready(conn->exchange);
}

void on_closed(Transport* t) {
  ClientConn* conn = owner(t);
  Worker* worker = conn->worker;
  const Turn turn(worker);
  if (conn->exchange != nullptr) exchange_client_gone(conn->exchange);
  --worker->metrics.client_connections;
  worker->control->bounds.connections.fetch_sub(1, std::memory_order_relaxed);
  worker->client_pool.give(conn);
}

void on_deadline(void* owner_pointer) {
  auto* conn = static_cast<ClientConn*>(owner_pointer);
  ++conn->worker->metrics.client_timeouts;
  switch (conn->state) {
    case ClientState::kHead:
      return client_refuse_head(conn, {Errc::kRequestTimeout, "the request head took too long"});
    case ClientState::kBody:
      return client_refuse_body(conn, {Errc::kRequestTimeout, "the request body stopped arriving"});
    case ClientState::kIdle:
      if (conn->io->queued_bytes != 0) return enter_linger(conn);
      return transport_close(conn->io);
    case ClientState::kLinger:
    case ClientState::kBusy:
    case ClientState::kClosed:
      return transport_close(conn->io);
  }
}

// The client took nothing for a whole period: its memory is given back by a reset.
void on_stall(void* owner_pointer) {
  auto* conn = static_cast<ClientConn*>(owner_pointer);
  Worker* worker = conn->worker;
  const size_t queued = conn->io->queued_bytes;
  if (queued == 0) return;
  const uint64_t taken = conn->written_bytes - queued;
  if (taken > conn->taken_bytes) {
    conn->taken_bytes = taken;
    return worker->wheel.arm(&conn->stall, worker->now_ms + worker->limits.write_stall_timeout_ms);
  }
  ++worker->metrics.write_stalls;
  client_abort(conn);
}

bool over_connection_cap(Worker* worker) {
  const uint64_t open = worker->control->bounds.connections.load(std::memory_order_relaxed);
  return open >= worker->limits.max_connections || worker->draining ||
         worker->publication == nullptr;
}

// --- the exchange's view ------------------------------------------------------------------------

ClientConn* conn_of(Client* client) { return static_cast<ClientConn*>(client); }

// Head, framing and body in one write.
Took conn_write(Client* client, const AnswerPart& part) {
  ClientConn* conn = conn_of(client);
  // Not an array of Slice, which would be cleared first.
  union Slices {
    Slices() {}  // NOLINT: not defaulted, for the same reason
    std::array<Slice, SliceList::kMax + 6> at;
  } room;
  auto& slices = room.at;
  size_t count = 0;
  size_t bytes = 0;
  for (const Slice& slice : part.body) bytes += slice.size;
  const bool chunked = part.stream && conn->wire == ClientWire::kHttp11;
  char size_line[20];
  if (!part.head.empty()) slices[count++] = part.head;
  if (chunked && bytes != 0) {
    const char* end = write_chunk_size(size_line, bytes);
    slices[count++] = {size_line, static_cast<size_t>(end - size_line)};
  }
  WEIR_DCHECK(part.body.size() <= SliceList::kMax + 1);
  for (const Slice& slice : part.body) slices[count++] = slice;
  if (chunked && bytes != 0) slices[count++] = std::string_view("\r\n");
  if (chunked && part.last) slices[count++] = std::string_view("0\r\n\r\n");
  if (part.stream && !chunked) conn->keep_alive = false;  // the close is the end of the answer
  if (count != 0) client_write(conn, {slices.data(), count});
  if (conn->io->closing) return Took::kGone;
  return conn->io->queued_bytes == 0 ? Took::kAll : Took::kRest;
}

size_t conn_backlog(const Client* client) {
  return static_cast<const ClientConn*>(client)->io->queued_bytes;
}

// The answer is complete: the next request, or a lingering close.
void request_done(ClientConn* conn) {
  const bool body_unread = conn->state == ClientState::kBody &&
                           (conn->chunked_body || conn->body_remaining != 0);
  if (!conn->keep_alive || body_unread || conn->worker->draining) return enter_linger(conn);
  conn->state = ClientState::kIdle;
  client_arm(conn, conn->worker->limits.idle_timeout_ms);
  // A pipelined request waits. It starts at the end of this turn and not here, because the upstream
  // connection that just answered may still be in the middle of its read.
  if (conn->spill.empty() || conn->ready_node.linked()) return;
  conn->worker->ready_clients.push_back(conn);
}

void conn_ended(Client* client, ClientEnd end) {
  ClientConn* conn = conn_of(client);
  conn->exchange = nullptr;
  if (end == ClientEnd::kCut) conn->keep_alive = false;
  if (conn->io->closing) return;
  // A cut answer: FIN after what was written, without the end of its framing.
  if (end == ClientEnd::kCut) return enter_linger(conn);
  request_done(conn);
}

constexpr ClientOps kConnOps = {
    .write = conn_write,
    .backlog = conn_backlog,
    .ended = conn_ended,
};

}  // namespace

ClientConn::ClientConn(Worker* w, Transport* transport) : io(transport) {
  ops = &kConnOps;
  worker = w;
  key = &accepted_key;
  peer = {transport->peer, strnlen(transport->peer, sizeof(transport->peer))};
  deadline.on_due = on_deadline;
  deadline.owner = this;
  stall.on_due = on_stall;
  stall.owner = this;
  worker->clients.push_back(this);
}

ClientConn::~ClientConn() {
  worker->wheel.disarm(&deadline);
  worker->wheel.disarm(&stall);
  worker_node.unlink();
  ready_node.unlink();
}

void client_arm(ClientConn* conn, uint32_t ms) {
  if (ms == 0) return conn->worker->wheel.disarm(&conn->deadline);
  conn->worker->wheel.arm(&conn->deadline, conn->worker->now_ms + ms);
}

void client_refuse_head(ClientConn* conn, const Error& error) {
  conn->keep_alive = false;
  reply_early_error(conn, error);
  if (conn->io->closing) return;
  enter_linger(conn);
}

void client_read_shared(ClientConn* conn) {
  conn->io->read_into = nullptr;
  conn->io->read_into_bytes = 0;
}

void client_refuse_body(ClientConn* conn, const Error& error) {
  conn->keep_alive = false;
  client_read_shared(conn);
  exchange_refuse(conn->exchange, error);
}

void client_accept(Worker* worker, Transport* transport) {
  // A refused one needs an owner all the same, for its close callback.
  const bool refuse = over_connection_cap(worker);
  ClientConn* conn = worker->client_pool.take(worker, transport);
  transport->owner = conn;
  transport->events = &kClientEvents;
  ++worker->metrics.client_connections;
  worker->control->bounds.connections.fetch_add(1, std::memory_order_relaxed);
  if (refuse) {
    ++worker->metrics.client_refused;
    return client_abort(conn);
  }
  ++worker->metrics.client_accepted;
  // A TLS handshake has no deadline of its own: it must not take longer than a head.
  const ClientLimits& limits = worker->limits;
  client_arm(conn, transport->tls ? limits.header_timeout_ms : limits.idle_timeout_ms);
}

void client_write(ClientConn* conn, std::span<const Slice> slices) {
  if (conn->io->closing) return;
  Worker* worker = conn->worker;
  size_t bytes = 0;
  for (const Slice& slice : slices) bytes += slice.size;
  worker->metrics.bytes_to_clients += bytes;
  conn->written_bytes += bytes;
  transport_write(conn->io, slices);
  if (conn->io->queued_bytes == 0 || conn->stall.armed()) return;
  conn->taken_bytes = conn->written_bytes - conn->io->queued_bytes;
  worker->wheel.arm(&conn->stall, worker->now_ms + worker->limits.write_stall_timeout_ms);
}

void client_resume_pipeline(ClientConn* conn) {
  if (conn->io->closing || conn->spill.size() == 0) return;
  if (conn->state == ClientState::kBusy || conn->state == ClientState::kBody) return;
  feed_spill(conn);
}

void client_abort(ClientConn* conn) {
  conn->state = ClientState::kClosed;
  transport_abort(conn->io);
  client_read_shared(conn);
  if (Exchange* ex = conn->exchange) {
    conn->exchange = nullptr;
    exchange_client_gone(ex);
  }
}

void client_drain(ClientConn* conn) {
  conn->keep_alive = false;
  if (conn->state != ClientState::kIdle) return;
  if (conn->io->queued_bytes != 0) return enter_linger(conn);
  transport_close(conn->io);
}

}  // namespace weir
