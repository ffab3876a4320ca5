// Listening sockets that systemd (or anybody who does as it does: LISTEN_FDS, LISTEN_PID) opened
// for this process. Called once, by main before any thread runs.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace weir {

struct InheritedSocket {
  int fd = -1;
  std::string host;  // numeric, IPv6 without brackets
  uint16_t port = 0;
};

// In the order of the socket unit; empty: there are none. They will not be inherited further, and
// the variables are gone from the environment. An error is one line: not a listening TCP socket.
[[nodiscard]] std::expected<std::vector<InheritedSocket>, std::string> inherited_sockets();

}  // namespace weir
