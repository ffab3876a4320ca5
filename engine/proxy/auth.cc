#include "proxy/auth.h"

#include <strings.h>

// The one-shot EVP interface looks its algorithm up on every call; this one does not, and a digest
// is needed for every request.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace weir {

namespace {

bool strip_scheme(std::string_view* value, std::string_view scheme) {
  if (value->size() <= scheme.size()) return false;
  if (strncasecmp(value->data(), scheme.data(), scheme.size()) != 0) return false;
  if ((*value)[scheme.size()] != ' ') return false;
  value->remove_prefix(scheme.size() + 1);
  while (!value->empty() && value->front() == ' ') value->remove_prefix(1);
  return true;
}

std::string_view credential(const RequestHead& head) {
  std::string_view value = head.authorization;
  if (strip_scheme(&value, "Bearer")) return value;
  if (strip_scheme(&value, "Basic")) return value;
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

const Principal* authenticate(const RequestHead& head, const Snapshot& snapshot, int64_t unix_s) {
  const std::string_view key = credential(head);
  if (key.empty()) return nullptr;
  const Principal* principal = snapshot.find_principal(key_digest(key));
  if (principal == nullptr) return nullptr;
  if (principal->expires_unix_s != 0 && principal->expires_unix_s <= unix_s) return nullptr;
  return principal;
}

}  // namespace weir
