// One request in flight, from its complete head to its line in the ledger.
//
// The Exchange belongs to itself: hold bits say who may still come back to it, and when the last
// one is cleared it is recycled at the end of the turn. A record opens when it is created and is
// closed exactly once, in exchange_finish().
//
// States and what moves them (exchange.cc has the only switch):
//   Receiving  body arriving from the client
//   SignIn     the control thread is finding out who the caller is
//   Connecting an attempt has a target and waits for a connection
//   Sending    the request is being written (large bodies in bursts)
//   Awaiting   request sent, head of the reply awaited
//   Buffering  a whole reply is being collected
//   Relaying   a stream runs to the client
//   Writing    a whole reply goes to the client (large ones in bursts)
//   Waiting    the adapter asked for time, or the client is slow and a local answer waits
//   Credential the control thread is getting the provider's token
//   Control    the control thread is answering
//   Done       finished; only holds remain
// A failed attempt goes back to choosing a target while no byte has gone to the client.
// Worker thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <weir/adapter.h>
#include <weir/types.h>

#include "adapters/common/openai_event_pattern.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "http/parser.h"
#include "http/sse.h"
#include "link/ledger_record.h"
#include "net/deadline.h"
#include "net/transport.h"
#include "proxy/body_buffer.h"
#include "proxy/client.h"
#include "proxy/limits.h"
#include "proxy/routes.h"
#include "route/decide.h"

namespace weir {

struct UpstreamConn;
struct Worker;
struct ManagementCall;
struct RoutePlan;
struct CacheUse;

// Bodies for the control thread: of a caller with a key, and of a stranger (sign-in).
inline constexpr uint64_t kMaxManagementBody = 1 << 20;
inline constexpr uint64_t kMaxPublicBody = 64 << 10;

enum class ExchangeState : uint8_t {
  kReceiving,
  kSignIn,
  kConnecting,
  kSending,
  kAwaiting,
  kBuffering,
  kRelaying,
  kWriting,
  kWaiting,
  kCredential,
  kControl,
  kDone,
};

enum class ExchangeEvent : uint8_t {
  kConnected,    // an upstream connection is attached
  kDrained,      // the upstream took what was queued
  kDeadline,     // the attempt's deadline is over
  kTotalDeadline,
  kClientGone,
  kClientReady,  // the client took what was queued
};

// Who may still come back.
enum ExchangeHold : uint8_t {
  kHoldClient = 1,
  kHoldUpstream = 2,
  kHoldPool = 4,
  kHoldControl = 8,
};

// How the reply goes to the client.
enum class ReplyMode : uint8_t {
  kUndecided,
  kWhole,        // collected, checked, then sent
  kStream,       // events as they come
  kWholeToStream,  // a whole JSON answer to a request that asked for a stream
  kInspect,      // collected for the adapter's next step
  kError,        // collected for map_error
};

// Moments of a request, monotonic nanoseconds; 0 = did not happen.
struct Moments {
  Nanos first_byte = 0, received = 0, parsed = 0, decided = 0;
  Nanos step_from = 0;  // the adapter's present step began
  Nanos wait_from = 0;  // it asked for time or for a token; 0: it does not wait
  Nanos acquire = 0, dial = 0, connected = 0, reply_head = 0, translate_from = 0;
  // Sums over attempts; what is left of the total is relay.
  Nanos decide_ns = 0, pool_ns = 0, connect_ns = 0, upstream_ns = 0, translate_ns = 0;
};

struct Exchange {
  explicit Exchange(Worker* w);

  Worker* worker;
  Client* client = nullptr;
  UpstreamConn* upstream = nullptr;
  ManagementCall* call = nullptr;
  ListNode pool_node;        // in UpstreamPool::waiters
  ListNode token_node;       // in TokenTable::waiters
  ListNode graveyard_node;
  uint8_t holds = 0;
  ExchangeState state = ExchangeState::kReceiving;

  // The request.
  RouteMatch match;
  Method method = Method::kOther;
  bool signing_in = false;        // the caller is not named yet; the control thread was asked
  bool head_only = false;         // HEAD: answers carry no body
  bool show_timing = false;       // the answer's head tells where the time went
  std::string_view path;          // in `arena`
  std::string_view request_id;    // in `arena`
  std::string_view hops;          // in `arena`: x-weir-hop as received
  std::span<const HeaderField> client_fields;  // in `arena`: for the adapter (Call)
  BodyBuffer body;
  union {
    RequestView view;             // made by the scan of the body
  };
  const Route* route = nullptr;          // pinned
  const Principal* principal = nullptr;  // pinned
  // In `arena`; null for requests that do not use these members.
  RoutePlan* plan = nullptr;             // `router`: candidates; `route` is one of them
  CacheUse* caching = nullptr;           // `cache`
  Arena arena{arena_block, sizeof arena_block};  // lives as long as the Exchange

  // The present attempt.
  const Target* target = nullptr;
  Tried tried;
  const TargetSet* excluded = nullptr;   // of `route`: what is not for this request; null: nothing
  uint16_t target_index = 0;
  bool probe = false;
  bool forced = false;            // chosen although suspended, for want of another
  bool spare_target = false;      // its fault does not suspend (UpstreamError::suspend)
  bool replayed = false;          // the one replay on a fresh connection was used
  bool connection_reused = false;
  uint8_t attempts = 0;
  uint32_t steps = 0;
  Millis attempt_started_ms = 0;
  Nanos attempt_started_ns = 0;
  Arena attempt_arena{attempt_block, sizeof attempt_block};
  union {
    AdapterState adapter_state;   // made with each attempt
  };
  uint64_t random[2] = {};
  Step step;
  SliceList out;                  // request being written: head, own fields, body
  bool out_in_body = false;       // all of it is one slice in the memory of `body`
  size_t out_sent = 0;            // slices of `out` already handed to the transport
  size_t out_offset = 0;          // bytes of slice `out_sent` already handed to it
  Reply reply_head;               // views in attempt_arena
  bool has_inspected = false;
  union {
    Reply inspected;              // has_inspected: whole reply for the adapter's next step
  };
  uint64_t token_generation = 0;  // of the token in use; 0: the adapter has not asked for one
  std::span<Reply> parts;         // of a fan-out, in attempt_arena; empty: there is none
  uint32_t part = 0;              // being asked for; parts.size(): all are there
  Deadline deadline;              // connect, head, idle, adapter wait: one at a time
  Deadline total_deadline;

  // The answer.
  ReplyMode mode = ReplyMode::kUndecided;
  bool committed = false;         // a byte went to the client
  bool upstream_ended = false;    // framing of the reply ended cleanly
  bool upstream_paused = false;
  bool error_sent = false;        // an error event went into the stream
  std::string_view kept_fields;   // `name: value` lines for the client, in attempt_arena
  BodyBuffer reply;               // a reply that spans reads, or the tail of a stream
  SseBoundary boundary;
  EventPattern pattern;           // of the stream's last plain event
  StreamFacts facts;
  std::string_view whole;         // a whole reply that can be used where it was read
  SliceList pending;              // stream bytes to go out at the end of this event
  std::string_view run;           // the newest of them, still growing
  char* gather_at = nullptr;      // where small pieces of them are copied together
  size_t gather_left = 0;         // room there; 0 when this event has none yet
  std::string_view pending_head;  // head of the answer, when it goes out with them
  std::string_view dropped_params;  // of the present attempt, for the client
  bool has_error = false;
  union {
    UpstreamError last_error;     // has_error: texts in `arena`
  };

  // The ledger.
  LedgerRecord record;
  LimitsHeld held;
  Moments at;
  bool accepted = false;

  // First blocks of the arenas. Not initialised: only what was taken from them is read.
  static constexpr size_t kArenaBlock = 1536;
  alignas(16) char arena_block[kArenaBlock];
  alignas(16) char attempt_block[kArenaBlock];
};

// --- from the client ----------------------------------------------------------------------------

// Creates an Exchange for a complete head. The answer may already be on its way when this returns
// (a refusal): look at client->exchange.
void exchange_begin(Client* client, const RequestHead& head, bool body_follows);
// The body is complete in ex->body.
void exchange_start(Exchange* ex);
// What its body may hold.
[[nodiscard]] uint64_t exchange_max_body(const Exchange* ex);
// The request cannot be read to its end; answers and closes.
void exchange_refuse(Exchange* ex, const Error& error);
// The client is gone or is being cut off: cancels what runs upstream in this same turn.
void exchange_client_gone(Exchange* ex);
void exchange_client_ready(Exchange* ex);

// --- from the upstream connection ---------------------------------------------------------------

void exchange_on_connected(Exchange* ex, UpstreamConn* conn);
void exchange_on_connect_failed(Exchange* ex, NetError error);
void exchange_on_drain(Exchange* ex);
// `head` borrows from the connection until return.
void exchange_on_head(Exchange* ex, ResponseHead& head);
void exchange_on_body(Exchange* ex, std::string_view bytes);
// Clean end of the reply's framing.
void exchange_on_end(Exchange* ex);
// The connection broke, sent garbage, or ended too early. `got_bytes`: of this reply.
void exchange_on_broken(Exchange* ex, std::string_view why, bool got_bytes);
// End of one read event: everything pending goes out in one write.
void exchange_flush(Exchange* ex);

// --- from the worker ----------------------------------------------------------------------------

void exchange_on_answer(Exchange* ex, ManagementCall* call);
void exchange_recycle(Exchange* ex);

// --- between the exchange's own files -----------------------------------------------------------

void exchange_step(Exchange* ex, ExchangeEvent event);
void exchange_next_attempt(Exchange* ex);           // attempt.cc
void exchange_run_adapter(Exchange* ex);            // steps.cc: next() and its step
void exchange_acquire(Exchange* ex);                // attempt.cc: a connection for the request
// The place that the present step's request goes to.
[[nodiscard]] const Provider& exchange_place(const Exchange* ex);  // attempt.cc
void exchange_send(Exchange* ex);                   // attempt.cc: more of the request
// The next kWriteBurst bytes of ex->out, in `room` or where they are. Empty: nothing is left.
[[nodiscard]] std::span<const Slice> exchange_take_burst(Exchange* ex, SliceList* room);
void exchange_attempt_failed(Exchange* ex, const UpstreamError& error);  // attempt.cc
// Closes the attempt: health, its line in the record, the connection. kNone = it succeeded.
void exchange_attempt_done(Exchange* ex, Fault fault, int64_t retry_after_ms = -1);
void relay_on_head(Exchange* ex);                   // relay.cc
void relay_on_body(Exchange* ex, std::string_view bytes);
void relay_on_end(Exchange* ex);
void relay_on_cut(Exchange* ex, std::string_view why, Fault fault = Fault::kTarget);
void relay_write(Exchange* ex);                     // more of a whole reply
void relay_kept(Exchange* ex, std::string_view body);  // a reply from the cache, as a whole
void relay_resume(Exchange* ex);                    // the client keeps up again
void relay_finish(Exchange* ex);                    // the stream is whole: its end, and ours
void relay_commit(Exchange* ex, int status, std::string_view content_type);
void relay_push(Exchange* ex, std::string_view bytes);
// The memory of what was pushed last is about to be used again: copies it, or writes everything.
void relay_keep_run(Exchange* ex);
void relay_stream_body(Exchange* ex, std::string_view bytes);  // relay_stream.cc
void relay_stream_end(Exchange* ex);                           // relay_stream.cc
void exchange_fail(Exchange* ex, const UpstreamError& error);  // answer with an error, or cut

// Closes the record, exactly once; nothing but holds may remain afterwards.
void exchange_finish(Exchange* ex, Outcome outcome, int status, ClientEnd end);  // finish.cc
// What was used so far: the provider's numbers, else an estimate of what was delivered.
[[nodiscard]] Usage exchange_usage(const Exchange* ex);                      // finish.cc
void exchange_hold(Exchange* ex, ExchangeHold bit);
void exchange_drop(Exchange* ex, ExchangeHold bit);
[[nodiscard]] Call exchange_call(Exchange* ex);

}  // namespace weir
