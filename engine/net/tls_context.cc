#include "net/tls_context.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "net/address.h"
#include "net/tls.h"
#include "route/target.h"

namespace weir {
namespace {

constexpr unsigned char kAlpnHttp1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
constexpr std::string_view kSessionContext = "weir";

std::unexpected<Error> config_error(std::string_view message) {
  return std::unexpected(Error{Errc::kConfig, message});
}

// A key that wants a passphrase is refused; nothing may ask at a terminal.
int on_passphrase(char*, int, int, void*) { return 0; }

int on_alpn(SSL*, const unsigned char** out, unsigned char* out_len, const unsigned char* offered,
            unsigned offered_len, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_len, kAlpnHttp1, sizeof(kAlpnHttp1), offered,
                            offered_len) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

SSL_CTX* context_create(const SSL_METHOD* method) {
  SSL_CTX* context = SSL_CTX_new(method);
  if (context == nullptr) return nullptr;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(context, on_passphrase);
  return context;
}

// Adds every certificate of a PEM text; the count, or -1 when one is bad.
int add_certificates(X509_STORE* store, const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  int count = 0;
  while (X509* certificate = PEM_read_bio_X509(bio, nullptr, on_passphrase, nullptr)) {
    if (X509_STORE_add_cert(store, certificate) == 1) ++count;
    X509_free(certificate);
  }
  // The text may end after the last certificate, and in no other way.
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) count = -1;
  ERR_clear_error();
  BIO_free(bio);
  return count;
}

// The system's certificates, read once per process: that takes OpenSSL many milliseconds.
X509_STORE* system_trust() {
  static X509_STORE* const store = [] {
    X509_STORE* made = X509_STORE_new();
    WEIR_CHECK(made != nullptr);
    // Without a system store there may still be `ca_pem`; an unknown chain fails later.
    X509_STORE_set_default_paths(made);
    ERR_clear_error();
    return made;
  }();
  return store;
}

// What the system trusts, and `ca_pem`. Null when that holds no usable certificate.
X509_STORE* trust_with(const std::string& ca_pem) {
  X509_STORE* system = system_trust();
  X509_STORE* store = X509_STORE_new();
  if (store == nullptr) return nullptr;
  X509_STORE_lock(system);
  const STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(system);
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    X509* certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
    if (certificate != nullptr) X509_STORE_add_cert(store, certificate);
  }
  X509_STORE_unlock(system);
  X509_LOOKUP* folder = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());
  if (folder != nullptr) X509_LOOKUP_add_dir(folder, nullptr, X509_FILETYPE_DEFAULT);
  if (add_certificates(store, ca_pem) > 0) return store;
  X509_STORE_free(store);
  return nullptr;
}

SSL_CTX* client_context(const std::string& ca_pem, std::string* detail) {
  ERR_clear_error();
  SSL_CTX* context = context_create(TLS_client_method());
  if (context == nullptr) {
    *detail = "no TLS context: " + tls_last_error();
    return nullptr;
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, tls_on_new_session);
  SSL_CTX_set_alpn_protos(context, kAlpnHttp1, sizeof(kAlpnHttp1));
  if (ca_pem.empty()) {
    SSL_CTX_set1_cert_store(context, system_trust());
  } else if (X509_STORE* store = trust_with(ca_pem); store != nullptr) {
    SSL_CTX_set_cert_store(context, store);
  } else {
    *detail = "the CA text holds no usable certificate";
    SSL_CTX_free(context);
    return nullptr;
  }
  return context;
}

// The name that the certificate must carry, and SNI for names.
bool expect_host(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  sockaddr_storage address;
  if (host_to_address(host, &address)) {
    if (address.ss_family == AF_INET) {
      const auto* in = reinterpret_cast<const sockaddr_in*>(&address);
      const auto* bytes = reinterpret_cast<const unsigned char*>(&in->sin_addr);
      return X509_VERIFY_PARAM_set1_ip(param, bytes, 4) == 1;
    }
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&address);
    return X509_VERIFY_PARAM_set1_ip(param, in6->sin6_addr.s6_addr, 16) == 1;
  }
  std::string name = host;
  if (!name.empty() && name.back() == '.') name.pop_back();
  return SSL_set1_host(ssl, name.c_str()) == 1 && SSL_set_tlsext_host_name(ssl, name.c_str()) == 1;
}

}  // namespace

std::string tls_last_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "unknown reason";
}

namespace {

// What went wrong first is nearer to the file than what followed from it ("PEM lib").
std::string first_error(const std::string& file) {
  const unsigned long code = ERR_peek_error();
  const char* reason = ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code))
                                              : ERR_reason_error_string(code);
  ERR_clear_error();
  return file + ": " + (reason != nullptr ? reason : "unknown reason");
}

}  // namespace

Result<std::shared_ptr<TlsServerContext>> tls_server_context(const std::string& certificate_file,
                                                             const std::string& key_file,
                                                             std::string* detail) {
  ERR_clear_error();
  SSL_CTX* context = context_create(TLS_server_method());
  if (context == nullptr) {
    *detail = tls_last_error();
    return config_error("no TLS context could be made");
  }
  auto owned = std::make_shared<TlsServerContext>(context);
  // Sessions live in tickets that the clients keep, so that this side holds nothing for them.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_session_id_context(context,
                                 reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                 static_cast<unsigned>(kSessionContext.size()));
  SSL_CTX_set_alpn_select_cb(context, on_alpn, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) {
    *detail = first_error(certificate_file);
    return config_error("the certificate file cannot be used");
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    *detail = first_error(key_file);
    return config_error("the key file cannot be used with this certificate");
  }
  return owned;
}

void tls_load_system_trust() { static_cast<void>(system_trust()); }

Result<void> tls_check_ca(const std::string& ca_pem, std::string* detail) {
  ERR_clear_error();
  X509_STORE* store = X509_STORE_new();
  const int count = add_certificates(store, ca_pem);
  X509_STORE_free(store);
  if (count > 0) return {};
  *detail = count < 0 ? "a PEM block cannot be read" : "there is no certificate in it";
  return config_error("the CA certificates cannot be used");
}

TlsClients::~TlsClients() {
  for (Slot& slot : slots_) clear_slot(&slot);
}

TlsClients::Trust* TlsClients::find_trust(const std::string& ca_pem, std::string* detail) {
  for (const auto& trust : trusts_) {
    if (trust->ca_pem == ca_pem) return trust.get();
  }
  SSL_CTX* context = client_context(ca_pem, detail);
  if (context == nullptr) return nullptr;
  trusts_.push_back(std::make_unique<Trust>(Trust{ca_pem, context, 0}));
  return trusts_.back().get();
}

void TlsClients::clear_slot(Slot* slot) {
  SSL_SESSION_free(slot->session);
  slot->session = nullptr;
  Trust* trust = slot->trust;
  slot->trust = nullptr;
  if (trust == nullptr || --trust->users != 0) return;
  SSL_CTX_free(trust->context);
  std::erase_if(trusts_, [trust](const auto& held) { return held.get() == trust; });
}

SSL* TlsClients::create(const Provider& provider, std::string* detail) {
  if (slots_.size() <= provider.pool_slot) slots_.resize(provider.pool_slot + 1);
  Slot& slot = slots_[provider.pool_slot];
  if (slot.trust == nullptr || slot.trust->ca_pem != provider.ca_pem ||
      slot.host != provider.host) {
    Trust* trust = find_trust(provider.ca_pem, detail);
    if (trust == nullptr) return nullptr;
    ++trust->users;
    clear_slot(&slot);
    slot.trust = trust;
    slot.host = provider.host;
  }
  ERR_clear_error();
  SSL* ssl = SSL_new(slot.trust->context);
  if (ssl == nullptr || !expect_host(ssl, provider.host)) {
    *detail = "TLS cannot be set up for " + provider.host + ": " + tls_last_error();
    SSL_free(ssl);
    return nullptr;
  }
  if (slot.session != nullptr) SSL_set_session(ssl, slot.session);
  return ssl;
}

bool TlsClients::keep_session(uint32_t slot_index, std::string_view host, const SSL* ssl,
                              SSL_SESSION* session) {
  if (slot_index >= slots_.size()) return false;
  Slot& slot = slots_[slot_index];
  // The slot may have gone to another host or trust since this connection was made.
  if (slot.trust == nullptr || slot.trust->context != SSL_get_SSL_CTX(ssl)) return false;
  if (slot.host != host) return false;
  SSL_SESSION_free(slot.session);
  slot.session = session;
  return true;
}

}  // namespace weir
