#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "net/dial.h"
#include "net/tcp.h"
#include "net/uv_net_state.h"

namespace weir {
namespace {

// What a caller writes in one go is bounded; this only keeps a huge write from doubling in memory.
constexpr size_t kFlushBytes = 256 * 1024;

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

int bio_read(BIO* bio, char* out, int want) {
  auto* session = static_cast<TlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const size_t part = std::min(session->in_bytes, static_cast<size_t>(want));
  if (part == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  std::memcpy(out, session->in, part);
  session->in += part;
  session->in_bytes -= part;
  return static_cast<int>(part);
}

int bio_write(BIO* bio, const char* bytes, int count) {
  auto* session = static_cast<TlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  uv_net_of(session->tcp->net)->tls_out.append(bytes, static_cast<size_t>(count));
  return count;
}

long bio_ctrl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir");
    WEIR_CHECK(made != nullptr);
    BIO_meth_set_create(made, bio_create);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_ctrl);
    return made;
  }();
  return method;
}

void flush_out(Tcp* tcp) {
  std::string& out = uv_net_of(tcp->net)->tls_out;
  if (out.empty()) return;
  const Slice slice{std::string_view(out)};
  tcp_write_raw(tcp, {&slice, 1});
  out.clear();
}

std::string handshake_detail(const TlsSession* session) {
  const long verdict = SSL_get_verify_result(session->ssl);
  if (verdict != X509_V_OK) {
    ERR_clear_error();
    return "certificate of " + session->host + ": " + X509_verify_cert_error_string(verdict);
  }
  return "TLS handshake with " + session->host + ": " + tls_last_error();
}

// The handshake ended badly, before the owner saw any byte.
void fail_handshake(Tcp* tcp, const std::string& detail) {
  tcp_stop_reading(tcp);
  if (tcp->dial != nullptr) return dial_fail(tcp->dial, NetError::kTls, detail);
  tcp_report_end(tcp, NetError::kTls);
}

void write_records(Tcp* tcp, std::span<const Slice> slices);
void tls_shutdown(Transport* transport);

void handshake_done(Tcp* tcp) {
  TlsSession* session = tcp->tls_session;
  session->handshaking = false;
  if (session->client) {
    UvNet* net = uv_net_of(tcp->net);
    if (SSL_session_reused(session->ssl) == 1) ++net->counters.tls_resumed;
    return dial_opened(tcp->dial);
  }
  if (!session->early.empty()) {
    const std::string early = std::exchange(session->early, {});
    tcp_take_queued(tcp, early.size());
    const Slice slice{std::string_view(early)};
    write_records(tcp, {&slice, 1});
    if (tcp->queued_bytes == 0) tcp->events->on_drain(tcp);
  }
  if (session->fin_wanted && !tcp->closing) tls_shutdown(tcp);
}

// True when the connection may go on to read.
bool handshake_step(Tcp* tcp) {
  TlsSession* session = tcp->tls_session;
  // Signing takes as long as many requests.
  outbox_send_all(uv_net_of(tcp->net));
  ERR_clear_error();
  const int result = SSL_do_handshake(session->ssl);
  const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(session->ssl, result);
  flush_out(tcp);
  if (error == SSL_ERROR_WANT_READ) return false;
  if (error != SSL_ERROR_NONE) {
    fail_handshake(tcp, handshake_detail(session));
    return false;
  }
  handshake_done(tcp);
  return !tcp->closing;
}

// Decrypts as much as one block holds. False when OpenSSL wants more bytes, or the end was seen.
bool fill_plain(TlsSession* session, char* block, size_t* used) {
  while (*used < kReadBlockBytes) {
    ERR_clear_error();
    size_t count = 0;
    const int result = SSL_read_ex(session->ssl, block + *used, kReadBlockBytes - *used, &count);
    if (result == 1) {
      *used += count;
      continue;
    }
    const int error = SSL_get_error(session->ssl, result);
    if (error == SSL_ERROR_WANT_READ) return false;
    session->end_seen = true;
    session->end = error == SSL_ERROR_ZERO_RETURN ? NetError::kNone : NetError::kTls;
    ERR_clear_error();
    return false;
  }
  return true;
}

void deliver(Tcp* tcp, size_t bytes) {
  UvNet* net = uv_net_of(tcp->net);
  ReadBlock* cipher = net->current;
  net->current = net->plain;
  tcp->events->on_read(tcp, {net->plain->data, bytes});
  net->plain = net->current;
  net->current = cipher;
}

// Goes on until everything fed is used up, or the owner pauses or closes.
void pump(Tcp* tcp) {
  TlsSession* session = tcp->tls_session;
  UvNet* net = uv_net_of(tcp->net);
  if (session->handshaking && !handshake_step(tcp)) return;
  bool more = true;
  while (more && !session->end_seen && tcp->reading && !tcp->closing) {
    size_t used = 0;
    more = fill_plain(session, net->plain->data, &used);
    flush_out(tcp);
    if (used != 0) deliver(tcp, used);
  }
  if (tcp->closing) return;
  if (!tcp->reading && !tcp->read_ended) {
    session->stalled = more || session->end_seen || session->in_bytes != 0;
    return;
  }
  if (!session->end_seen || tcp->read_ended) return;
  tcp_stop_reading(tcp);
  tcp_report_end(tcp, session->end);
}

void write_record(Tcp* tcp, const char* bytes, size_t count) {
  if (count == 0 || tcp->write_error != NetError::kNone) return;
  ERR_clear_error();
  size_t written = 0;
  if (SSL_write_ex(tcp->tls_session->ssl, bytes, count, &written) != 1) {
    ERR_clear_error();
    return tcp_fail_later(tcp, NetError::kTls);
  }
  WEIR_DCHECK(written == count);
  if (uv_net_of(tcp->net)->tls_out.size() >= kFlushBytes) flush_out(tcp);
}

// Small slices share a record; what fills one alone is encrypted from where it lies.
void write_records(Tcp* tcp, std::span<const Slice> slices) {
  char* record = uv_net_of(tcp->net)->tls_record;
  size_t used = 0;
  for (const Slice& slice : slices) {
    std::string_view left = slice.view();
    while (!left.empty()) {
      const size_t part = std::min(left.size(), kTlsRecordBytes - used);
      if (part == kTlsRecordBytes) {
        write_record(tcp, left.data(), part);
      } else {
        std::memcpy(record + used, left.data(), part);
        used += part;
      }
      left.remove_prefix(part);
      if (used == kTlsRecordBytes) write_record(tcp, record, std::exchange(used, 0));
    }
  }
  write_record(tcp, record, used);
  flush_out(tcp);
}

void tls_write(Transport* transport, std::span<const Slice> slices) {
  auto* tcp = static_cast<Tcp*>(transport);
  if (tcp->closing || tcp->shutdown_wanted || tcp->write_error != NetError::kNone) return;
  TlsSession* session = tcp->tls_session;
  if (!session->handshaking) return write_records(tcp, slices);
  if (session->fin_wanted) return;
  for (const Slice& slice : slices) {
    session->early.append(slice.view());
    tcp_add_queued(tcp, slice.size);
  }
}

void tls_read_resume(Transport* transport) {
  auto* tcp = static_cast<Tcp*>(transport);
  if (tcp->read_ended) return;
  tcp->reading = true;
  if (tcp->tls_session->stalled) return tcp_defer(tcp, kDeferTlsRead);
  if (tcp->connected) tcp_start_reading(tcp);
}

void say_goodbye(Tcp* tcp) {
  const TlsSession* session = tcp->tls_session;
  if (tcp->closing || session->handshaking || tcp->write_error != NetError::kNone) return;
  ERR_clear_error();
  SSL_shutdown(session->ssl);
  ERR_clear_error();
  flush_out(tcp);
}

void tls_shutdown(Transport* transport) {
  auto* tcp = static_cast<Tcp*>(transport);
  if (tcp->shutdown_wanted) return;
  if (tcp->tls_session->handshaking) {
    tcp->tls_session->fin_wanted = true;
    return;
  }
  say_goodbye(tcp);
  tcp_shutdown(tcp);
}

void tls_close(Transport* transport) {
  auto* tcp = static_cast<Tcp*>(transport);
  // Behind bytes that are thrown away a goodbye would be a lie.
  if (tcp->queued_bytes == 0 && !tcp->shutdown_wanted) say_goodbye(tcp);
  tcp_close(tcp);
}

}  // namespace

const TransportOps kTlsOps = {
    .write = tls_write,
    .write_lent = nullptr,
    .read_pause = tcp_read_pause,
    .read_resume = tls_read_resume,
    .shutdown = tls_shutdown,
    .close = tls_close,
    .abort = tcp_abort,
};

void tls_attach(Tcp* tcp, SSL* ssl, bool client) {
  TlsSession* session = uv_net_of(tcp->net)->tls_pool.take();
  session->ssl = ssl;
  session->tcp = tcp;
  session->client = client;
  BIO* bio = BIO_new(bio_method());
  WEIR_CHECK(bio != nullptr);
  BIO_set_data(bio, session);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, session);
  client ? SSL_set_connect_state(ssl) : SSL_set_accept_state(ssl);
  tcp->tls_session = session;
  tcp->ops = &kTlsOps;
  tcp->tls = true;
}

void tls_begin(Tcp* tcp) {
  tcp->phase = TcpPhase::kTls;
  pump(tcp);
}

void tls_on_bytes(Tcp* tcp, std::string_view bytes) {
  TlsSession* session = tcp->tls_session;
  session->in = bytes.data();
  session->in_bytes = bytes.size();
  pump(tcp);
  if (tcp->closing || session->in_bytes == 0) return;
  // Paused, or done with reading: only in the first case somebody will ask for these bytes.
  if (session->stalled) session->rest.append(session->in, session->in_bytes);
  session->in_bytes = 0;
}

void tls_on_ended(Tcp* tcp, NetError error) {
  if (tcp->tls_session->handshaking) {
    return fail_handshake(tcp, "the connection to " + tcp->tls_session->host +
                                   " was closed during the TLS handshake");
  }
  tcp_report_end(tcp, error == NetError::kNone ? NetError::kReset : error);
}

void tls_on_deferred_read(Tcp* tcp) {
  TlsSession* session = tcp->tls_session;
  if (!tcp->reading || !session->stalled) return;
  session->stalled = false;
  const std::string bytes = std::exchange(session->rest, {});
  tls_on_bytes(tcp, bytes);
  if (!tcp->closing && tcp->reading && !session->stalled) tcp_start_reading(tcp);
}

void tls_free(Tcp* tcp) {
  TlsSession* session = tcp->tls_session;
  // Without this OpenSSL would call the session of an aborted connection not resumable.
  if (!session->handshaking) {
    SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  SSL_free(session->ssl);
  uv_net_of(tcp->net)->tls_pool.give(session);
  tcp->tls_session = nullptr;
}

int tls_on_new_session(SSL* ssl, SSL_SESSION* session) {
  const auto* tls = static_cast<const TlsSession*>(SSL_get_app_data(ssl));
  UvNet* net = uv_net_of(tls->tcp->net);
  return net->tls_clients.keep_session(tls->slot, tls->host, ssl, session) ? 1 : 0;
}

}  // namespace weir
