// A client that sends exactly the bytes it is given and reads answers one at a time.
//
// Blocking, with a bound on every read. Not a judge of the answer's grammar: that is done by the
// tests of the parser and by weir_load. One thread uses each object.
#pragma once

#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "process.h"

namespace weir::integration {

struct Answer {
  int status = 0;       // 0: none came
  std::string head;     // with the status line
  std::string body;     // without its framing
  bool whole = false;   // the framing ended
  [[nodiscard]] std::string field(std::string_view name) const {
    std::string lower = head;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const size_t at = lower.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const size_t begin = at + 2 + name.size() + 2;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class Peer {
 public:
  explicit Peer(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback_address(port);
    open_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Peer() { close(fd_); }
  Peer(Peer&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), open_(other.open_), input_(std::move(other.input_)) {}
  Peer& operator=(Peer&&) = delete;

  [[nodiscard]] bool connected() const { return open_; }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  // Leaves with RST in place of FIN.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(std::exchange(fd_, -1));
  }
  void shrink_receive_buffer() {
    const int bytes = 4096;
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }

  // The next answer, without the 1xx before it.
  [[nodiscard]] Answer read() {
    Answer answer;
    do {
      const size_t end = find("\r\n\r\n");
      if (end == std::string::npos) return answer;
      answer.head = input_.substr(0, end + 2);
      input_.erase(0, end + 4);
      answer.status = std::atoi(answer.head.c_str() + answer.head.find(' '));
    } while (answer.status >= 100 && answer.status < 200);
    read_body(&answer);
    return answer;
  }
  // Reads on until `text` has come; false when the connection ends before.
  [[nodiscard]] bool read_until(std::string_view text) {
    return find(text) != std::string::npos;
  }
  // Everything until the other side ends the connection. `ended` is false when it does not.
  [[nodiscard]] std::string read_all(bool* ended) {
    while (fill()) {
    }
    *ended = ended_;
    return std::exchange(input_, {});
  }

 private:
  size_t find(std::string_view text) {
    for (;;) {
      const size_t at = input_.find(text);
      if (at != std::string::npos || !fill()) return at;
    }
  }
  bool fill() {
    pollfd wait{fd_, POLLIN, 0};
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience).count();
    if (poll(&wait, 1, static_cast<int>(ms)) != 1) return false;
    char bytes[65536];
    const ssize_t got = recv(fd_, bytes, sizeof bytes, 0);
    if (got <= 0) {
      ended_ = true;
      return false;
    }
    input_.append(bytes, static_cast<size_t>(got));
    return true;
  }
  bool take(size_t count, std::string* out) {
    while (input_.size() < count) {
      if (!fill()) return false;
    }
    out->append(input_, 0, count);
    input_.erase(0, count);
    return true;
  }
  void read_body(Answer* answer) {
    if (answer->field("transfer-encoding") == "chunked") return read_chunks(answer);
    const std::string length = answer->field("content-length");
    if (!length.empty()) {
      answer->whole = take(std::stoul(length), &answer->body);
      return;
    }
    answer->body = read_all(&answer->whole);
  }
  void read_chunks(Answer* answer) {
    for (;;) {
      const size_t end = find("\r\n");
      if (end == std::string::npos) break;
      const size_t size = std::stoul(input_.substr(0, end), nullptr, 16);
      input_.erase(0, end + 2);
      std::string line_end;
      if (!take(size, &answer->body) || !take(2, &line_end)) return;
      if (size == 0) {
        answer->whole = true;
        return;
      }
    }
    answer->body += std::exchange(input_, {});
  }

  int fd_;
  bool open_ = false;
  bool ended_ = false;
  std::string input_;
};

}  // namespace weir::integration
