// Goal: no text is read in two ways, and nothing is believed that its key did not sign.
// Method: what parses is written again and must be the same text; of what verifies, every change of
// one letter must be refused. The keys are those of the corpus; nobody has their private halves.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/base64url.h"
#include "jwt/jwt.h"
#include "jwt/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using namespace weir;

constexpr char kKeys[] =
    R"({"keys":[{"kty":"EC","crv":"P-256","x":"hrHySQRkcPaRyGppZah6Z4XrLqV1bhT6WgcnwKehfv0",)"
    R"("y":"dRES1EMrmFGBWkJZ_V-E0ol6eEiUwAbIDhU4g6u8IMk","kid":"e"},)"
    R"({"kty":"RSA","e":"AQAB","kid":"r","n":")"
    "1jy_nRgUQN93mnl7eZ3YPrqdeKjIAusiQhxLg-Bwgt4gX7fxbMTkUBz1tgo_umzPWuSYKO7PVz7aczoP"
    "W6onFCN1cmQxw3yOjFLYzzSKtnLJLzVCyO2d_Ehu8lZ6LdtKCc4zERrY27j7kBsM0JlwbMkcjsP2AUga"
    "rf3bq5hSP_r34N1u17lnv105JwphYzT2PWE2doRMxUmC6tiYOwuMoNjxS3-wL788Sm9gOYG4wMtib_AZ"
    "1kMLgLjmFh8EgxfynMmGA4i-8KshdFFam5zc2hTK3s5M_CSn0AsOOFLp_XyO2guj3c6UHIoVPm3WZOYd"
    "313hbAen4ePjJhiDRmP5ww"
    R"("}]})";

JwtTrust trust_make() {
  JwtIssuer issuer;
  issuer.issuer = "https://id.test";
  issuer.audience = "weir";
  issuer.groups_claim = "realm.roles";
  auto keys = jwk_set_read(kKeys);
  if (!keys || keys->size() != 2) std::abort();
  issuer.keys = std::move(*keys);
  JwtTrust trust;
  trust.issuers.push_back(std::move(issuer));
  return trust;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const JwtTrust trust = trust_make();
  constexpr int64_t kNow = 1'700'000'000;
  std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto keys = jwk_set_read(text); keys && keys->size() > kMaxJwks) std::abort();
  const auto token = jwt_parse(text);
  const bool good = jwt_verify(text, trust, kNow).has_value();
  if (!token && good) std::abort();
  if (!token) return 0;
  const size_t last = text.rfind('.');
  if (token->signed_part != text.substr(0, last)) std::abort();
  if (base64url_encode(token->signature) != text.substr(last + 1)) std::abort();
  for (size_t i = 0; good && i < text.size(); i += 1 + text.size() / 16) {
    const char before = text[i];
    text[i] = before == 'A' ? 'B' : 'A';
    if (jwt_verify(text, trust, kNow)) std::abort();
    text[i] = before;
  }
  return 0;
}
