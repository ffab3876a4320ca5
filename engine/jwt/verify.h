// From a token's text to who it speaks for: whose tokens are believed, and the check of one.
//
// A JwtTrust is immutable: the control thread makes it and publishes it with a snapshot, workers
// check against it without any lock or I/O. What changes makes another one, with a number of its
// own.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "jwt/jwk_set.h"

namespace weir {

// Tokens of Weir itself carry these; `sub` is a key's id, `key` its mark (jwt_key_mark).
constexpr std::string_view kOwnIssuer = "weir";
constexpr std::string_view kOwnAudience = "weir";
constexpr std::string_view kOwnMarkClaim = "key";

struct JwtIssuer {
  std::string issuer;
  std::string audience;
  std::string subject_claim = "sub";
  std::string groups_claim;  // empty: none; "a.b" also stands for member b of the object a
  std::vector<std::string> admin_groups;
  std::vector<JwtKey> keys;
  bool own = false;  // tokens that Weir signed
};

struct JwtTrust {
  uint64_t number = 0;  // another content, another number
  std::vector<JwtIssuer> issuers;
};

enum class JwtFault : uint8_t {
  kMalformed,
  kIssuer,      // nobody who is believed
  kAudience,    // meant for somebody else
  kExpired,
  kTooEarly,    // not valid yet
  kUnknownKey,  // the issuer is known and the rest is good, but not the key
  kSignature,
  kClaims,      // the subject or the groups are missing, of another type or over a bound
};

struct JwtClaims {
  uint32_t issuer = 0;  // in JwtTrust::issuers
  std::string subject;
  std::vector<std::string> groups;  // sorted, each once
  bool admin = false;
  int64_t expires_unix_s = 0;
  std::string mark;  // of Weir's own tokens
};

struct JwtRefusal {
  JwtFault fault = JwtFault::kMalformed;
  uint32_t issuer = 0;  // for kUnknownKey
};

constexpr int64_t kJwtLeewayS = 30;  // how far clocks may differ
constexpr size_t kMaxSubjectBytes = 256;
constexpr size_t kMaxGroups = 256;
constexpr size_t kMaxGroupBytes = 256;

[[nodiscard]] std::expected<JwtClaims, JwtRefusal> jwt_verify(std::string_view token,
                                                              const JwtTrust& trust,
                                                              int64_t now_unix_s);

// What stands for a caller of another issuer in place of a key's digest: the same issuer, subject
// and groups, the same 32 bytes. No text that can be sent as a key has this digest.
using SubjectDigest = std::array<uint8_t, 32>;
[[nodiscard]] SubjectDigest jwt_subject_digest(const JwtIssuer& issuer, const JwtClaims& claims);

// What one of Weir's own tokens says of its key's digest, so that a key with a new value ends the
// tokens of the old one.
[[nodiscard]] std::string jwt_key_mark(const SubjectDigest& key_digest);

// What to tell the client, one sentence that says what to do.
[[nodiscard]] std::string_view describe(JwtFault fault);

}  // namespace weir
