#include "proxy/auth.h"

// The one-shot EVP interface looks its algorithm up on every call; this one does not, and a digest
// is needed for every request.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"
#include "http/bytes.h"

namespace weir {

namespace {

bool strip_scheme(std::string_view* value, std::string_view scheme) {
  if (value->size() <= scheme.size() || (*value)[scheme.size()] != ' ') return false;
  if (!equals_folded({value->data(), scheme.size()}, scheme)) return false;
  value->remove_prefix(scheme.size() + 1);
  while (!value->empty() && value->front() == ' ') value->remove_prefix(1);
  return true;
}

std::string_view credential(const RequestHead& head) {
  std::string_view value = head.authorization;
  if (strip_scheme(&value, "bearer")) return value;
  if (strip_scheme(&value, "basic")) return value;
  return value.empty() ? head.api_key : std::string_view();
}

}  // namespace

KeyDigest key_digest(std::string_view key) {
  KeyDigest digest;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, key.data(), key.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

// The text lies behind it.
struct AcceptedKey::Entry {
  uint64_t epoch;
  const Principal* principal;
  size_t size;
  [[nodiscard]] char* text() { return reinterpret_cast<char*>(this + 1); }
};

const Principal* AcceptedKey::find(std::string_view key, const Snapshot& snapshot) const {
  if (entry_ == nullptr || entry_->epoch != snapshot.epoch() || entry_->size != key.size()) {
    return nullptr;
  }
  return CRYPTO_memcmp(entry_->text(), key.data(), key.size()) == 0 ? entry_->principal : nullptr;
}

void AcceptedKey::keep(std::string_view key, const Snapshot& snapshot, const Principal* principal) {
  forget();
  if (key.size() > kMaxBytes) return;
  void* memory = std::malloc(sizeof(Entry) + key.size());
  WEIR_CHECK(memory != nullptr);
  entry_ = new (memory) Entry{snapshot.epoch(), principal, key.size()};
  std::memcpy(entry_->text(), key.data(), key.size());
}

void AcceptedKey::forget() {
  if (entry_ == nullptr) return;
  OPENSSL_cleanse(entry_->text(), entry_->size);
  std::free(entry_);
  entry_ = nullptr;
}

const Principal* authenticate(const RequestHead& head, const Snapshot& snapshot, int64_t unix_s,
                              AcceptedKey* last) {
  const std::string_view key = credential(head);
  if (key.empty()) return nullptr;
  const Principal* principal = last->find(key, snapshot);
  if (principal == nullptr) {
    principal = snapshot.find_principal(key_digest(key));
    if (principal == nullptr) return nullptr;
    last->keep(key, snapshot, principal);
  }
  if (principal->expires_unix_s != 0 && principal->expires_unix_s <= unix_s) return nullptr;
  return principal;
}

}  // namespace weir
