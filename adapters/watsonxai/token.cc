#include "adapters/watsonxai/token.h"

#include <algorithm>

#include "adapters/common/json_walk.h"
#include "adapters/watsonxai/settings.h"
#include "base/base64url.h"
#include "json/json_write.h"
#include "route/target.h"

namespace weir::watsonx {

namespace {

constexpr std::string_view kCloudUrl = "https://iam.cloud.ibm.com/identity/token";
constexpr std::string_view kCloudPath = "/identity/token";
constexpr std::string_view kCpdPath = "/icp4d-api/v1/authorize";
constexpr size_t kMaxTokenBytes = 16 * 1024;
constexpr int64_t kMaxLifeSeconds = 30 * 86'400;
// For an answer that says nothing: short, since a refused token is renewed anyway.
constexpr int64_t kUnknownLifeSeconds = 15 * 60;

void form_append(std::string* out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      *out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    *out += '%';
    *out += kHex[byte >> 4];
    *out += kHex[byte & 15];
  }
}

// The URL with `path` added when it names a host only.
std::string url_complete(std::string_view url, std::string_view path) {
  std::string whole(url);
  const size_t host = whole.find("://");
  while (whole.ends_with('/')) whole.pop_back();
  const size_t slash = host == std::string::npos ? host : whole.find('/', host + 3);
  return slash == std::string::npos ? whole.append(path) : whole;
}

std::string own_host(const Provider& provider) {
  return (provider.tls ? "https://" : "http://") + provider.authority;
}

void cloud_request(const Provider& provider, std::string_view url, TokenRequest* out) {
  out->url = url_complete(url.empty() ? kCloudUrl : url, kCloudPath);
  out->headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                  {"Accept", "application/json"}};
  out->body = "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=";
  form_append(&out->body, provider.credential);
}

void cpd_request(const Provider& provider, const Settings& settings, std::string_view url,
                 TokenRequest* out) {
  out->url = url.empty() ? own_host(provider).append(kCpdPath) : url_complete(url, kCpdPath);
  out->headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  out->body = "{\"username\":";
  json_append_string(&out->body, settings.username);
  out->body.append(",\"api_key\":");
  json_append_string(&out->body, provider.credential);
  out->body.append("}");
}

// The claims of a signed token, as JSON text; empty when the token has another form.
std::string claims_read(std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos) return {};
  std::string claims;
  if (!base64url_decode(token.substr(first + 1, second - first - 1), &claims)) claims.clear();
  return claims;
}

int64_t life_seconds(std::string_view body, std::string_view token) {
  int64_t life = json_integer(json_member(body, "expires_in"), -1);
  if (life < 0) {
    const std::string claims = claims_read(token);
    const int64_t issued = json_integer(json_member(claims, "iat"), -1);
    const int64_t expires = json_integer(json_member(claims, "exp"), -1);
    // The difference of two times of one clock.
    if (issued >= 0 && expires > issued) life = expires - issued;
  }
  return std::min(life < 0 ? kUnknownLifeSeconds : life, kMaxLifeSeconds);
}

// It goes into a header as it is.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTokenBytes &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c > 0x20 && c < 0x7f && c != '\\' && c != '"'; });
}

std::unexpected<Error> refused(int status, std::string_view body) {
  const std::string_view code = json_inner(json_member(body, "errorCode"));
  if (code == "BXNIM0415E") {
    return std::unexpected(
        Error{Errc::kUpstreamAuth, "the token service does not know the API key", "apikey"});
  }
  if (status == 429) {
    return std::unexpected(
        Error{Errc::kUpstreamRateLimited, "the token service has too many requests", {}});
  }
  if (status >= 400 && status < 500 && status != 404 && status != 408) {
    return std::unexpected(
        Error{Errc::kUpstreamAuth, "the token service refused the credential", "apikey"});
  }
  if (status == 404) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "there is no token service at auth_url", "auth_url"});
  }
  return std::unexpected(
      Error{Errc::kUpstreamUnavailable, "the token service failed; it may work later", {}});
}

}  // namespace

Result<void> token_request(const Provider& provider, TokenRequest* out) {
  const Settings settings = settings_read(provider);
  const std::string_view url = provider.option("auth_url");
  if (settings.auth == Auth::kIam) {
    cloud_request(provider, url, out);
    return {};
  }
  if (settings.auth == Auth::kCpd) {
    cpd_request(provider, settings, url, out);
    return {};
  }
  return std::unexpected(Error{Errc::kConfig, "this provider needs no token", "options.auth"});
}

Result<void> token_reply(int status, std::string_view body, int64_t unix_ms, Token* out) {
  if (status < 200 || status >= 300) return refused(status, body);
  std::string_view token = json_inner(json_member(body, "access_token"));
  if (token.empty()) token = json_inner(json_member(body, "token"));
  if (!is_token(token)) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "the token service's answer holds no token", {}});
  }
  out->value = token;
  out->expires_unix_ms = unix_ms + life_seconds(body, token) * 1000;
  return {};
}

}  // namespace weir::watsonx
