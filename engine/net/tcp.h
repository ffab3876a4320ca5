// One TCP connection: the Transport that owners see, its libuv handle, and what it waits for.
//
// Made by tcp_create, ended by the ops' close or abort, and freed in libuv's close callback after
// on_closed; nothing else frees it. `tls` and `dial` hang on it while there is such a phase.
// Invariants: 1. in_flight blocks belong to a running uv_write, waiting ones to nobody yet.
// 2. waiting is empty unless something is in flight. 3. After `closing` only on_closed is called.
// 4. Nothing waits or is in flight while there is a piece in the outbox.
// Worker thread only.
#pragma once

#include <uv.h>

#include "base/list.h"
#include "net/outbox.h"
#include "net/transport.h"

namespace weir {

struct Dial;
struct TlsSession;
struct UvNet;

// A part of what the kernel did not take at once.
struct WriteBlock {
  static constexpr size_t kBytes = 16 * 1024 - sizeof(uv_write_t) - 2 * sizeof(void*);
  uv_write_t request;
  WriteBlock* next = nullptr;
  size_t used = 0;
  char bytes[kBytes];
  WriteBlock() {}  // NOLINT: the bytes stay as they are
};
static_assert(sizeof(WriteBlock) == 16 * 1024);

// Who gets the bytes that arrive.
enum class TcpPhase : uint8_t { kConnecting, kProxy, kTls, kPlain };

// What a later turn does for a connection; a set of bits.
enum TcpDeferred : uint8_t {
  kDeferOpenFailed = 1,
  kDeferStart = 2,
  kDeferTlsRead = 4,
  kDeferError = 8,
  kDeferOpened = 16,  // in this turn (UvNet::opened)
};

struct Tcp : Transport {
  uv_tcp_t handle;
  ListNode node;           // in UvNet::connections
  ListNode deferred_node;  // in UvNet::fresh or ready
  TlsSession* tls_session = nullptr;
  Dial* dial = nullptr;
  WriteBlock* in_flight = nullptr;
  WriteBlock* waiting = nullptr;
  WriteBlock* waiting_last = nullptr;
  int fd = -1;             // the handle's, until it is closed
  TcpPhase phase = TcpPhase::kConnecting;
  uint8_t deferred = 0;
  uint8_t piece = Outbox::kNoPiece;  // in the outbox
  NetError write_error = NetError::kNone;
  bool connected = false;        // the handle has a descriptor
  bool read_ended = false;       // end or error of the peer's bytes was reported
  bool shutdown_wanted = false;  // FIN once the queue is empty
};
static_assert(sizeof(Tcp) < 500, "an idle connection stays small");

[[nodiscard]] Tcp* tcp_create(UvNet* net, TcpPhase phase);
// Small writes go out at once. A socket that is accepted has it from the one that listens.
void tcp_set_no_delay(int fd);
// The connection owns `fd` from now on, also when this fails (a libuv error).
[[nodiscard]] int tcp_open(Tcp* tcp, int fd);
void tcp_start_reading(Tcp* tcp);
void tcp_stop_reading(Tcp* tcp);
// Bytes as they go over the wire, now or at the end of the round.
void tcp_write_raw(Tcp* tcp, std::span<const Slice> slices);
// `total` bytes, at once, whatever is in the outbox; not after a close, a FIN or a fault.
void tcp_write_now(Tcp* tcp, std::span<const Slice> slices, size_t total);
void tcp_defer(Tcp* tcp, uint8_t what);
// Reports on_eof (kNone) or on_error, at most once in a connection's life.
void tcp_report_end(Tcp* tcp, NetError error);
// A write failed: told in a later turn, after what the peer had sent before.
void tcp_fail_later(Tcp* tcp, NetError error);
// What the owner wrote goes through `queued_bytes` here and in the Net.
void tcp_add_queued(Tcp* tcp, size_t bytes);
void tcp_take_queued(Tcp* tcp, size_t bytes);

void tcp_on_deferred(Tcp* tcp);  // the Net's check phase
void tcp_read_pause(Transport* transport);
void tcp_shutdown(Transport* transport);
void tcp_close(Transport* transport);
void tcp_abort(Transport* transport);

[[nodiscard]] NetError net_error_of(int uv_error);

extern const TransportOps kTcpOps;

}  // namespace weir
