// The whole state of one worker's real network. Internal to net/: everybody else sees transport.h
// and uv_net.h. One per worker; freed when the last of its handles and lookups is gone.
//
// Every handle that is opened is told to net_handle_made(), and its close callback ends with
// net_handle_gone(), which finishes uv_net_close().
#pragma once

#include <uv.h>

#include <string>

#include "base/list.h"
#include "base/pool.h"
#include "net/dial.h"
#include "net/listener.h"
#include "net/outbox.h"
#include "net/resolver.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "net/tls_context.h"
#include "net/uv_net.h"

namespace weir {

struct UvNet : Net {
  explicit UvNet(uv_loop_t* the_loop) : loop(the_loop), resolver(the_loop) {}

  uv_loop_t* loop;
  bool closing = false;
  bool keep_alive = true;  // handles count for the loop's life
  size_t handles = 0;
  void (*on_closed)(void* user) = nullptr;
  void* user = nullptr;
  NetCounters counters;

  // Work put off to a later turn: `ready` runs in this turn's check phase, `fresh` in the next one.
  uv_idle_t idle;
  uv_check_t check;
  List<Tcp, &Tcp::deferred_node> fresh;
  List<Tcp, &Tcp::deferred_node> ready;
  // Dialled connections that stand: their owners are told before the next read, or in this turn's
  // check phase. The provider works on its request while others are read.
  List<Tcp, &Tcp::deferred_node> opened;

  List<Tcp, &Tcp::node> connections;
  List<UvListener, &UvListener::node> listeners;
  Resolver resolver;
  TlsClients tls_clients;

  Outbox outbox;
  static constexpr size_t kGatherBytes = 8 * 1024;
  char gather[kGatherBytes];         // small slices on their way to the socket
  ReadBlock* plain = nullptr;        // decrypted bytes; `current` while on_read of TLS runs
  std::string tls_out;               // records on their way to the socket, empty between events
  char tls_record[kTlsRecordBytes];  // small slices gathered into one record

  Pool<Tcp> tcp_pool{1024};
  Pool<WriteBlock> write_pool{64};
  Pool<TlsSession> tls_pool{256};
  Pool<Dial> dial_pool{16};
  Pool<DialAttempt> attempt_pool{16};
};

inline UvNet* uv_net_of(Net* net) { return static_cast<UvNet*>(net); }

void net_handle_made(UvNet* net, uv_handle_t* handle);
void net_handle_gone(UvNet* net);
// Tells the owners of `opened`, whose first writes do not wait for the round's end. Not from inside
// an event of a transport.
void net_tell_opened(UvNet* net);
// Makes the next turns come at once until the deferred work is done.
void net_wake_deferred(UvNet* net);

}  // namespace weir
