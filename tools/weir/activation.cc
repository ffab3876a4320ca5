#include "activation.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace weir {

namespace {

constexpr int kFirstFd = 3;
constexpr int kMostFds = 64;

// The number in that variable, or -1.
long number_of(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return -1;
  const std::string_view view(text);
  long value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  return error == std::errc() && end == view.data() + view.size() ? value : -1;
}

bool is_listening(int fd) {
  int listening = 0;
  socklen_t size = sizeof(listening);
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

bool name_of(int fd, InheritedSocket* out) {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } address;
  socklen_t size = sizeof(address);
  if (getsockname(fd, &address.any, &size) != 0) return false;
  const bool six = address.any.sa_family == AF_INET6;
  if (!six && address.any.sa_family != AF_INET) return false;
  char text[INET6_ADDRSTRLEN];
  const void* bytes = six ? static_cast<const void*>(&address.v6.sin6_addr)
                          : static_cast<const void*>(&address.v4.sin_addr);
  if (inet_ntop(address.any.sa_family, bytes, text, sizeof(text)) == nullptr) return false;
  out->host = text;
  out->port = ntohs(six ? address.v6.sin6_port : address.v4.sin_port);
  return true;
}

}  // namespace

std::expected<std::vector<InheritedSocket>, std::string> inherited_sockets() {
  const bool mine = number_of("LISTEN_PID") == getpid();
  const long count = number_of("LISTEN_FDS");
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) unsetenv(name);
  std::vector<InheritedSocket> out;
  if (!mine || count <= 0) return out;
  if (count > kMostFds) return std::unexpected("LISTEN_FDS: too many sockets");
  for (int fd = kFirstFd; fd < kFirstFd + static_cast<int>(count); ++fd) {
    InheritedSocket socket;
    socket.fd = fd;
    if (!is_listening(fd) || !name_of(fd, &socket)) {
      return std::unexpected("LISTEN_FDS: descriptor " + std::to_string(fd) +
                             " is no listening TCP socket");
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    out.push_back(std::move(socket));
  }
  return out;
}

}  // namespace weir
