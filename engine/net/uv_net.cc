#include "net/uv_net.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "net/address.h"
#include "net/uv_net_state.h"

namespace weir {
namespace {

constexpr NetOps kUvNetOps = {.dial = dial_start};

// The idle handle only keeps the loop from sleeping; the work is done after polling, so that bytes
// which had arrived before a failed write are read before the failure is told.
void on_idle(uv_idle_t*) {}

void on_check(uv_check_t* check) {
  auto* net = static_cast<UvNet*>(check->data);
  while (Tcp* tcp = net->ready.pop_front()) tcp_on_deferred(tcp);
  net_tell_opened(net);
  while (Tcp* tcp = net->fresh.pop_front()) net->ready.push_back(tcp);
  if (!net->ready.empty()) return;
  uv_idle_stop(&net->idle);
  uv_check_stop(&net->check);
}

void finish_when_gone(UvNet* net) {
  if (!net->closing || net->handles != 0 || net->resolver.running() != 0) return;
  auto* const on_closed = net->on_closed;
  void* const user = net->user;
  net_free_blocks(net);
  net->current = net->plain;
  net_free_blocks(net);
  delete net;
  on_closed(user);
}

void on_housekeeping_closed(uv_handle_t* handle) {
  net_handle_gone(static_cast<UvNet*>(handle->data));
}

// A write to a closed socket must not end the process; the embedder may have other plans for the
// signal elsewhere, so it is blocked for this thread only.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

void net_handle_gone(UvNet* net) {
  --net->handles;
  finish_when_gone(net);
}

void net_tell_opened(UvNet* net) {
  const bool in_round = std::exchange(net->outbox.in_round, false);
  while (Tcp* tcp = net->opened.pop_front()) tcp_on_deferred(tcp);
  net->outbox.in_round = in_round;
}

void net_wake_deferred(UvNet* net) {
  if (net->closing) return;
  uv_idle_start(&net->idle, on_idle);
  uv_check_start(&net->check, on_check);
}

void net_handle_made(UvNet* net, uv_handle_t* handle) {
  ++net->handles;
  if (!net->keep_alive) uv_unref(handle);
}

UvNet* uv_net_create(uv_loop_t* loop, void* context, bool keep_alive) {
  block_sigpipe();
  auto* net = new UvNet(loop);
  net->keep_alive = keep_alive;
  net->ops = &kUvNetOps;
  net->context = context;
  net_init_blocks(net);
  net->plain = net->current;
  net_init_blocks(net);
  uv_idle_init(loop, &net->idle);
  uv_check_init(loop, &net->check);
  net->idle.data = net->check.data = net;
  net_handle_made(net, reinterpret_cast<uv_handle_t*>(&net->idle));
  net_handle_made(net, reinterpret_cast<uv_handle_t*>(&net->check));
  return net;
}

Net* uv_net_base(UvNet* net) { return net; }

void uv_net_begin_round(UvNet* net) { net->outbox.in_round = true; }

void uv_net_end_round(UvNet* net) {
  net->outbox.in_round = false;
  outbox_send_all(net);
}

void uv_net_send_kept(UvNet* net) { outbox_send_all(net); }

const NetCounters& uv_net_counters(const UvNet* net) { return net->counters; }

void uv_net_close(UvNet* net, void (*on_closed)(void* user), void* user) {
  net->closing = true;
  net->on_closed = on_closed;
  net->user = user;
  net->listeners.for_each([](UvListener* listener) { uv_listener_close(listener); });
  net->connections.for_each([](Tcp* tcp) { transport_close(tcp); });
  uv_close(reinterpret_cast<uv_handle_t*>(&net->idle), on_housekeeping_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&net->check), on_housekeeping_closed);
  net->resolver.close([](void* closing) { finish_when_gone(static_cast<UvNet*>(closing)); }, net);
}

Transport* uv_net_adopt(UvNet* net, int fd, std::shared_ptr<TlsServerContext> tls) {
  Address address;
  socklen_t size = sizeof(address);
  if (getpeername(fd, &address.any, &size) != 0) {
    close(fd);
    return nullptr;
  }
  tcp_set_no_delay(fd);
  Tcp* tcp = tcp_create(net, tls != nullptr ? TcpPhase::kTls : TcpPhase::kPlain);
  if (tcp_open(tcp, fd) != 0) {
    tcp_close(tcp);
    return nullptr;
  }
  address_text(&address.any, tcp->peer);
  if (tls != nullptr) {
    SSL* ssl = SSL_new(tls->get());
    if (ssl == nullptr) {
      tcp_close(tcp);
      return nullptr;
    }
    tls_attach(tcp, ssl, false);
  }
  tcp_defer(tcp, kDeferStart);
  return tcp;
}

}  // namespace weir
