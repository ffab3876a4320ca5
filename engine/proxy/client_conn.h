// One client connection: bytes in, requests out, one request at a time, answers in order.
//
// States: idle (nothing held) -> head -> body -> busy (its Exchange is in flight) -> idle, or
// linger (an answer with `connection: close` was sent; everything else is read and dropped).
// Invariants: 1. `exchange` is set exactly in body and busy. 2. `spill` holds bytes only while a
// head is incomplete or a pipelined request waits. 3. freed only in on_closed of its transport.
// Worker thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <weir/types.h>

#include "base/clock.h"
#include "base/list.h"
#include "http/chunked.h"
#include "http/head_memo.h"
#include "http/parser.h"
#include "net/deadline.h"
#include "net/transport.h"
#include "proxy/auth.h"
#include "proxy/client.h"
#include "proxy/spill.h"

namespace weir {

enum class ClientState : uint8_t { kIdle, kHead, kBody, kBusy, kLinger, kClosed };

struct ClientConn : Client {
  static constexpr size_t kMaxPipelined = 64 * 1024;
  static constexpr uint32_t kLingerMs = 1'000;

  explicit ClientConn(Worker* w, Transport* transport);
  ~ClientConn();

  Transport* io;
  ListNode worker_node;
  ListNode ready_node;      // in Worker::ready_clients: a pipelined request can start
  Deadline deadline;        // head, body, idle, linger; one at a time
  Deadline stall;           // the client takes nothing
  ClientState state = ClientState::kIdle;
  bool chunked_body = false;
  bool saw_eof = false;
  HeadMemo::Hint head_hint;
  HeadScanner scanner{HeadScanner::Kind::kRequest};
  ChunkedDecoder chunked;
  uint64_t body_remaining = 0;
  uint64_t written_bytes = 0;  // handed to the transport so far
  uint64_t taken_bytes = 0;    // of these, what the client had taken when `stall` was armed
  AcceptedKey accepted_key;
  Spill spill;
};

void client_accept(Worker* worker, Transport* transport);

// Bytes as they are. May find out that the connection is gone; never calls back into the exchange.
void client_write(ClientConn* conn, std::span<const Slice> slices);
// End of a turn: starts the pipelined request, if there is one and the connection is free.
void client_resume_pipeline(ClientConn* conn);
// Now, without ceremony.
void client_abort(ClientConn* conn);
// Draining: closes at once when idle, else after the present answer.
void client_drain(ClientConn* conn);

// --- between the connection's own files ---------------------------------------------------------

// The bytes of requests, as they come; returns how many need no more attention. client_feed.cc
size_t client_feed(ClientConn* conn, std::string_view text, bool from_spill);
// The connection's deadline; 0: none.
void client_arm(ClientConn* conn, uint32_t ms);
// The head, or the body of the request at hand, cannot be read: an error, and a lingering close.
void client_refuse_head(ClientConn* conn, const Error& error);
void client_refuse_body(ClientConn* conn, const Error& error);
// The next bytes go to the worker's block again.
void client_read_shared(ClientConn* conn);

}  // namespace weir
