#include "proxy/auth.h"

// The one-shot EVP interface looks its algorithm up on every call; this one does not, and a digest
// is needed for every request.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string>

#include "base/check.h"
#include "http/bytes.h"
#include "jwt/jwt.h"
#include "jwt/verify.h"

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

Caller refused(std::string_view why) {
  return {.principal = nullptr, .refusal = why, .ask = nullptr};
}

Caller refused_key() { return refused("no valid API key: send `Authorization: Bearer KEY`"); }

Caller found(const Principal* principal, int64_t unix_s) {
  if (principal->expires_unix_s != 0 && principal->expires_unix_s <= unix_s) return refused_key();
  return {.principal = principal, .refusal = {}, .ask = nullptr};
}

Caller ask(SignInCall::Want want, std::string_view token, const JwtIssuer& issuer) {
  auto* call = new SignInCall();
  call->want = want;
  call->token = token;
  call->issuer = issuer.issuer;
  call->audience = issuer.audience;
  return {.principal = nullptr, .refusal = {}, .ask = call};
}

Caller ask_principal(std::string_view token, const JwtIssuer& issuer, const KeyDigest& digest,
                     JwtClaims claims) {
  const Caller caller = ask(SignInCall::Want::kPrincipal, token, issuer);
  caller.ask->digest = digest;
  caller.ask->subject = std::move(claims.subject);
  caller.ask->groups = std::move(claims.groups);
  caller.ask->admin = claims.admin;
  caller.ask->expires_unix_s = claims.expires_unix_s;
  return caller;
}

// The digest that the token's principal is found by; nothing when Weir signed it for a key that is
// gone, or has another value now.
std::optional<KeyDigest> caller_digest(const JwtIssuer& issuer, const JwtClaims& claims,
                                       const Snapshot& snapshot) {
  if (!issuer.own) return jwt_subject_digest(issuer, claims);
  for (size_t nth = 0;; ++nth) {
    const Snapshot::Key key = snapshot.find_key(claims.subject, nth);
    if (key.principal == nullptr) return std::nullopt;
    if (jwt_key_mark(key.digest) == claims.mark) return key.digest;
  }
}

Caller token_check(std::string_view token, const KeyDigest& digest, const AuthPlace& place,
                   int64_t unix_s, AcceptedKey* last) {
  ++place.metrics->jwt_checks;
  auto claims = jwt_verify(token, *place.trust, unix_s);
  if (!claims) {
    const JwtIssuer& issuer = place.trust->issuers[claims.error().issuer];
    const bool newer = claims.error().fault == JwtFault::kUnknownKey && !issuer.own;
    if (newer) return ask(SignInCall::Want::kKeys, token, issuer);
    ++place.metrics->jwt_refused;
    return refused(describe(claims.error().fault));
  }
  const JwtIssuer& issuer = place.trust->issuers[claims->issuer];
  const auto caller = caller_digest(issuer, *claims, place.snapshot);
  if (!caller) {
    ++place.metrics->jwt_refused;
    return refused("the token's API key is no longer valid: sign in with a key that is");
  }
  const int64_t expires = claims->expires_unix_s;
  const Principal* principal = place.snapshot.find_principal(*caller);
  if (principal == nullptr) return ask_principal(token, issuer, *caller, std::move(*claims));
  place.tokens->keep({digest, *caller, expires}, place.trust->number);
  last->keep(token, place.snapshot, principal, expires);
  return found(principal, unix_s);
}

Caller token_find(std::string_view token, const KeyDigest& digest, const AuthPlace& place,
                  int64_t unix_s, AcceptedKey* last) {
  if (place.trust == nullptr || place.tokens == nullptr) return refused_key();
  const auto* known = place.tokens->find(digest, place.trust->number, unix_s);
  const Principal* principal =
      known == nullptr ? nullptr : place.snapshot.find_principal(known->caller);
  if (principal == nullptr) return token_check(token, digest, place, unix_s, last);
  last->keep(token, place.snapshot, principal, known->expires_unix_s);
  return found(principal, unix_s);
}

// Takes as long whatever the texts are.
bool same_secret(const char* a, const char* b, size_t size) {
  uint64_t differs = 0;
  const auto compare = [&differs](const char* left, const char* right, size_t bytes) {
    uint64_t x = 0;
    uint64_t y = 0;
    std::memcpy(&x, left, bytes);
    std::memcpy(&y, right, bytes);
    differs |= x ^ y;
  };
  constexpr size_t kWord = sizeof differs;
  if (size < kWord) {
    for (size_t at = 0; at != size; ++at) compare(a + at, b + at, 1);
  } else {
    // The last word may overlap the one before it.
    for (size_t at = 0; at + kWord < size; at += kWord) compare(a + at, b + at, kWord);
    compare(a + size - kWord, b + size - kWord, kWord);
  }
  // The compiler must not see that the first difference decides.
  asm volatile("" : "+r"(differs));
  return differs == 0;
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
  int64_t expires_unix_s;
  const Principal* principal;
  size_t size;
  [[nodiscard]] char* text() { return reinterpret_cast<char*>(this + 1); }
};

const Principal* AcceptedKey::find(std::string_view key, const Snapshot& snapshot,
                                   int64_t unix_s) const {
  if (entry_ == nullptr || entry_->epoch != snapshot.epoch() || entry_->size != key.size() ||
      entry_->expires_unix_s <= unix_s) {
    return nullptr;
  }
  return same_secret(entry_->text(), key.data(), key.size()) ? entry_->principal : nullptr;
}

void AcceptedKey::keep(std::string_view key, const Snapshot& snapshot, const Principal* principal,
                       int64_t expires_unix_s) {
  forget();
  if (key.size() > kMaxBytes) return;
  void* memory = std::malloc(sizeof(Entry) + key.size());
  WEIR_CHECK(memory != nullptr);
  entry_ = new (memory) Entry{snapshot.epoch(), expires_unix_s, principal, key.size()};
  std::memcpy(entry_->text(), key.data(), key.size());
}

void AcceptedKey::forget() {
  if (entry_ == nullptr) return;
  OPENSSL_cleanse(entry_->text(), entry_->size);
  std::free(entry_);
  entry_ = nullptr;
}

Caller authenticate(const RequestHead& head, const AuthPlace& place, int64_t unix_s,
                    AcceptedKey* last) {
  const std::string_view key = credential(head);
  if (key.empty()) return refused_key();
  const Principal* principal = last->find(key, place.snapshot, unix_s);
  if (principal != nullptr) return found(principal, unix_s);
  const KeyDigest digest = key_digest(key);
  principal = place.snapshot.find_principal(digest);
  if (principal == nullptr) {
    // A key may look like a token; one that is known was found by now.
    return jwt_shaped(key) ? token_find(key, digest, place, unix_s, last) : refused_key();
  }
  last->keep(key, place.snapshot, principal);
  return found(principal, unix_s);
}

Caller authenticate_token(std::string_view token, const AuthPlace& place, int64_t unix_s,
                          AcceptedKey* last) {
  return token_find(token, key_digest(token), place, unix_s, last);
}

}  // namespace weir
