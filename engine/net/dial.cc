#include "net/dial.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "net/address.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "net/uv_net_state.h"
#include "route/target.h"

namespace weir {
namespace {

void free_when_done(Dial* dial) {
  if (dial->tcp != nullptr || dial->timer_made) return;
  dial->net->dial_pool.give(dial);
}

void on_timer_closed(uv_handle_t* handle) {
  auto* dial = static_cast<Dial*>(handle->data);
  UvNet* net = dial->net;
  dial->timer_made = false;
  free_when_done(dial);
  net_handle_gone(net);
}

void on_poll_closed(uv_handle_t* handle) {
  auto* attempt = static_cast<DialAttempt*>(handle->data);
  UvNet* net = attempt->net;
  net->attempt_pool.give(attempt);
  net_handle_gone(net);
}

// Ends the watching; the descriptor may then be closed or handed on at once.
int end_attempt(DialAttempt* attempt) {
  attempt->node.unlink();
  uv_close(reinterpret_cast<uv_handle_t*>(&attempt->poll), on_poll_closed);
  return attempt->fd;
}

void end_attempts(Dial* dial) {
  while (DialAttempt* attempt = dial->attempts.front()) close(end_attempt(attempt));
  dial->next = dial->addresses.count;
  auto* timer = reinterpret_cast<uv_handle_t*>(&dial->timer);
  if (dial->timer_made && uv_is_closing(timer) == 0) uv_close(timer, on_timer_closed);
}

// What is told when every address fails: the last real fault; that one was forbidden says least.
void note_fault(Dial* dial, const Address& address, NetError error, std::string_view why) {
  if (error == NetError::kForbidden && dial->error != NetError::kNone) return;
  char text[kAddressText];
  address_text(&address.any, text);
  dial->error = error;
  dial->detail = dial->host + " (" + text + " port " + std::to_string(dial->connect_port) + "): ";
  dial->detail += why;
}

void send_connect(Dial* dial) {
  Tcp* tcp = dial->tcp;
  tcp->phase = TcpPhase::kProxy;
  const bool six = dial->host.find(':') != std::string::npos;
  const std::string authority =
      (six ? "[" + dial->host + "]" : dial->host) + ":" + std::to_string(dial->port);
  std::string head = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
  if (!dial->proxy_authorization.empty()) {
    head += "Proxy-Authorization: " + dial->proxy_authorization + "\r\n";
  }
  head += "\r\n";
  const Slice slice{std::string_view(head)};
  tcp_write_raw(tcp, {&slice, 1});
  tcp_start_reading(tcp);
}

// The bytes of the target begin here. The owner may be in the middle of dialling.
void begin_stream(Dial* dial) {
  Tcp* tcp = dial->tcp;
  if (tcp->tls_session == nullptr) {
    tcp->phase = TcpPhase::kPlain;
    dial_release(dial);
    return tcp_defer(tcp, kDeferOpened);
  }
  tcp_start_reading(tcp);
  tls_begin(tcp);
}

void on_connected(Dial* dial, const Address& address, int fd) {
  end_attempts(dial);
  dial->error = NetError::kNone;
  Tcp* tcp = dial->tcp;
  const int error = tcp_open(tcp, fd);
  if (error != 0) return dial_fail(dial, net_error_of(error), uv_strerror(error));
  address_text(&address.any, tcp->peer);
  dial->through_proxy ? send_connect(dial) : begin_stream(dial);
}

void try_next(Dial* dial);

void on_attempt(uv_poll_t* poll, int status, int) {
  auto* attempt = static_cast<DialAttempt*>(poll->data);
  Dial* dial = attempt->dial;
  int code = 0;
  socklen_t size = sizeof(code);
  if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
  const int fd = end_attempt(attempt);
  // libuv turns every fault of a socket into EBADF; the socket itself knows better.
  const int error = code != 0 ? -code : status;
  // Its memory is there until the close callback.
  if (error == 0) return on_connected(dial, attempt->address, fd);
  close(fd);
  note_fault(dial, attempt->address, net_error_of(error), uv_strerror(error));
  try_next(dial);
}

void on_head_start_over(uv_timer_t* timer) { try_next(static_cast<Dial*>(timer->data)); }

void start_timer(Dial* dial) {
  if (!dial->timer_made) {
    WEIR_CHECK(uv_timer_init(dial->net->loop, &dial->timer) == 0);
    dial->timer.data = dial;
    dial->timer_made = true;
    net_handle_made(dial->net, reinterpret_cast<uv_handle_t*>(&dial->timer));
  }
  uv_timer_start(&dial->timer, on_head_start_over, Dial::kHeadStartMs, 0);
}

// A connect() that does not wait: 0, UV_EALREADY when it is under way, or another libuv error.
int connect_now(int fd, const Address& address) {
  const bool six = address.any.sa_family == AF_INET6;
  const socklen_t size = six ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (connect(fd, &address.any, size) == 0) return 0;
  if (errno != EINPROGRESS) return -errno;
  // On the same machine the other side has answered by now, which the first call does not say. To
  // ask is one system call; to have the loop watch the descriptor takes seven.
  return connect(fd, &address.any, size) == 0 ? 0 : -errno;
}

// UV_EALREADY, as on_attempt will be called, or another libuv error.
int watch(Dial* dial, const Address& address, int fd) {
  DialAttempt* attempt = dial->net->attempt_pool.take();
  const int error = uv_poll_init(dial->net->loop, &attempt->poll, fd);
  if (error != 0) {
    dial->net->attempt_pool.give(attempt);
    return error;
  }
  attempt->poll.data = attempt;
  attempt->dial = dial;
  attempt->net = dial->net;
  attempt->address = address;
  attempt->fd = fd;
  dial->attempts.push_back(attempt);
  net_handle_made(dial->net, reinterpret_cast<uv_handle_t*>(&attempt->poll));
  uv_poll_start(&attempt->poll, UV_WRITABLE, on_attempt);
  return UV_EALREADY;
}

// 0: the connection stands, and `*fd` is it. UV_EALREADY: on_attempt will be called. Else a fault.
int start_attempt(Dial* dial, const Address& address, int* fd) {
  *fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (*fd < 0) return -errno;
  tcp_set_no_delay(*fd);
  int error = connect_now(*fd, address);
  if (error == UV_EALREADY) error = watch(dial, address, *fd);
  if (error != 0 && error != UV_EALREADY) close(*fd);
  return error;
}

bool is_allowed(const Dial* dial, const Address& address) {
  const AddressClass kind = address_classify(&address.any);
  return kind == AddressClass::kPublic || (kind == AddressClass::kPrivate && !dial->deny_private);
}

void set_port(Address* address, uint16_t port) {
  const bool six = address->any.sa_family == AF_INET6;
  (six ? address->v6.sin6_port : address->v4.sin_port) = htons(port);
}

void try_next(Dial* dial) {
  while (dial->next < dial->addresses.count) {
    Address& address = dial->addresses.items[dial->next++];
    set_port(&address, dial->connect_port);
    if (!is_allowed(dial, address)) {
      note_fault(dial, address, NetError::kForbidden, net_error_text(NetError::kForbidden));
      continue;
    }
    int fd = -1;
    const int error = start_attempt(dial, address, &fd);
    if (error == 0) return on_connected(dial, address, fd);
    if (error != UV_EALREADY) {
      note_fault(dial, address, net_error_of(error), uv_strerror(error));
      continue;
    }
    if (dial->next < dial->addresses.count) start_timer(dial);
    return;
  }
  if (dial->attempts.empty()) dial_fail(dial, dial->error, dial->detail);
}

void on_resolved(ResolveWaiter* waiter, NetError error, const AddressList& addresses) {
  // The waiter is a member of its Dial; nothing else embeds one here.
  auto* dial = reinterpret_cast<Dial*>(reinterpret_cast<char*>(waiter) - offsetof(Dial, waiter));
  if (error != NetError::kNone) {
    return dial_fail(dial, error, "the name of the host could not be resolved");
  }
  dial->addresses = addresses;
  try_next(dial);
}

// `literal` is the address that `host` is; a name has none.
void start_connecting(Dial* dial, const std::string& host, const sockaddr_storage& literal) {
  if (literal.ss_family == AF_UNSPEC) {
    dial->waiter.on_resolved = on_resolved;
    return dial->net->resolver.resolve(host, &dial->waiter);
  }
  static_assert(sizeof(Address) <= sizeof(literal));
  std::memcpy(&dial->addresses.items[0], &literal, sizeof(Address));
  dial->addresses.count = 1;
  try_next(dial);
}

// Also says the address of the target, when its host is one.
bool host_is_allowed(const Provider& provider, sockaddr_storage* literal) {
  const AddressClass kind = host_classify(provider.host, literal);
  if (kind == AddressClass::kForbidden) return false;
  return kind == AddressClass::kPublic || !provider.deny_private;
}

// TLS is set up before anything is sent, from what the provider says now.
bool prepare_tls(Dial* dial, const Provider& provider) {
  std::string detail;
  SSL* ssl = dial->net->tls_clients.create(provider, &detail);
  if (ssl == nullptr) {
    dial_fail(dial, NetError::kTls, detail);
    return false;
  }
  tls_attach(dial->tcp, ssl, true);
  dial->tcp->tls_session->host = provider.host;
  dial->tcp->tls_session->slot = provider.pool_slot;
  return true;
}

}  // namespace

Transport* dial_start(Net* base, const Provider& provider, const TransportEvents* events,
                      void* owner) {
  UvNet* net = uv_net_of(base);
  Tcp* tcp = tcp_create(net, TcpPhase::kConnecting);
  tcp->events = events;
  tcp->owner = owner;
  if (net->closing) {
    tcp_close(tcp);
    return tcp;
  }
  Dial* dial = net->dial_pool.take();
  dial->net = net;
  dial->tcp = tcp;
  tcp->dial = dial;
  dial->host = provider.host;
  dial->port = provider.port;
  dial->deny_private = provider.deny_private;
  dial->through_proxy = !provider.proxy_host.empty();
  dial->proxy_authorization = provider.proxy_authorization;
  dial->connect_port = dial->through_proxy ? provider.proxy_port : provider.port;
  sockaddr_storage literal;
  if (!host_is_allowed(provider, &literal)) {
    dial_fail(dial, NetError::kForbidden, provider.host);
  } else if (!provider.tls || prepare_tls(dial, provider)) {
    const std::string& host = dial->through_proxy ? provider.proxy_host : provider.host;
    if (dial->through_proxy) static_cast<void>(host_to_address(host, &literal));
    start_connecting(dial, host, literal);
  }
  return tcp;
}

void dial_fail(Dial* dial, NetError error, std::string_view detail) {
  // `detail` may lie in dial->detail.
  std::string text(detail);
  dial->detail.swap(text);
  dial->error = error;
  end_attempts(dial);
  dial->waiter.node.unlink();
  tcp_defer(dial->tcp, kDeferOpenFailed);
}

void dial_report_failure(Dial* dial) {
  dial->tcp->events->on_open(dial->tcp, dial->error, dial->detail);
}

void dial_on_write_failed(Dial* dial, NetError error) {
  if (dial->error == NetError::kNone) dial_fail(dial, error, net_error_text(error));
}

void dial_opened(Dial* dial) {
  Tcp* tcp = dial->tcp;
  dial_release(dial);
  dial_report_opened(tcp);
}

void dial_report_opened(Tcp* tcp) {
  tcp->reading ? tcp_start_reading(tcp) : tcp_stop_reading(tcp);
  tcp->events->on_open(tcp, NetError::kNone, {});
}

void dial_on_proxy_bytes(Dial* dial, std::string_view bytes) {
  std::string& reply = dial->proxy_reply;
  reply.append(bytes);
  const size_t end = reply.find("\r\n\r\n");
  if (end == std::string::npos && reply.size() <= Dial::kProxyHeadBytes) return;
  tcp_stop_reading(dial->tcp);
  const bool http = reply.starts_with("HTTP/1.") && reply.size() > 12 && reply[8] == ' ';
  if (end == std::string::npos || !http) {
    return dial_fail(dial, NetError::kProxy, "the proxy's answer to CONNECT is not HTTP");
  }
  if (reply[9] != '2') {
    const bool plain = reply.find_first_not_of("0123456789", 9) >= 12;
    return dial_fail(dial, NetError::kProxy,
                     "the proxy answered CONNECT with " + (plain ? reply.substr(9, 3) : "garbage"));
  }
  if (end + 4 != reply.size()) {
    return dial_fail(dial, NetError::kProxy, "the proxy sent bytes before the tunnel was used");
  }
  reply.clear();
  begin_stream(dial);
}

void dial_on_proxy_ended(Dial* dial) {
  dial_fail(dial, NetError::kProxy, "the proxy closed the connection without an answer");
}

void dial_release(Dial* dial) {
  end_attempts(dial);
  dial->waiter.node.unlink();
  dial->tcp->dial = nullptr;
  dial->tcp = nullptr;
  free_when_done(dial);
}

}  // namespace weir
