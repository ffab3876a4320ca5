// The connections of one worker to one place (scheme, host, port, proxy): idle ones reused newest
// first, a cap, and a bounded queue of requests that wait for one.
//
// An UpstreamConn is dialling, busy (it has an Exchange) or idle. While idle it keeps reading, so
// that a FIN takes it out of the pool at once; any byte that comes unasked closes it.
// Freed only in on_closed. Worker thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <weir/types.h>

#include "base/list.h"
#include "http/chunked.h"
#include "http/parser.h"
#include "http/response_memo.h"
#include "net/deadline.h"
#include "net/transport.h"
#include "proxy/exchange.h"
#include "proxy/spill.h"

namespace weir {

struct Worker;
struct UpstreamPool;

enum class UpstreamState : uint8_t { kDialling, kIdle, kHead, kBody, kDone, kClosed };

struct UpstreamConn {
  static constexpr uint32_t kIdleMs = 60'000;
  static constexpr uint32_t kMaxInformational = 16;

  UpstreamConn(Worker* w, UpstreamPool* p);
  ~UpstreamConn();

  Worker* worker;
  UpstreamPool* pool;
  Transport* io = nullptr;
  Exchange* exchange = nullptr;
  ListNode node;                // in the pool's idle list
  Deadline idle_deadline;
  UpstreamState state = UpstreamState::kDialling;
  uint64_t answers = 0;         // begun so far
  bool reused = false;          // it has answered before
  bool got_bytes = false;       // of the present answer
  bool reusable = false;        // framing and fields of the present answer allow another request
  Framing framing = Framing::kNone;
  HeadScanner scanner{HeadScanner::Kind::kResponse};
  ChunkedDecoder chunked;
  uint64_t remaining = 0;
  uint32_t informational = 0;
  uint32_t keep_alive_timeout_s = 0;
  Spill spill;                  // an incomplete head
};

struct UpstreamPool {
  explicit UpstreamPool(Worker* w) : worker(w) {}
  Worker* worker;
  ResponseMemo heads;           // of the answers that came from there
  List<UpstreamConn, &UpstreamConn::node> idle;
  List<Exchange, &Exchange::pool_node> waiters;
  size_t idle_count = 0;
  size_t open_count = 0;        // dialling, busy, idle, closing
  size_t waiting = 0;
  bool retired = false;         // no target of the present snapshot uses it
};

enum class Acquire : uint8_t { kReady, kDialling, kWaiting, kQueueFull };

// Gives the exchange a connection: kReady attaches one; kDialling and kWaiting end in
// exchange_on_connected or exchange_on_connect_failed later. `fresh`: never an idle one.
[[nodiscard]] Acquire upstream_acquire(UpstreamPool* pool, Exchange* ex, bool fresh);
// Takes the exchange out of the queue.
void upstream_forget_waiter(UpstreamPool* pool, Exchange* ex);

// Parts connection and exchange. With `reuse` the connection goes back to the pool if its answer
// ended cleanly, else it is closed by RST, which also cancels the request at the provider.
void upstream_detach(UpstreamConn* conn, bool reuse);

void upstream_write(UpstreamConn* conn, std::span<const Slice> slices);
void upstream_write_lent(UpstreamConn* conn, std::string_view bytes, Loan* loan);
// No more reads from the provider until resume (the client does not keep up).
void upstream_pause(UpstreamConn* conn);
void upstream_resume(UpstreamConn* conn);

// Closes idle connections and, from now on, those that become idle.
void upstream_pool_retire(UpstreamPool* pool);

}  // namespace weir
