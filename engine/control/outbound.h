// HTTP calls that the control plane makes itself (tokens, model lists, secrets): libcurl's multi
// interface, driven by the control thread, which also sleeps in it.
//
// Every call ends in exactly one call of its `done`, from perform(); a destroyed Outbound drops
// what is under way without one. No redirects, http and https only, bodies and time are bounded.
// Control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

enum class AddressClass : uint8_t;

struct OutboundRequest {
  bool is_get = false;  // else POST of `body`
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string ca_pem;      // added to the system's certificates
  std::string proxy_host;  // HTTP CONNECT proxy; empty: none
  uint16_t proxy_port = 0;
  std::string proxy_authorization;
  bool deny_private = false;
  uint32_t timeout_ms = 10'000;
  size_t max_body = 4 << 20;
};

struct OutboundReply {
  int status = 0;      // 0: no answer, and `error` says why
  std::string body;
  std::string error;   // no part of a credential
};

// The wall clock of the control thread.
[[nodiscard]] int64_t unix_now_ms();

using OutboundDone = std::function<void(OutboundReply reply)>;

class Outbound {
 public:
  // `classify` judges an address in text form as it does for base URLs; null allows everything.
  explicit Outbound(AddressClass (*classify)(std::string_view host));
  ~Outbound();
  Outbound(const Outbound&) = delete;
  Outbound& operator=(const Outbound&) = delete;

  void start(OutboundRequest request, OutboundDone done);
  // Sleeps until `wake_fd` is readable, a transfer can go on, or the time is over.
  void wait(int wake_fd, int timeout_ms);
  // Moves transfers on and reports the ones that ended.
  void perform();
  [[nodiscard]] size_t in_flight() const { return transfers_.size(); }

 private:
  struct Transfer;
  void finish(void* easy, int result);
  void fail_all(const char* reason);

  AddressClass (*classify_)(std::string_view host);
  void* multi_ = nullptr;  // made for the first call
  std::vector<std::unique_ptr<Transfer>> transfers_;
};

}  // namespace weir
