#include "jwt/verify.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/check.h"
#include "json/text.h"
#include "base/base64url.h"
#include "jwt/jwt.h"

namespace weir {

namespace {

std::unexpected<JwtRefusal> refuse(JwtFault fault, uint32_t issuer = 0) {
  return std::unexpected(JwtRefusal{fault, issuer});
}

SubjectDigest sha256(std::string_view text) {
  SubjectDigest out{};
  unsigned size = 0;
  WEIR_CHECK(EVP_Digest(text.data(), text.size(), out.data(), &size, EVP_sha256(), nullptr) == 1);
  WEIR_CHECK(size == out.size());
  return out;
}

// It is shown in lists and logs and compared with what people wrote.
bool is_name(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && utf8_error_offset(text) == text.size() &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; });
}

// Finds the issuer that the token names and is meant for.
std::expected<uint32_t, JwtFault> issuer_find(const Jwt& token, const JwtTrust& trust) {
  constexpr size_t kMaxAudiences = 64;
  const auto name = token.claims.text("iss");
  const auto meant = token.claims.texts("aud", kMaxAudiences);
  bool known = false;
  for (uint32_t i = 0; i < trust.issuers.size(); ++i) {
    const JwtIssuer& issuer = trust.issuers[i];
    if (!name || issuer.issuer != *name) continue;
    known = true;
    if (meant && std::find(meant->begin(), meant->end(), issuer.audience) != meant->end()) return i;
  }
  return std::unexpected(known ? JwtFault::kAudience : JwtFault::kIssuer);
}

std::expected<int64_t, JwtFault> times_check(const JsonRecord& claims, int64_t now) {
  const auto expires = claims.number("exp");
  if (!expires) return std::unexpected(JwtFault::kClaims);
  if (*expires + kJwtLeewayS <= now) return std::unexpected(JwtFault::kExpired);
  for (const std::string_view name : {"nbf", "iat"}) {
    if (!claims.has(name)) continue;
    const auto time = claims.number(name);
    if (!time) return std::unexpected(JwtFault::kClaims);
    if (*time > now + kJwtLeewayS) return std::unexpected(JwtFault::kTooEarly);
  }
  return *expires + kJwtLeewayS;
}

// The claim of that name; where there is none, "a.b" is member b of the object a.
std::optional<std::vector<std::string>> texts_at(const JsonRecord& claims, std::string_view path) {
  if (claims.has(path)) return claims.texts(path, kMaxGroups);
  const size_t dot = path.find('.');
  if (dot == std::string_view::npos) return std::vector<std::string>();
  const std::string_view outer = claims.raw(path.substr(0, dot));
  if (outer.empty()) return std::vector<std::string>();
  const auto inner = JsonRecord::parse(outer);
  if (!inner) return std::nullopt;
  return texts_at(*inner, path.substr(dot + 1));
}

bool groups_read(const JsonRecord& claims, const JwtIssuer& issuer, JwtClaims* out) {
  if (issuer.groups_claim.empty()) return true;
  auto groups = texts_at(claims, issuer.groups_claim);
  // Too many are refused as a whole: without some of them a policy that denies would be missed.
  if (!groups) return false;
  for (const std::string& group : *groups) {
    if (!is_name(group, kMaxGroupBytes)) return false;
    const auto& admins = issuer.admin_groups;
    out->admin = out->admin || std::find(admins.begin(), admins.end(), group) != admins.end();
  }
  std::sort(groups->begin(), groups->end());
  groups->erase(std::unique(groups->begin(), groups->end()), groups->end());
  out->groups = std::move(*groups);
  return true;
}

}  // namespace

std::expected<JwtClaims, JwtRefusal> jwt_verify(std::string_view text, const JwtTrust& trust,
                                                int64_t now_unix_s) {
  const auto token = jwt_parse(text);
  if (!token) return refuse(JwtFault::kMalformed);
  const auto found = issuer_find(*token, trust);
  if (!found) return refuse(found.error());
  const JwtIssuer& issuer = trust.issuers[*found];
  JwtClaims out;
  out.issuer = *found;
  // Times first: they cost nothing, and an old token is what is mostly wrong.
  const auto expires = times_check(token->claims, now_unix_s);
  if (!expires) return refuse(expires.error());
  out.expires_unix_s = *expires;
  const auto subject = token->claims.text(issuer.subject_claim);
  if (!subject || !is_name(*subject, kMaxSubjectBytes)) return refuse(JwtFault::kClaims);
  out.subject = *subject;
  if (!groups_read(token->claims, issuer, &out)) return refuse(JwtFault::kClaims);
  if (issuer.own) out.mark = token->claims.text(kOwnMarkClaim).value_or("");
  const auto key = std::find_if(issuer.keys.begin(), issuer.keys.end(),
                                [&](const JwtKey& known) { return known.kid == token->kid; });
  if (key == issuer.keys.end()) return refuse(JwtFault::kUnknownKey, out.issuer);
  // The key decides the algorithm; a token that names another one is no token of that key.
  if (key->key->alg() != token->alg) return refuse(JwtFault::kSignature);
  if (!key->key->verify(token->signed_part, token->signature)) return refuse(JwtFault::kSignature);
  return out;
}

SubjectDigest jwt_subject_digest(const JwtIssuer& issuer, const JwtClaims& claims) {
  // Begins with a byte that no header field can hold; lengths keep neighbours apart.
  std::string text("\0subject", 8);
  const auto add = [&text](std::string_view part) {
    text.append(std::to_string(part.size())).append(":").append(part);
  };
  add(issuer.issuer);
  add(issuer.audience);
  add(claims.subject);
  text += claims.admin ? 'a' : 'u';
  for (const std::string& group : claims.groups) add(group);
  return sha256(text);
}

std::string jwt_key_mark(const SubjectDigest& key_digest) {
  constexpr size_t kMarkBytes = 12;
  std::string text("\0mark", 5);
  text.append(reinterpret_cast<const char*>(key_digest.data()), key_digest.size());
  const SubjectDigest hash = sha256(text);
  return base64url_encode({reinterpret_cast<const char*>(hash.data()), kMarkBytes});
}

std::string_view describe(JwtFault fault) {
  switch (fault) {
    case JwtFault::kExpired:
      return "the token has expired: sign in again for a new one";
    case JwtFault::kTooEarly:
      return "the token is not valid yet: check the clock of who issued it";
    case JwtFault::kIssuer:
      return "the token's issuer is not accepted: sign in here, or with an issuer of `auth.oidc`";
    case JwtFault::kAudience:
      return "the token is meant for another audience: ask for one that names this gateway";
    case JwtFault::kUnknownKey:
      return "the token's key is not known: sign in again for a new token";
    case JwtFault::kClaims:
      return "the token lacks a claim that is needed here, or one is too large";
    case JwtFault::kMalformed:
    case JwtFault::kSignature:
      break;
  }
  return "the token is not valid: sign in again for a new one";
}

}  // namespace weir
