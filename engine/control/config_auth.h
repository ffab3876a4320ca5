// The section `auth` of the configuration: Weir's own tokens, and the issuers whose tokens are
// accepted in place of a key. Plain values; read and checked while a file is loaded, by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config_problem.h"

namespace weir {

class ConfigReader;

struct OidcConfig {
  std::string issuer;    // exactly as tokens name it
  std::string audience;  // what tokens have to be meant for
  std::string jwks_url;  // empty: the issuer's discovery document says it
  std::string subject_claim = "sub";
  std::string groups_claim = "groups";
  std::vector<std::string> admin_groups;
  std::string tenant = "default";
  std::string environment = "production";
  std::string ca_file, ca_pem;
  FilePosition at;
  std::string path;
};

struct AuthConfig {
  static constexpr size_t kMaxIssuers = 16;

  uint32_t token_lifetime_s = 3600;
  uint32_t signing_key_rotation_s = 30 * 86'400;
  uint32_t attempts_per_minute = 30;  // failed ones of an address; 0: any number
  uint32_t max_callers = 10'000;      // who signed in elsewhere
  uint32_t jwks_refresh_ms = 600'000;
  uint32_t jwks_pause_ms = 10'000;
  std::vector<OidcConfig> oidc;
};

void auth_read(ConfigReader& root, AuthConfig* out);
void auth_check(const AuthConfig& auth, ConfigProblems* problems);
// The defaults as YAML.
[[nodiscard]] std::string auth_yaml();

}  // namespace weir
