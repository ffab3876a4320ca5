#include "control/config_auth.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "control/config.h"
#include "control/config_read.h"
#include "control/config_reader.h"
#include "control/config_units.h"

namespace weir {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

// Whole seconds; longer than a number of milliseconds can say.
void seconds_read(ConfigReader& auth, std::string_view field, uint32_t lowest_s, uint32_t highest_s,
                  uint32_t* out) {
  const ConfigNode* node = auth.take(field);
  if (node == nullptr || !auth.expect_scalar(*node, field, "a duration")) return;
  const auto ns = duration_parse_ns(node->text);
  if (!ns || *ns < int64_t{lowest_s} * kSecondNs || *ns > int64_t{highest_s} * kSecondNs) {
    auth.error(*node, field,
               "needs to be a duration from " + duration_format_ms(uint64_t{lowest_s} * 1000) +
                   " to " + duration_format_ms(uint64_t{highest_s} * 1000));
    return;
  }
  *out = static_cast<uint32_t>(*ns / kSecondNs);
}

void ca_read(ConfigReader& issuer, OidcConfig* out) {
  const ConfigNode* node = issuer.take("ca_file");
  issuer.get_text("ca_file", &out->ca_file);
  if (node == nullptr || out->ca_file.empty()) return;
  out->ca_file = path_join(issuer.context().folder, out->ca_file);
  auto pem = pem_read(out->ca_file);
  if (!pem) return issuer.error(*node, "ca_file", pem.error());
  out->ca_pem = std::move(*pem);
}

void url_check(ConfigReader& issuer, std::string_view field, const std::string& url) {
  const ConfigNode* node = issuer.take(field);
  if (node == nullptr || url.empty()) return;
  // What is behind a question mark may say which keys; the rest is as in a base URL.
  const size_t question = std::min(url.find('?'), url.size());
  const auto parsed = base_url_parse(std::string_view(url).substr(0, question));
  if (!parsed) return issuer.error(*node, field, parsed.error());
  const bool plain = std::all_of(url.begin() + static_cast<std::ptrdiff_t>(question), url.end(),
                                 [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
  if (!plain) return issuer.error(*node, field, "has a query with other than plain characters");
  const bool local = parsed->host == "127.0.0.1" || parsed->host == "::1" ||
                     parsed->host == "localhost";
  if (!parsed->tls && !local) {
    issuer.warn(*node, field, "keys that come without TLS can be another's; use https");
  }
}

void issuer_read(ConfigReader& auth, const ConfigNode& node, std::string path, OidcConfig* out) {
  ConfigReader issuer(auth.context(), node, std::move(path));
  if (issuer.need("issuer") != nullptr) issuer.get_text("issuer", &out->issuer);
  if (issuer.need("audience") != nullptr) issuer.get_text("audience", &out->audience);
  issuer.get_text("jwks_url", &out->jwks_url);
  // Without a URL for the keys they are asked for at the issuer, whose name is one then.
  url_check(issuer, out->jwks_url.empty() ? "issuer" : "jwks_url",
            out->jwks_url.empty() ? out->issuer : out->jwks_url);
  issuer.get_text("subject_claim", &out->subject_claim);
  issuer.get_text("groups_claim", &out->groups_claim);
  issuer.get_names("admin_groups", &out->admin_groups);
  issuer.get_name("tenant", &out->tenant);
  if (const int choice = issuer.get_choice("environment", {kProduction, kSandbox}); choice >= 0) {
    out->environment = choice == 0 ? kProduction : kSandbox;
  }
  ca_read(issuer, out);
  issuer.finish();
  if (out->subject_claim.empty()) issuer.error_here("subject_claim names no claim");
  if (!out->admin_groups.empty() && out->groups_claim.empty()) {
    issuer.error_here("admin_groups needs a groups_claim");
  }
}

}  // namespace

void auth_read(ConfigReader& root, AuthConfig* out) {
  const ConfigNode* node = root.take("auth");
  if (node == nullptr) return;
  constexpr uint32_t kMinute = 60, kHour = 3600, kDay = 86'400;
  ConfigReader auth(root.context(), *node, root.path_of("auth"));
  seconds_read(auth, "token_lifetime", kMinute, kDay, &out->token_lifetime_s);
  seconds_read(auth, "signing_key_rotation", kHour, 3650 * kDay, &out->signing_key_rotation_s);
  auth.get_count("failed_attempts_per_minute", 0, 1'000'000, &out->attempts_per_minute);
  auth.get_count("max_callers", 0, 1'000'000, &out->max_callers);
  auth.get_duration("jwks_refresh", 1'000, &out->jwks_refresh_ms);
  auth.get_duration("jwks_pause", 100, &out->jwks_pause_ms);
  auth.each("oidc", [&](const ConfigNode& member, std::string path) {
    OidcConfig issuer;
    issuer.at = member.at;
    issuer.path = path;
    issuer_read(auth, member, std::move(path), &issuer);
    out->oidc.push_back(std::move(issuer));
  });
  auth.finish();
}

void auth_check(const AuthConfig& auth, ConfigProblems* problems) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const OidcConfig& issuer : auth.oidc) {
    if (issuer.issuer == "weir") {
      problems->error(issuer.at, issuer.path + ".issuer", "is the name of Weir's own tokens");
    }
    if (!issuer.issuer.empty() && !seen.emplace(issuer.issuer, issuer.audience).second) {
      problems->error(issuer.at, issuer.path, "the same issuer and audience stand here twice");
    }
  }
  if (auth.oidc.size() > AuthConfig::kMaxIssuers) {
    problems->error(auth.oidc[AuthConfig::kMaxIssuers].at, "auth.oidc",
                    "has more than " + std::to_string(AuthConfig::kMaxIssuers) + " issuers");
  }
}

std::string auth_yaml() {
  const AuthConfig auth;
  const OidcConfig issuer;
  return "auth:\n  token_lifetime: " + duration_format_ms(uint64_t{auth.token_lifetime_s} * 1000) +
         "\n  signing_key_rotation: " +
         duration_format_ms(uint64_t{auth.signing_key_rotation_s} * 1000) +
         "\n  failed_attempts_per_minute: " + std::to_string(auth.attempts_per_minute) +
         "\n  max_callers: " + std::to_string(auth.max_callers) +
         "\n  jwks_refresh: " + duration_format_ms(auth.jwks_refresh_ms) +
         "\n  jwks_pause: " + duration_format_ms(auth.jwks_pause_ms) +
         "\n# Each member of auth.oidc:\n#   subject_claim: " + issuer.subject_claim +
         "\n#   groups_claim: " + issuer.groups_claim + "\n#   tenant: " + issuer.tenant +
         "\n#   environment: " + issuer.environment + "\n";
}

}  // namespace weir
