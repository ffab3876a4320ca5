// Base64 with the URL alphabet and without padding (RFC 4648 section 5), as JWS writes it.
// Any thread.
#pragma once

#include <string>
#include <string_view>

namespace weir {

[[nodiscard]] std::string base64url_encode(std::string_view bytes);
// Strict: false for padding, white space, other letters, a length that no bytes have, and bits
// behind the last byte that are not zero. So every value has one text only.
[[nodiscard]] bool base64url_decode(std::string_view text, std::string* out);

}  // namespace weir
