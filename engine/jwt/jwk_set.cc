#include "jwt/jwk_set.h"

#include <algorithm>

#include "base/base64url.h"
#include "jwt/json_record.h"

namespace weir {

namespace {

// A member of base64url; empty when it is not there or is none.
std::string bytes_of(const JsonRecord& jwk, std::string_view name) {
  std::string out;
  const auto text = jwk.text(name);
  if (!text || !base64url_decode(*text, &out)) return {};
  return out;
}

bool may_verify(const JsonRecord& jwk) {
  if (jwk.has("use") && jwk.text("use") != "sig") return false;
  if (!jwk.has("key_ops")) return true;
  const auto uses = jwk.texts("key_ops", 16);
  return uses && std::find(uses->begin(), uses->end(), "verify") != uses->end();
}

std::expected<PublicKey, std::string_view> key_of(const JsonRecord& jwk) {
  const auto type = jwk.text("kty");
  const std::string alg = jwk.has("alg") ? jwk.text("alg").value_or("?") : "";
  if (type == "RSA" && (alg.empty() || alg == "RS256")) {
    return PublicKey::rsa(bytes_of(jwk, "n"), bytes_of(jwk, "e"));
  }
  if (type == "EC" && jwk.text("crv") == "P-256" && (alg.empty() || alg == "ES256")) {
    return PublicKey::ec(bytes_of(jwk, "x"), bytes_of(jwk, "y"));
  }
  return std::unexpected("of another type");
}

}  // namespace

std::expected<std::vector<JwtKey>, std::string> jwk_set_read(std::string_view text) {
  const auto set = JsonRecord::parse(text);
  if (!set) return std::unexpected("the answer is no JSON object");
  const auto list = json_list(set->raw("keys"), kMaxJwks);
  if (!list) {
    return std::unexpected("there is no list \"keys\" of at most " + std::to_string(kMaxJwks));
  }
  std::vector<JwtKey> out;
  std::vector<std::string> seen;
  for (const std::string& element : *list) {
    const auto jwk = JsonRecord::parse(element);
    if (!jwk || !may_verify(*jwk)) continue;
    auto kid = jwk->text("kid");
    if (!kid || kid->empty() || kid->size() > kMaxKidBytes) continue;
    const bool again = std::find(seen.begin(), seen.end(), *kid) != seen.end();
    seen.push_back(*kid);
    if (again) {
      std::erase_if(out, [&](const JwtKey& key) { return key.kid == *kid; });
      continue;
    }
    auto key = key_of(*jwk);
    if (!key) continue;
    out.push_back({std::move(*kid), std::make_shared<const PublicKey>(std::move(*key))});
  }
  if (out.empty()) return std::unexpected("it holds no RS256 or ES256 key with an id");
  return out;
}

}  // namespace weir
