// The public keys that an issuer publishes (RFC 7517), as far as they can sign tokens: RSA for
// RS256 and EC P-256 for ES256. Control thread.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jwt/public_key.h"

namespace weir {

struct JwtKey {
  std::string kid;
  std::shared_ptr<const PublicKey> key;
};

constexpr size_t kMaxJwks = 64;
constexpr size_t kMaxKidBytes = 256;

// Keys for other uses, of other types, too weak or without an id are left out, and so are all of
// an id that stands there twice. Refused, with the reason: no key set, more than kMaxJwks keys, or
// none that can be used.
[[nodiscard]] std::expected<std::vector<JwtKey>, std::string> jwk_set_read(std::string_view text);

}  // namespace weir
