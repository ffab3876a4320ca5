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

// A path that stays where it begins: absolute, without segments that lead up or are folded.
bool path_stays(std::string_view path) {
  if (!path.starts_with('/')) return false;
  for (size_t from = 1; from <= path.size();) {
    const size_t slash = std::min(path.find('/', from), path.size());
    const std::string_view segment = path.substr(from, slash - from);
    // Nothing behind the last slash is the end of a prefix.
    if (segment == "." || segment == ".." || (segment.empty() && slash != path.size())) {
      return false;
    }
    from = slash + 1;
  }
  return true;
}

constexpr std::string_view kFile = "file:";

bool grantable(std::string_view prefix) {
  if (prefix.starts_with(kFile)) return path_stays(prefix.substr(kFile.size()));
  return prefix.starts_with("env:") || prefix.starts_with("vault:") || prefix.starts_with("crn:");
}

void grant_read(ConfigContext& context, const ConfigNode& node, std::string path,
                SecretsConfig* out) {
  ConfigReader reader(context, node, std::move(path));
  ReferenceGrant grant;
  if (reader.need("tenant") != nullptr) reader.get_name("tenant", &grant.tenant);
  if (const ConfigNode* prefix = reader.need("prefix")) {
    reader.get_text("prefix", &grant.prefix);
    if (!grantable(grant.prefix)) {
      reader.error(*prefix, "prefix",
                   "needs to be the begin of references: env:, file:/, vault: or crn:, and what "
                   "follows, without . and .. in a path");
    }
  }
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
  if (reference.starts_with(kFile) && !path_stays(reference.substr(kFile.size()))) return false;
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
  if (!pem) return pem;
  if (const char* problem = pem_problem(*pem)) {
    return std::unexpected(message_quote(file) + ": " + problem);
  }
  return pem;
}

const char* pem_problem(std::string_view text) {
  if (text.size() > kMaxPem) return "is longer than 4 MiB";
  if (text.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) return nullptr;
  return "holds no PEM certificate";
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
