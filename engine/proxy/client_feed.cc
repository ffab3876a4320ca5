// The bytes of a connection: where a head or a body ends, and what becomes of both.
#include <algorithm>
#include <cstring>
#include <functional>

#include "http/head_memo.h"
#include "proxy/client_conn.h"
#include "proxy/exchange.h"
#include "proxy/reply.h"
#include "proxy/worker.h"

namespace weir {

namespace {

// --- one state each: how many bytes were used ---------------------------------------------------

void begin_head(ClientConn* conn) {
  conn->state = ClientState::kHead;
  conn->scanner.reset();
  conn->first_byte_ns = conn->worker->now_ns;
}

void begin_body(ClientConn* conn, const RequestHead& head) {
  conn->state = ClientState::kBody;
  conn->chunked_body = head.framing == Framing::kChunked;
  conn->chunked.reset();
  conn->body_remaining = head.framing == Framing::kLength ? head.content_length : 0;
}

void body_complete(ClientConn* conn) {
  conn->state = ClientState::kBusy;
  conn->worker->wheel.pause(&conn->deadline);
  exchange_start(conn->exchange);
}

// The size of the head in `text`, whose first bytes may have been scanned before. 0: it is not
// complete, or was refused.
size_t read_head(ClientConn* conn, std::string_view text, const HeadLimits& limits,
                 RequestHead* head) {
  const size_t seen = conn->scanner.seen_bytes();
  const auto progress = conn->scanner.feed(text.substr(seen), limits);
  if (!progress) {
    client_refuse_head(conn, progress.error());
    return 0;
  }
  if (progress->status == HeadScanner::Status::kMore) {
    // From the first byte on; a head that arrives whole needs no timer.
    if (seen == 0) client_arm(conn, conn->worker->limits.header_timeout_ms);
    return 0;
  }
  const size_t head_bytes = seen + progress->consumed;
  const auto parsed = parse_request_head(text.substr(0, head_bytes), head);
  if (parsed) return head_bytes;
  client_refuse_head(conn, parsed.error());
  return 0;
}

// The requests of a caller who was let in are those worth recalling.
void keep_head(ClientConn* conn, std::string_view text, const RequestHead& head) {
  if (!conn->keep_alive || conn->exchange->match.place != Place::kInference) return;
  conn->worker->heads.keep(text, head, &conn->head_hint);
}

size_t feed_head(ClientConn* conn, std::string_view text, bool from_spill) {
  HeadLimits limits;
  limits.max_bytes = conn->worker->limits.max_header_bytes;
  RequestHead head;
  const bool fresh = conn->scanner.seen_bytes() == 0;
  size_t head_bytes =
      fresh ? conn->worker->heads.find(text, limits, &conn->head_hint, &head) : 0;
  const bool recalled = head_bytes != 0;
  if (!recalled) head_bytes = read_head(conn, text, limits, &head);
  if (head_bytes == 0) {
    const bool waits = conn->state == ClientState::kHead && !conn->io->closing;
    if (waits && !from_spill) conn->spill.append(text);
    return waits && from_spill ? 0 : text.size();
  }
  conn->keep_alive = head.keep_alive && !conn->worker->draining;
  conn->wire = head.minor_version == 0 ? ClientWire::kHttp10 : ClientWire::kHttp11;
  begin_body(conn, head);
  const bool body_follows = conn->chunked_body || conn->body_remaining != 0;
  exchange_begin(conn, head, body_follows);
  if (conn->state != ClientState::kBody || conn->exchange == nullptr) return head_bytes;
  if (!recalled) keep_head(conn, text.substr(0, head_bytes), head);
  if (!body_follows) {
    body_complete(conn);
  } else if (head.expect_continue) {
    const Slice proceed("HTTP/1.1 100 Continue\r\n\r\n");
    client_write(conn, {&proceed, 1});
  }
  return head_bytes;
}

// Offers the transport the place where the rest of a kept body belongs.
void read_into_body(ClientConn* conn) {
  const BodyBuffer& body = conn->exchange->body;
  conn->io->read_into = body.room();
  conn->io->read_into_bytes = body.room() != nullptr ? body.room_bytes() : 0;
}

// A large body stays in the block its first bytes were read into, and the rest is read behind them,
// unless another request lies there already or the block has too little room.
bool can_keep_block(ClientConn* conn, std::string_view bytes, bool ends_read, bool from_spill) {
  if (from_spill || !ends_read || conn->chunked_body || !conn->exchange->body.empty()) return false;
  if (conn->body_remaining <= SmallBlock::kBytes) return false;
  const char* const begin = conn->worker->net->current->data;
  const char* const end = begin + kReadBlockBytes;
  if (std::less<>()(bytes.data(), begin) || !std::less<>()(bytes.data(), end)) return false;
  return static_cast<uint64_t>(end - bytes.data()) >= conn->body_remaining;
}

bool body_append(ClientConn* conn, std::string_view bytes, bool keep) {
  Exchange* ex = conn->exchange;
  Worker* worker = conn->worker;
  if (ex->body.size() + bytes.size() > exchange_max_body(ex)) {
    client_refuse_body(conn, body_too_large(ex));
    return false;
  }
  const bool held = keep ? ex->body.keep_block(worker, bytes) : ex->body.append(worker, bytes);
  if (held) return true;
  client_refuse_body(
      conn, {Errc::kOverloaded, "too many bytes are held for other requests; try again"});
  return false;
}

size_t feed_length_body(ClientConn* conn, std::string_view text, bool from_spill) {
  const size_t use = std::min<uint64_t>(conn->body_remaining, text.size());
  const bool last = use == conn->body_remaining;
  const bool keep = can_keep_block(conn, text.substr(0, use), use == text.size(), from_spill);
  client_read_shared(conn);
  if (!body_append(conn, text.substr(0, use), keep)) return use;
  conn->body_remaining -= use;
  if (!last) {
    read_into_body(conn);
    return use;
  }
  // What lies behind the body in its own block would go with it when the request ends at once.
  const bool in_body_block = conn->exchange->body.room() != nullptr;
  if (in_body_block && use < text.size()) {
    conn->spill.append(text.substr(use));
    body_complete(conn);
    return text.size();
  }
  body_complete(conn);
  return use;
}

size_t feed_chunked_body(ClientConn* conn, std::string_view text) {
  size_t used = 0;
  while (used < text.size() && conn->state == ClientState::kBody) {
    const auto piece = conn->chunked.feed(text.substr(used));
    if (!piece) {
      client_refuse_body(conn, {Errc::kMalformedRequest, piece.error().message});
      return text.size();
    }
    used += piece->consumed;
    if (!piece->data.empty() && !body_append(conn, piece->data, false)) return text.size();
    if (piece->done) body_complete(conn);
  }
  return used;
}

size_t feed_body(ClientConn* conn, std::string_view text, bool from_spill) {
  return conn->chunked_body ? feed_chunked_body(conn, text)
                            : feed_length_body(conn, text, from_spill);
}

// Requests end in the middle of a buffer, answers complete inside: a loop, so that a pipeline of
// any length needs no stack. Returns how many bytes of `text` need no more attention.
size_t feed_all(ClientConn* conn, std::string_view text, bool from_spill) {
  size_t used = 0;
  while (used < text.size() && !conn->io->closing) {
    const std::string_view rest = text.substr(used);
    switch (conn->state) {
      case ClientState::kIdle:
        begin_head(conn);
        [[fallthrough]];
      case ClientState::kHead: {
        const size_t step = feed_head(conn, rest, from_spill);
        if (step == 0) return used;
        used += step;
        break;
      }
      case ClientState::kBody:
        used += feed_body(conn, rest, from_spill);
        break;
      case ClientState::kBusy:
        return used;
      case ClientState::kLinger:
      case ClientState::kClosed:
        return text.size();
    }
  }
  return used;
}

}  // namespace

size_t client_feed(ClientConn* conn, std::string_view text, bool from_spill) {
  const size_t used = feed_all(conn, text, from_spill);
  // Only what is still to come needs a timer.
  if (conn->state == ClientState::kBody && !conn->io->closing) {
    client_arm(conn, conn->worker->limits.body_timeout_ms);
  }
  return used;
}

}  // namespace weir
