#include "jwt_maker.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <cstdlib>

#include "base/base64url.h"

namespace weir {

namespace {

void need(bool ok) {
  if (!ok) std::abort();
}

std::string number(EVP_PKEY* key, const char* name, int bytes) {
  BIGNUM* value = nullptr;
  need(EVP_PKEY_get_bn_param(key, name, &value) == 1);
  std::string out(static_cast<size_t>(bytes != 0 ? bytes : BN_num_bytes(value)), '\0');
  need(BN_bn2binpad(value, reinterpret_cast<unsigned char*>(out.data()),
                    static_cast<int>(out.size())) >= 0);
  BN_free(value);
  return base64url_encode(out);
}

}  // namespace

JwtMaker::JwtMaker(Kind kind, std::string kid, unsigned rsa_bits)
    : kind_(kind),
      kid_(std::move(kid)),
      key_(kind == Kind::kRsa ? EVP_RSA_gen(rsa_bits) : EVP_EC_gen("P-256")) {
  need(key_ != nullptr);
}

JwtMaker::~JwtMaker() { EVP_PKEY_free(key_); }

std::string JwtMaker::jwk() const {
  const std::string same = R"(","use":"sig","kid":")" + kid_ + "\"}";
  if (kind_ == Kind::kRsa) {
    return R"({"kty":"RSA","alg":"RS256","n":")" + number(key_, OSSL_PKEY_PARAM_RSA_N, 0) +
           R"(","e":")" + number(key_, OSSL_PKEY_PARAM_RSA_E, 0) + same;
  }
  return R"({"kty":"EC","crv":"P-256","alg":"ES256","x":")" +
         number(key_, OSSL_PKEY_PARAM_EC_PUB_X, 32) + R"(","y":")" +
         number(key_, OSSL_PKEY_PARAM_EC_PUB_Y, 32) + same;
}

std::string JwtMaker::header() const {
  const std::string alg = kind_ == Kind::kRsa ? "RS256" : "ES256";
  return R"({"alg":")" + alg + R"(","typ":"JWT","kid":")" + kid_ + "\"}";
}

std::string JwtMaker::token(std::string_view claims) const { return token(header(), claims); }

std::string JwtMaker::token(std::string_view header, std::string_view claims) const {
  const std::string input = base64url_encode(header) + "." + base64url_encode(claims);
  return input + "." + base64url_encode(sign(input));
}

std::string JwtMaker::sign(std::string_view input) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::string out(1024, '\0');
  size_t size = out.size();
  need(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_) == 1);
  need(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size,
                      reinterpret_cast<const unsigned char*>(input.data()), input.size()) == 1);
  EVP_MD_CTX_free(context);
  out.resize(size);
  if (kind_ == Kind::kRsa) return out;
  const auto* at = reinterpret_cast<const unsigned char*>(out.data());
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size));
  need(pair != nullptr);
  std::string raw(64, '\0');
  auto* to = reinterpret_cast<unsigned char*>(raw.data());
  need(BN_bn2binpad(ECDSA_SIG_get0_r(pair), to, 32) == 32);
  need(BN_bn2binpad(ECDSA_SIG_get0_s(pair), to + 32, 32) == 32);
  ECDSA_SIG_free(pair);
  return raw;
}

}  // namespace weir
