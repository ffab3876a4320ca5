// What the mock has seen, for tests: counters, the last requests, and the requests whose client
// went away. Bodies are kept as they came and hashed only when somebody asks, to keep requests
// cheap. Thread: that of the server.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "request.h"

namespace weir::mock {

class Stats {
 public:
  struct Gone {
    std::uint64_t number = 0;
    std::string path;
    std::string model;
    double after_ms = 0;  // since the request was complete
    std::uint64_t sent_bytes = 0;
    std::uint64_t pieces = 0;
    bool reset = false;
  };

  std::uint64_t accepted = 0;
  std::uint64_t open = 0;
  std::uint64_t requests = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t answered = 0;
  std::uint64_t broken_off = 0;    // by the mock itself
  std::uint64_t client_gone = 0;   // while an answer was due
  std::uint64_t cut_requests = 0;  // client gone before the request was complete
  std::uint64_t bad_requests = 0;  // not HTTP, or a script that cannot be read
  std::uint64_t tls_failures = 0;

  // Takes the request, gives back an old one whose buffers the connection can use again.
  // Returns the request's number, from 1.
  std::uint64_t on_request(Request& request, std::uint64_t connection);
  void on_gone(Gone gone);
  // Forgets everything but the connections that are open now and their requests.
  void reset();

  std::string stats_json() const;
  std::string requests_json() const;

 private:
  static constexpr std::size_t kKept = 64;
  static constexpr std::size_t kKeptGone = 1024;
  static constexpr std::size_t kLargeBody = 1U << 20;

  struct Seen {
    Request request;
    std::uint64_t number = 0;
    std::uint64_t connection = 0;
    std::uint64_t body_bytes = 0;
    std::string digest;  // of a body too large to keep
  };

  template <typename Each>
  std::string list_json(Each each) const;

  std::array<Seen, kKept> seen_{};
  std::deque<Gone> gone_;
  std::unordered_map<std::string, std::uint64_t> paths_;
};

}  // namespace weir::mock
