// AWS Signature Version 4: proves with a secret key that a request came from its owner and was not
// changed, without sending the key.
//
// The caller gives the request exactly as it goes on the wire and names the fields to sign; what is
// built (canonical request, string to sign, signature) lies in the arena. Keys are derived anew for
// each signature: nothing of a secret stays behind but in the caller's own memory. Pure; any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include <weir/types.h>

#include "base/arena.h"

namespace weir {

struct SigV4Key {
  std::string_view access_key_id;
  std::string_view secret_access_key;
  std::string_view region;
  std::string_view service;
};

struct SigV4Request {
  static constexpr size_t kMaxFields = 32;
  static constexpr size_t kMaxParameters = 32;

  std::string_view method;
  std::string_view target;              // path and query as sent
  std::span<const HeaderField> fields;  // those to sign; Host and x-amz-date must be among them
  std::string_view body_hash;           // sha256_hex() of the body
  std::string_view timestamp;           // the value of x-amz-date
  bool normalize = true;                // remove dot segments and double slashes of the path
};

struct SigV4Signed {
  std::string_view canonical_request;
  std::string_view string_to_sign;
  std::string_view signed_fields;
  std::string_view signature;
  std::string_view authorization;  // the value of Authorization
};

// kInternal when there are more fields or parameters than the bounds above.
[[nodiscard]] Result<SigV4Signed> sigv4_sign(const SigV4Request& request, const SigV4Key& key,
                                             Arena& arena);

using Sha256Hex = std::array<char, 64>;
[[nodiscard]] Sha256Hex sha256_hex(std::string_view bytes);

// 20250315T123456Z
using SigV4Timestamp = std::array<char, 16>;
[[nodiscard]] SigV4Timestamp sigv4_timestamp(int64_t unix_ms);

// Everything but letters, digits and -_.~ as %XX; a slash stays when `keep_slash`.
[[nodiscard]] std::string_view uri_encode(std::string_view text, bool keep_slash, Arena& arena);

}  // namespace weir
