#include "jwt/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <string>

#include "base/check.h"

namespace weir {

namespace {

using Made = std::expected<PublicKey, std::string_view>;
template <typename T, void (*free)(T*)>
struct Freed {
  void operator()(T* object) const { free(object); }
};
using Number = std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM, OSSL_PARAM_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG, ECDSA_SIG_free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Number number_of(std::string_view big_endian) {
  return Number(BN_bin2bn(bytes_of(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

// Whatever fails in OpenSSL leaves a note in the thread's queue, where the TLS of the same thread
// would take it for its own.
struct QueueCleared {
  ~QueueCleared() { ERR_clear_error(); }
};

KeyHandle key_from(const char* type, OSSL_PARAM* params) {
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  WEIR_CHECK(context != nullptr);
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
    return nullptr;
  }
  return KeyHandle(key);
}

// The two numbers of a signature, side by side in RFC 7518, as the DER that OpenSSL reads.
std::string der_of(std::string_view raw) {
  const Signature pair(ECDSA_SIG_new());
  Number r = number_of(raw.substr(0, PublicKey::kEcBytes));
  Number s = number_of(raw.substr(PublicKey::kEcBytes));
  WEIR_CHECK(pair != nullptr && r != nullptr && s != nullptr);
  WEIR_CHECK(ECDSA_SIG_set0(pair.get(), r.release(), s.release()) == 1);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  WEIR_CHECK(size > 0);
  std::string out(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

}  // namespace

void KeyFree::operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

Made PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  const QueueCleared cleared;
  if (modulus.size() > kMaxRsaBits / 8 || exponent.empty() || exponent.size() > 8) {
    return std::unexpected("the RSA key is too large");
  }
  const Number n = number_of(modulus), e = number_of(exponent);
  const auto bits = static_cast<size_t>(BN_num_bits(n.get()));
  if (bits < kMinRsaBits) return std::unexpected("the RSA key has less than 2048 bits");
  if (BN_is_odd(n.get()) == 0 || BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) != 0) {
    return std::unexpected("the numbers are no RSA key");
  }
  const Builder builder(OSSL_PARAM_BLD_new());
  WEIR_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1);
  WEIR_CHECK(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  KeyHandle key = key_from("RSA", params.get());
  if (key == nullptr) return std::unexpected("the numbers are no RSA key");
  return PublicKey(JwtAlg::kRs256, std::move(key));
}

Made PublicKey::ec(std::string_view x, std::string_view y) {
  const QueueCleared cleared;
  // RFC 7518 6.2.1.2: exactly the size of the curve, leading zeros included.
  if (x.size() != kEcBytes || y.size() != kEcBytes) {
    return std::unexpected("a coordinate has not 32 bytes");
  }
  std::string point = "\x04";
  point.append(x).append(y);
  char group[] = "P-256";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  KeyHandle key = key_from("EC", params);
  if (key == nullptr) return std::unexpected("the point is not on the curve");
  const Context check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  WEIR_CHECK(check != nullptr);
  if (EVP_PKEY_public_check(check.get()) != 1) {
    return std::unexpected("the point is not on the curve");
  }
  return PublicKey(JwtAlg::kEs256, std::move(key));
}

bool PublicKey::verify(std::string_view input, std::string_view signature) const {
  const QueueCleared cleared;
  std::string der;
  if (alg_ == JwtAlg::kEs256) {
    if (signature.size() != 2 * kEcBytes) return false;
    der = der_of(signature);
    signature = der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  WEIR_CHECK(context != nullptr);
  if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1) {
    return false;
  }
  return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(input),
                          input.size()) == 1;
}

}  // namespace weir
