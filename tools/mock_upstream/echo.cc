#include "echo.h"

#include <openssl/evp.h>

#include <array>

#include "json_text.h"

namespace weir::mock {

std::string sha256_hex(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned len = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &len, EVP_sha256(), nullptr);
  std::string out;
  for (unsigned i = 0; i < len; ++i) {
    out += kHex[digest[i] >> 4];
    out += kHex[digest[i] & 15];
  }
  return out;
}

std::string echo_text(const Request& request) {
  std::string out = "{\"method\":" + json_quote(request.method);
  out += ",\"path\":" + json_quote(request.path) + ",\"headers\":[";
  for (std::size_t i = 0; i < request.fields.size(); ++i) {
    const auto [name, value] = request.field(i);
    if (i > 0) out += ',';
    out += '[';
    out += json_quote(name) + "," + json_quote(value) + "]";
  }
  out += "],\"body_bytes\":" + std::to_string(request.body.size());
  out += ",\"body_sha256\":\"" + sha256_hex(request.body) + "\"";
  return out + ",\"body\":" + json_quote(request.body) + "}";
}

}  // namespace weir::mock
