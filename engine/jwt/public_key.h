// A public key that verifies signatures: RSA with RS256 or EC P-256 with ES256. The key's type
// decides the algorithm, never the token. Immutable; any thread, several at once.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

typedef struct evp_pkey_st EVP_PKEY;

namespace weir {

enum class JwtAlg : uint8_t { kEs256, kRs256 };

struct KeyFree {
  void operator()(EVP_PKEY* key) const;
};
using KeyHandle = std::unique_ptr<EVP_PKEY, KeyFree>;

class PublicKey {
 public:
  static constexpr size_t kMinRsaBits = 2048;
  static constexpr size_t kMaxRsaBits = 8192;
  static constexpr size_t kEcBytes = 32;  // of each coordinate, and of r and s

  // Big-endian numbers, as RFC 7518 writes them. The error says what is wrong, in a few words.
  [[nodiscard]] static std::expected<PublicKey, std::string_view> rsa(std::string_view modulus,
                                                                      std::string_view exponent);
  [[nodiscard]] static std::expected<PublicKey, std::string_view> ec(std::string_view x,
                                                                     std::string_view y);
  [[nodiscard]] JwtAlg alg() const { return alg_; }
  [[nodiscard]] bool verify(std::string_view input, std::string_view signature) const;

 private:
  PublicKey(JwtAlg alg, KeyHandle key) : alg_(alg), key_(std::move(key)) {}

  JwtAlg alg_;
  KeyHandle key_;
};

}  // namespace weir
