#include "control/config_vaults.h"

#include <algorithm>
#include <cstdlib>

#include "control/config_read.h"

namespace weir {

namespace {

constexpr size_t kMaxPem = 4 << 20;

void ca_read(ConfigReader& reader, std::string* pem) {
  std::string file;
  reader.get_text("ca_file", &file);
  if (file.empty()) return;
  auto text = pem_read(path_join(reader.context().folder, file));
  if (text) {
    *pem = std::move(*text);
  } else {
    reader.error(*reader.take("ca_file"), "ca_file", text.error());
  }
}

// Without the slashes at its end, so that paths can be put behind it.
void url_read(ConfigReader& reader, std::string_view field, std::string* out) {
  reader.get_text(field, out);
  if (out->empty()) return;
  if (const auto url = base_url_parse(*out); !url) {
    reader.error(*reader.take(field), field, url.error());
  }
  while (out->ends_with('/')) out->pop_back();
}

void vault_read(ConfigReader& root, VaultConfig* out) {
  const ConfigNode* node = root.take("vault");
  if (node == nullptr) return;
  ConfigReader vault(root.context(), *node, root.path_of("vault"));
  url_read(vault, "address", &out->address);
  vault.get_secret("token", &out->token);
  vault.get_text("namespace", &out->name_space);
  vault.get_text("mount", &out->mount);
  while (out->mount.ends_with('/')) out->mount.pop_back();
  ca_read(vault, &out->ca_pem);
  vault.finish();
}

void secrets_manager_read(ConfigReader& root, SecretsManagerConfig* out) {
  const ConfigNode* node = root.take("secrets_manager");
  if (node == nullptr) return;
  ConfigReader manager(root.context(), *node, root.path_of("secrets_manager"));
  manager.get_secret("apikey", &out->apikey);
  url_read(manager, "base_url", &out->base_url);
  url_read(manager, "auth_url", &out->auth_url);
  ca_read(manager, &out->ca_pem);
  manager.finish();
}

void grant_read(ConfigContext& context, const ConfigNode& node, std::string path,
                SecretsConfig* out) {
  ConfigReader reader(context, node, std::move(path));
  ReferenceGrant grant;
  if (reader.need("tenant") != nullptr) reader.get_name("tenant", &grant.tenant);
  if (reader.need("prefix") != nullptr) reader.get_text("prefix", &grant.prefix);
  reader.finish();
  out->grants.push_back(std::move(grant));
}

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

bool SecretsConfig::may_refer(std::string_view tenant, std::string_view reference) const {
  if (tenant == kDefaultTenant) return true;
  return std::any_of(grants.begin(), grants.end(), [&](const ReferenceGrant& grant) {
    return grant.tenant == tenant && !grant.prefix.empty() && reference.starts_with(grant.prefix);
  });
}

bool SecretsConfig::may_send(std::string_view tenant, std::string_view base_url) const {
  if (tenant == kDefaultTenant || base_url == secrets_manager.base_url) return true;
  const auto url = base_url_parse(base_url);
  return url && url->tls && url->host.ends_with(".secrets-manager.appdomain.cloud");
}

std::expected<std::string, std::string> pem_read(const std::string& file) {
  auto pem = file_read(file, kMaxPem);
  if (pem && pem->find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    return std::unexpected(message_quote(file) + ": holds no PEM certificate");
  }
  return pem;
}

void secrets_read(ConfigReader& root, SecretsConfig* out) {
  vault_read(root, &out->vault);
  secrets_manager_read(root, &out->secrets_manager);
  const ConfigNode* node = root.take("secrets");
  if (node == nullptr) return;
  ConfigReader secrets(root.context(), *node, root.path_of("secrets"));
  constexpr uint32_t kShortestMs = 1'000;
  secrets.get_duration("refresh", kShortestMs, &out->refresh_ms);
  secrets.each("allow", [&](const ConfigNode& item, std::string path) {
    grant_read(secrets.context(), item, std::move(path), out);
  });
  secrets.finish();
}

void vault_from_environment(VaultConfig* vault, ConfigProblems* problems) {
  if (vault->address.empty()) {
    vault->address = environment("VAULT_ADDR");
    if (!vault->address.empty() && !base_url_parse(vault->address)) {
      problems->warn({}, "vault.address", "VAULT_ADDR is no URL and is not used");
      vault->address.clear();
    }
    while (vault->address.ends_with('/')) vault->address.pop_back();
  }
  if (!vault->token.given()) vault->token = Secret(std::string(environment("VAULT_TOKEN")));
  if (vault->name_space.empty()) vault->name_space = environment("VAULT_NAMESPACE");
  const std::string file(environment("VAULT_CACERT"));
  if (!vault->ca_pem.empty() || file.empty()) return;
  auto pem = pem_read(file);
  if (pem) {
    vault->ca_pem = std::move(*pem);
  } else {
    problems->warn({}, "vault.ca_file", "VAULT_CACERT: " + pem.error());
  }
}

}  // namespace weir
