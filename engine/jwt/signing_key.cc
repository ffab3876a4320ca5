#include "jwt/signing_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "base/base64url.h"

namespace weir {

namespace {

constexpr int kCoordinate = static_cast<int>(PublicKey::kEcBytes);
constexpr size_t kKidBytes = 12;

std::string fixed_bytes(const BIGNUM* number) {
  std::string out(PublicKey::kEcBytes, '\0');
  WEIR_CHECK(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(out.data()), kCoordinate) ==
             kCoordinate);
  return out;
}

std::string coordinate(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  WEIR_CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  std::string out = fixed_bytes(number);
  BN_free(number);
  return out;
}

std::string digest(std::string_view bytes) {
  std::string out(32, '\0');
  unsigned size = 0;
  WEIR_CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()),
                        &size, EVP_sha256(), nullptr) == 1);
  return out;
}

}  // namespace

SigningKey::SigningKey(KeyHandle key)
    : key_(std::move(key)),
      x_(coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X)),
      y_(coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y)),
      kid_(base64url_encode(digest(x_ + y_).substr(0, kKidBytes))) {}

SigningKey SigningKey::generate() {
  KeyHandle key(EVP_EC_gen("P-256"));
  WEIR_CHECK(key != nullptr);
  return SigningKey(std::move(key));
}

std::optional<SigningKey> SigningKey::load(std::string_view saved) {
  const auto* at = reinterpret_cast<const unsigned char*>(saved.data());
  const auto* end = at + saved.size();
  KeyHandle key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(saved.size())));
  char group[32] = {};
  const bool good = key != nullptr && at == end && EVP_PKEY_is_a(key.get(), "EC") == 1 &&
                    EVP_PKEY_get_group_name(key.get(), group, sizeof group, nullptr) == 1 &&
                    std::string_view(group) == "prime256v1";
  ERR_clear_error();
  if (!good) return std::nullopt;
  return SigningKey(std::move(key));
}

std::string SigningKey::save() const {
  PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key_.get());
  WEIR_CHECK(info != nullptr);
  unsigned char* der = nullptr;
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
  WEIR_CHECK(size > 0);
  std::string out(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_clear_free(der, static_cast<size_t>(size));
  PKCS8_PRIV_KEY_INFO_free(info);
  return out;
}

PublicKey SigningKey::public_key() const {
  auto made = PublicKey::ec(x_, y_);
  WEIR_CHECK(made.has_value());
  return std::move(*made);
}

std::string SigningKey::token(std::string_view claims) const {
  const std::string header = R"({"alg":"ES256","typ":"JWT","kid":")" + kid_ + "\"}";
  std::string out = base64url_encode(header) + "." + base64url_encode(claims);
  return out + "." + base64url_encode(sign(out));
}

std::string SigningKey::sign(std::string_view input) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  WEIR_CHECK(context != nullptr);
  WEIR_CHECK(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_.get()) == 1);
  unsigned char der[128];
  size_t size = sizeof der;
  WEIR_CHECK(EVP_DigestSign(context, der, &size,
                            reinterpret_cast<const unsigned char*>(input.data()),
                            input.size()) == 1);
  EVP_MD_CTX_free(context);
  const unsigned char* at = der;
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size));
  WEIR_CHECK(pair != nullptr);
  std::string out = fixed_bytes(ECDSA_SIG_get0_r(pair)) + fixed_bytes(ECDSA_SIG_get0_s(pair));
  ECDSA_SIG_free(pair);
  return out;
}

}  // namespace weir
