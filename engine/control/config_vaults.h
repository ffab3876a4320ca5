// Where referenced secrets are, and who may refer to them: the sections `vault`, `secrets_manager`
// and `secrets` of the configuration. Plain values, filled by config_load().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/config_secret.h"

namespace weir {

// What is empty comes from VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE and VAULT_CACERT.
struct VaultConfig {
  std::string address;  // "https://vault.example.com:8200", without a slash at its end
  Secret token;         // one in a file is read again for every call
  std::string name_space;
  std::string mount;    // of the KV engine; empty: the first segment of each path
  std::string ca_pem;
};

struct SecretsManagerConfig {
  Secret apikey;         // of IBM Cloud; exchanged for a token
  std::string base_url;  // empty: the tenant's, else what the CRN says
  std::string auth_url;  // empty: IBM Cloud's IAM
  std::string ca_pem;
};

// What a tenant other than `default` may refer to over the API: references that begin so, but for
// paths with a way out of it ("..").
struct ReferenceGrant {
  std::string tenant, prefix;
};

struct SecretsConfig {
  VaultConfig vault;
  SecretsManagerConfig secrets_manager;
  uint32_t refresh_ms = 300'000;
  std::vector<ReferenceGrant> grants;

  // Whether an object of this tenant that came over the API may refer to this. Everything for the
  // operator's own tenant, `default`; else what was granted, because a credential goes wherever the
  // object's base_url points. Links in a granted folder are followed: who can write there grants.
  [[nodiscard]] bool may_refer(std::string_view tenant, std::string_view reference) const;
  // Whether the token of IAM may go to this Secrets Manager, which the tenant itself has named:
  // anywhere for `default`; else to the configured one and to IBM's own.
  [[nodiscard]] bool may_send(std::string_view tenant, std::string_view base_url) const;
};

}  // namespace weir
