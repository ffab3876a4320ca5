// The real network of one worker: libuv TCP, OpenSSL, and the resolver, behind net/transport.h.
//
// Created and destroyed on the worker's thread around a loop that somebody else runs.
// uv_net_close() is asynchronous: it closes what is left and calls back when every handle is gone.
// uv_net_create() blocks SIGPIPE on this thread: a write to a closed socket must end no process.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <weir/types.h>

#include "net/transport.h"

struct uv_loop_s;

namespace weir {

// TLS contexts are shared by all workers (OpenSSL's are thread-safe), made by the control thread.
class TlsServerContext;  // certificate and key of a listener

// PEM files are read now, so that a reload with a bad file is refused. Errors name the file.
[[nodiscard]] Result<std::shared_ptr<TlsServerContext>> tls_server_context(
    const std::string& certificate_file, const std::string& key_file, std::string* detail);

// Trust for upstreams: the system's certificates (SSL_CERT_FILE honoured) plus `ca_pem`.
// Checked when a configuration is loaded; workers make and cache their own per pool slot.
[[nodiscard]] Result<void> tls_check_ca(const std::string& ca_pem, std::string* detail);

// Reads the system's certificates, once per process. The first TLS dial does it otherwise, and
// stalls its worker for as long as OpenSSL takes (tens of milliseconds). Any thread.
void tls_load_system_trust();

struct UvNet;
// With keep_alive false no handle of it keeps the loop running (a name lookup under way does).
[[nodiscard]] UvNet* uv_net_create(uv_loop_s* loop, void* context, bool keep_alive = true);
[[nodiscard]] Net* uv_net_base(UvNet* net);
void uv_net_close(UvNet* net, void (*on_closed)(void* user), void* user);

// Around the events that one wait of the loop brought. What is written in between is sent at the
// end, or when uv_net_send_kept() is called before work that takes long. A loop in which others do
// work of unknown length has no rounds.
void uv_net_begin_round(UvNet* net);
void uv_net_end_round(UvNet* net);
void uv_net_send_kept(UvNet* net);

// Counted since the start; read on the worker's thread.
struct NetCounters {
  uint64_t accepted = 0;
  uint64_t accept_starved = 0;  // times accept found no free descriptor; log once a minute
  uint64_t accept_shed = 0;     // connections closed unanswered after a long starvation
  uint64_t tls_resumed = 0;     // client handshakes that reused a session
};
[[nodiscard]] const NetCounters& uv_net_counters(const UvNet* net);

// A listening socket, bound with SO_REUSEPORT so that each worker has its own. `fd` is owned by the
// listener from now on. For every accepted connection on_accept gets a Transport without owner or
// events; it sets both before it returns (or closes it). With tls set, bytes are decrypted.
struct UvListener;
struct ListenSpec {
  int fd = -1;
  std::shared_ptr<TlsServerContext> tls;
  void (*on_accept)(void* user, Transport* transport) = nullptr;
  void* user = nullptr;
};
[[nodiscard]] Result<UvListener*> uv_listener_open(UvNet* net, const ListenSpec& spec);
// Stops accepting; frees itself.
void uv_listener_close(UvListener* listener);
// New certificate for connections accepted from now on.
void uv_listener_set_tls(UvListener* listener, std::shared_ptr<TlsServerContext> tls);
// Accepting pauses while the worker is at its connection cap.
void uv_listener_pause(UvListener* listener);
void uv_listener_resume(UvListener* listener);

// Wraps an already connected socket (given by an embedder), which belongs to the network from now
// on. The caller sets owner and events before the loop goes on. Null when the socket is unusable.
[[nodiscard]] Transport* uv_net_adopt(UvNet* net, int fd, std::shared_ptr<TlsServerContext> tls);

// Opens, binds and listens. Any thread. First call of a process for an address uses probe = true:
// binds without SO_REUSEPORT first, so that a second Weir on the same port is noticed.
[[nodiscard]] Result<int> listen_socket(const std::string& host, uint16_t port, bool probe,
                                        uint16_t* bound_port, std::string* detail);

}  // namespace weir
