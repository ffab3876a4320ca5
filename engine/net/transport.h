// One byte stream, whatever carries it: TCP, TLS over TCP, or the simulated network of the tests.
//
// A Transport belongs to its Net and is freed by it after on_closed. The owner keeps a plain
// pointer, drops it in on_closed (the last call there ever is) and may call into the transport at
// any time before. Everything runs on the worker's thread.
//
// Rules:
// 1. transport_close() and transport_abort() are idempotent and never free; no event but on_closed
//    follows them. on_closed never comes from inside close(): it comes in a later turn.
// 2. After any call that may close (write, or an event you pass on), look at `closing`.
// 3. Bytes given to on_read are valid until it returns, with kReadPadding readable bytes behind
//    them; net_keep_block() keeps the whole block longer. Memory offered by read_into has the same
//    padding behind it, and is the owner's.
// 4. transport_write() never keeps your memory: what the kernel does not take at once is copied.
//    Callers bound that copy by writing at most kWriteBurst at a time while queued_bytes > 0.
//    transport_write_lent() may keep it for the rest of a round: see Loan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <weir/types.h>

#include "base/clock.h"

namespace weir {

struct Transport;
struct Net;
struct Provider;

constexpr size_t kReadPadding = 64;
constexpr size_t kReadBlockBytes = 128 * 1024;
constexpr size_t kWriteBurst = 256 * 1024;

enum class NetError : uint8_t {
  kNone,
  kResolve,     // no such name, or the resolver failed
  kForbidden,   // the address is one that is never dialled
  kRefused,
  kUnreachable,
  kReset,
  kTls,         // handshake or certificate
  kProxy,       // the CONNECT proxy said no
  kNoResources, // descriptors or memory
  kOther,
};
[[nodiscard]] std::string_view net_error_text(NetError error);

// Given by the owner; a static table. None is null.
struct TransportEvents {
  // Dialled transports only, once: kNone = ready for use (TLS included). After an error the owner
  // closes. `detail` is static or borrowed until return; it never holds a secret.
  void (*on_open)(Transport*, NetError error, std::string_view detail);
  void (*on_read)(Transport*, std::string_view bytes);
  // Clean end of the peer's bytes: FIN, or TLS close_notify.
  void (*on_eof)(Transport*);
  // Reset, TLS fault, FIN inside TLS; it may follow on_eof when a write fails. You close then.
  void (*on_error)(Transport*, NetError error);
  void (*on_drain)(Transport*);                  // queued_bytes fell to 0 after a short write
  void (*on_closed)(Transport*);
};

// Of memory that writes may read later instead of copying it. Its owner changes and reuses nothing
// of it while `out` is not 0.
struct Loan {
  uint32_t out = 0;               // writes that have not read it yet
  void (*back)(Loan*) = nullptr;  // called once `out` is 0 again; null: nobody waits for that
};
// One write has read it. The memory may be gone when this returns.
inline void loan_end(Loan* loan) {
  if (--loan->out == 0 && loan->back != nullptr) loan->back(loan);
}

// Given by the implementation; a static table.
struct TransportOps {
  void (*write)(Transport*, std::span<const Slice> slices);
  void (*write_lent)(Transport*, std::string_view bytes, Loan* loan);  // null: it always copies
  void (*read_pause)(Transport*);
  void (*read_resume)(Transport*);
  void (*shutdown)(Transport*);  // FIN after what is queued
  void (*close)(Transport*);     // FIN, discards what is queued
  void (*abort)(Transport*);     // RST
};

struct Transport {
  const TransportOps* ops = nullptr;
  const TransportEvents* events = nullptr;
  void* owner = nullptr;
  Net* net = nullptr;
  size_t queued_bytes = 0;   // written by the owner, not yet taken by the kernel
  bool closing = false;
  bool reading = true;
  bool tls = false;
  // Where the owner wants the next bytes instead of the shared block: the rest of a large body goes
  // straight to its place. A hint that only plain TCP takes; compare on_read's bytes with it.
  char* read_into = nullptr;
  size_t read_into_bytes = 0;
  char peer[46] = {};        // numeric address of the other side, for limits and the log
};

inline void transport_write(Transport* t, std::span<const Slice> slices) {
  t->ops->write(t, slices);
}
inline void transport_write(Transport* t, std::string_view text) {
  const Slice slice(text);
  t->ops->write(t, {&slice, 1});
}
inline void transport_write_lent(Transport* t, std::string_view bytes, Loan* loan) {
  if (t->ops->write_lent == nullptr) return transport_write(t, bytes);
  t->ops->write_lent(t, bytes, loan);
}
inline void transport_pause(Transport* t) {
  if (t->reading && !t->closing) t->ops->read_pause(t);
}
inline void transport_resume(Transport* t) {
  if (!t->reading && !t->closing) t->ops->read_resume(t);
}
inline void transport_shutdown(Transport* t) {
  if (!t->closing) t->ops->shutdown(t);
}
inline void transport_close(Transport* t) {
  if (!t->closing) t->ops->close(t);
}
inline void transport_abort(Transport* t) {
  if (!t->closing) t->ops->abort(t);
}

// A read block that its reader kept; give it back with net_release_block().
struct ReadBlock {
  char* data = nullptr;    // kReadBlockBytes + kReadPadding bytes
  ReadBlock* next = nullptr;
};

// What the implementation of a worker's network provides. One per worker.
struct NetOps {
  // Resolves, connects, goes through the provider's CONNECT proxy and does TLS as the provider
  // says. Never fails synchronously: on_open tells. The owner's deadline covers all of it.
  Transport* (*dial)(Net*, const Provider& provider, const TransportEvents* events, void* owner);
};

struct Net {
  const NetOps* ops = nullptr;
  void* context = nullptr;          // the worker
  ReadBlock* current = nullptr;     // handed to reads; replaced when a reader keeps it
  ReadBlock* spare = nullptr;       // free blocks, at most kSpareBlocks
  uint32_t spare_count = 0;
  size_t kept_bytes = 0;            // blocks kept by readers
  size_t queued_bytes = 0;          // sum over all transports
  static constexpr uint32_t kSpareBlocks = 16;
};

inline Transport* net_dial(Net* net, const Provider& provider, const TransportEvents* events,
                           void* owner) {
  return net->ops->dial(net, provider, events, owner);
}
void net_init_blocks(Net* net);
void net_free_blocks(Net* net);
// Inside on_read only: the block that holds the bytes now belongs to the caller.
[[nodiscard]] ReadBlock* net_keep_block(Net* net);
void net_release_block(Net* net, ReadBlock* block);

}  // namespace weir
