#include "jwt/jwt.h"

#include <algorithm>

#include "base/base64url.h"
#include "jwt/jwk_set.h"

namespace weir {

namespace {

// RFC 9068 has a type of its own for access tokens; others stand for other kinds of statements.
bool type_known(const JsonRecord& header) {
  if (!header.has("typ")) return true;
  std::string type = header.text("typ").value_or("?");
  std::transform(type.begin(), type.end(), type.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return type == "jwt" || type == "at+jwt" || type == "application/at+jwt";
}

std::expected<void, std::string_view> header_read(std::string_view text, Jwt* out) {
  const auto header = JsonRecord::parse(text);
  if (!header) return std::unexpected("its header is no JSON object");
  const auto alg = header->text("alg");
  if (alg != "ES256" && alg != "RS256") {
    return std::unexpected("its algorithm is not accepted; ES256 and RS256 are");
  }
  out->alg = alg == "ES256" ? JwtAlg::kEs256 : JwtAlg::kRs256;
  auto kid = header->text("kid");
  if (!kid || kid->empty() || kid->size() > kMaxKidBytes) {
    return std::unexpected("its header names no key (kid)");
  }
  out->kid = std::move(*kid);
  if (header->has("crit")) return std::unexpected("its header asks for extensions");
  if (!type_known(*header)) return std::unexpected("it is of another type");
  return {};
}

}  // namespace

bool jwt_shaped(std::string_view text) { return std::count(text.begin(), text.end(), '.') == 2; }

std::expected<Jwt, std::string_view> jwt_parse(std::string_view text) {
  if (text.size() > kMaxJwtBytes) return std::unexpected("it is too long");
  if (!jwt_shaped(text)) return std::unexpected("it has not three parts");
  const size_t first = text.find('.'), second = text.rfind('.');
  Jwt out{};
  std::string header, claims;
  if (!base64url_decode(text.substr(0, first), &header) ||
      !base64url_decode(text.substr(first + 1, second - first - 1), &claims) ||
      !base64url_decode(text.substr(second + 1), &out.signature)) {
    return std::unexpected("a part is no base64url");
  }
  if (const auto read = header_read(header, &out); !read) return std::unexpected(read.error());
  if (out.signature.empty()) return std::unexpected("it is not signed");
  out.signed_part = text.substr(0, second);
  auto object = JsonRecord::parse(claims);
  if (!object) return std::unexpected("its claims are no JSON object");
  out.claims = std::move(*object);
  return out;
}

}  // namespace weir
