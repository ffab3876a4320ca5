#include "net/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/address.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "net/uv_net_state.h"

namespace weir {
namespace {

void on_acceptable(uv_poll_t* poll, int status, int events);

void update_watching(UvListener* listener) {
  if (listener->closing) return;
  if (listener->paused || listener->starved) {
    uv_poll_stop(&listener->poll);
  } else {
    uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
  }
}

int open_reserve() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

// Gives up the reserve so that waiting connections can be taken and closed.
void shed_waiting(UvListener* listener) {
  if (listener->reserve_fd < 0) return;
  close(std::exchange(listener->reserve_fd, -1));
  for (int i = 0; i < UvListener::kBacklog; ++i) {
    const int fd = accept4(listener->spec.fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) break;
    ++listener->net->counters.accept_shed;
    close(fd);
  }
  listener->reserve_fd = open_reserve();
}

void on_starved_over(uv_timer_t* timer) {
  auto* listener = static_cast<UvListener*>(timer->data);
  listener->starved = false;
  if (listener->reserve_fd < 0) listener->reserve_fd = open_reserve();
  update_watching(listener);
}

void on_no_descriptors(UvListener* listener) {
  ++listener->net->counters.accept_starved;
  if (++listener->starved_tries % UvListener::kShedTries == 0) shed_waiting(listener);
  listener->starved = true;
  update_watching(listener);
  uv_timer_start(&listener->timer, on_starved_over, UvListener::kStarvedMs, 0);
}

void take_connection(UvListener* listener, int fd, const sockaddr* address) {
  UvNet* net = listener->net;
  Tcp* tcp = tcp_create(net, TcpPhase::kPlain);
  if (tcp_open(tcp, fd) != 0) return tcp_close(tcp);
  address_text(address, tcp->peer);
  if (listener->spec.tls != nullptr) {
    SSL* ssl = SSL_new(listener->spec.tls->get());
    if (ssl == nullptr) return tcp_close(tcp);
    tcp->phase = TcpPhase::kTls;
    tls_attach(tcp, ssl, false);
  }
  ++net->counters.accepted;
  listener->spec.on_accept(listener->spec.user, tcp);
  if (!tcp->closing && tcp->reading) tcp_start_reading(tcp);
}

void on_acceptable(uv_poll_t* poll, int status, int) {
  auto* listener = static_cast<UvListener*>(poll->data);
  if (status < 0) return on_no_descriptors(listener);
  // The kernel calls again while more are waiting, so a flood cannot starve what is connected.
  for (int i = 0; i < UvListener::kAcceptsPerEvent; ++i) {
    if (listener->closing || listener->paused) return;
    Address address;
    socklen_t size = sizeof(address);
    const int fd = accept4(listener->spec.fd, &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      listener->starved_tries = 0;
      take_connection(listener, fd, &address.any);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    return on_no_descriptors(listener);
  }
}

void on_listener_handle_closed(uv_handle_t* handle) {
  auto* listener = static_cast<UvListener*>(handle->data);
  UvNet* net = listener->net;
  if (--listener->open_handles == 0) delete listener;
  net_handle_gone(net);
}

struct Bound {
  int fd = -1;
  std::string error;
};

Bound bind_socket(const addrinfo& at, bool share) {
  Bound out;
  out.fd = socket(at.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  const int zero = 0;
  bool good = out.fd >= 0 &&
              setsockopt(out.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
              (!share || setsockopt(out.fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0);
  if (good && at.ai_family == AF_INET6) {
    good = setsockopt(out.fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)) == 0;
  }
  good = good && bind(out.fd, at.ai_addr, at.ai_addrlen) == 0 &&
         listen(out.fd, UvListener::kBacklog) == 0;
  if (good) return out;
  out.error = std::strerror(errno);
  if (out.fd >= 0) close(out.fd);
  out.fd = -1;
  return out;
}

uint16_t port_of(int fd) {
  Address address;
  socklen_t size = sizeof(address);
  if (getsockname(fd, &address.any, &size) != 0) return 0;
  return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

void set_address_port(addrinfo* at, uint16_t port) {
  auto* address = reinterpret_cast<Address*>(at->ai_addr);
  (at->ai_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port) = htons(port);
}

}  // namespace

Result<UvListener*> uv_listener_open(UvNet* net, const ListenSpec& spec) {
  auto* listener = new UvListener;
  listener->net = net;
  listener->spec = spec;
  if (uv_poll_init(net->loop, &listener->poll, spec.fd) != 0) {
    close(spec.fd);
    delete listener;
    return std::unexpected(Error{Errc::kConfig, "the listening socket cannot be watched"});
  }
  tcp_set_no_delay(spec.fd);
  uv_timer_init(net->loop, &listener->timer);
  listener->poll.data = listener->timer.data = listener;
  listener->reserve_fd = open_reserve();
  net_handle_made(net, reinterpret_cast<uv_handle_t*>(&listener->poll));
  net_handle_made(net, reinterpret_cast<uv_handle_t*>(&listener->timer));
  net->listeners.push_back(listener);
  update_watching(listener);
  return listener;
}

void uv_listener_close(UvListener* listener) {
  if (listener->closing) return;
  listener->closing = true;
  listener->node.unlink();
  uv_close(reinterpret_cast<uv_handle_t*>(&listener->poll), on_listener_handle_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&listener->timer), on_listener_handle_closed);
  close(listener->spec.fd);
  if (listener->reserve_fd >= 0) close(listener->reserve_fd);
}

void uv_listener_set_tls(UvListener* listener, std::shared_ptr<TlsServerContext> tls) {
  listener->spec.tls = std::move(tls);
}

void uv_listener_pause(UvListener* listener) {
  listener->paused = true;
  update_watching(listener);
}

void uv_listener_resume(UvListener* listener) {
  listener->paused = false;
  update_watching(listener);
}

Result<int> listen_socket(const std::string& host, uint16_t port, bool probe, uint16_t* bound_port,
                          std::string* detail) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string name = bracketed ? host.substr(1, host.size() - 2) : host;
  addrinfo hints;
  std::memset(&hints, 0, sizeof(hints));
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(name.c_str(), nullptr, &hints, &list);
  if (error != 0) {
    *detail = host + ": " + gai_strerror(error);
    return std::unexpected(Error{Errc::kConfig, "the address to listen on is not known"});
  }
  set_address_port(list, port);
  Bound bound;
  if (probe) {
    bound = bind_socket(*list, false);
    if (bound.fd >= 0) {
      set_address_port(list, port_of(bound.fd));
      close(bound.fd);
    }
  }
  if (bound.error.empty()) bound = bind_socket(*list, true);
  freeaddrinfo(list);
  if (bound.fd < 0) {
    *detail = host + " port " + std::to_string(port) + ": " + bound.error;
    return std::unexpected(Error{Errc::kConfig, "the address to listen on cannot be used"});
  }
  if (bound_port != nullptr) *bound_port = port_of(bound.fd);
  return bound.fd;
}

}  // namespace weir
