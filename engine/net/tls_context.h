// OpenSSL contexts: what a listener proves itself with, and whom upstream connections trust.
//
// TlsServerContext is made by the control thread and shared by all workers. TlsClients belongs to
// one worker: one SSL_CTX per distinct `ca_pem`, one session to resume per pool slot.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/uv_net.h"

namespace weir {

struct Provider;

class TlsServerContext {
 public:
  explicit TlsServerContext(SSL_CTX* context) : context_(context) {}
  ~TlsServerContext() { SSL_CTX_free(context_); }
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;
  [[nodiscard]] SSL_CTX* get() const { return context_; }

 private:
  SSL_CTX* context_;
};

// The newest OpenSSL error of this thread; clears the queue.
[[nodiscard]] std::string tls_last_error();

class TlsClients {
 public:
  TlsClients() = default;
  ~TlsClients();
  TlsClients(const TlsClients&) = delete;
  TlsClients& operator=(const TlsClients&) = delete;

  // A connection's SSL, set up for the provider's host, trust and last session. Null on failure.
  [[nodiscard]] SSL* create(const Provider& provider, std::string* detail);
  // The peer gave a session to resume. True when `session` was kept.
  [[nodiscard]] bool keep_session(uint32_t slot_index, std::string_view host, const SSL* ssl,
                                  SSL_SESSION* session);

 private:
  struct Trust {
    std::string ca_pem;
    SSL_CTX* context = nullptr;
    uint32_t users = 0;
  };
  struct Slot {
    std::string host;
    Trust* trust = nullptr;
    SSL_SESSION* session = nullptr;
  };
  Trust* find_trust(const std::string& ca_pem, std::string* detail);
  void clear_slot(Slot* slot);

  std::vector<std::unique_ptr<Trust>> trusts_;
  std::vector<Slot> slots_;
};

}  // namespace weir
