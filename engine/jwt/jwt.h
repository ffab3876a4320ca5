// A signed token in its compact form (RFC 7515, RFC 7519), taken apart but not yet believed.
//
// Bounded and strict: three parts of base64url, a header with `alg` and `kid`, an algorithm of the
// short list, no critical extensions. Keys that a token brings along (`jwk`, `jku`, `x5c`) are not
// looked at. Any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "jwt/json_record.h"
#include "jwt/public_key.h"

namespace weir {

constexpr size_t kMaxJwtBytes = 16 * 1024;

// Cheap: whether the text could be one at all (two dots and no more).
[[nodiscard]] bool jwt_shaped(std::string_view text);

struct Jwt {
  JwtAlg alg;
  std::string kid;
  std::string_view signed_part;  // of the text that was parsed
  std::string signature;
  JsonRecord claims;
};

// The error says what is wrong, without any part of the token.
[[nodiscard]] std::expected<Jwt, std::string_view> jwt_parse(std::string_view text);

}  // namespace weir
