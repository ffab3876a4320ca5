// TLS on top of a Tcp: the same Transport, with other ops. Bytes are fed to OpenSSL straight from
// the read block and decrypted into the Net's second block, which stands in for Net::current while
// on_read runs, so that net_keep_block() keeps the plain bytes.
//
// Records made by OpenSSL gather in UvNet::tls_out and go out with one write per event; it is empty
// whenever an owner is called. A FIN counts as on_eof only after the peer's close_notify.
// Worker thread only.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <string_view>

#include "net/transport.h"

namespace weir {

struct Tcp;
struct UvNet;

constexpr size_t kTlsRecordBytes = 16 * 1024;

struct TlsSession {
  SSL* ssl = nullptr;
  Tcp* tcp = nullptr;
  const char* in = nullptr;  // ciphertext that OpenSSL has not taken yet; borrowed while it is fed
  size_t in_bytes = 0;
  std::string rest;          // such ciphertext over a pause
  std::string early;         // written by the owner before the handshake was done (server side)
  std::string host;          // client side, for messages and the session cache
  uint32_t slot = 0;
  bool client = false;
  bool handshaking = true;
  bool fin_wanted = false;   // shutdown came before the handshake was done
  bool stalled = false;      // something is left to deliver after a pause
  bool end_seen = false;     // `end` is what follows the bytes
  NetError end = NetError::kNone;
};

// Takes `ssl`. The client's handshake begins with tls_begin(), the server's with its first bytes.
void tls_attach(Tcp* tcp, SSL* ssl, bool client);
void tls_begin(Tcp* tcp);
void tls_on_bytes(Tcp* tcp, std::string_view bytes);
void tls_on_ended(Tcp* tcp, NetError error);
void tls_on_deferred_read(Tcp* tcp);
void tls_free(Tcp* tcp);
int tls_on_new_session(SSL* ssl, SSL_SESSION* session);

extern const TransportOps kTlsOps;

}  // namespace weir
