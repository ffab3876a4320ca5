// The sections of the file, from parsed tree to Config: field by field, no look across sections
// (that is config_check.h). Problems go to the context; reading always goes on to the end.
#pragma once

#include "control/config.h"
#include "control/config_reader.h"
#include "control/config_yaml.h"

namespace weir {

void config_read(ConfigContext& context, const ConfigNode& root, Config* out);
// What the file leaves out and VAULT_ADDR and its like may say.
void vault_from_environment(VaultConfig* vault, ConfigProblems* problems);
// A file of certificates; the error names it.
[[nodiscard]] std::expected<std::string, std::string> pem_read(const std::string& file);
// Why the text is none of certificates; null: it looks like one.
[[nodiscard]] const char* pem_problem(std::string_view text);

// The one name ("apikey", "base_url") of a member of a provider's `data`, however it is spelled;
// empty: no provider has such a member.
[[nodiscard]] std::string_view provider_data_field(std::string_view key);
[[nodiscard]] bool provider_data_is_secret(std::string_view field);

// Parts of it, in files of their own.
void provider_read(ConfigContext& context, const ConfigNode& node, std::string path,
                   ProviderConfig* out);
void model_read(ConfigContext& context, const ConfigNode& node, std::string path,
                ModelConfig* out);
void balancer_read(ConfigContext& context, const ConfigNode& node, std::string path,
                   BalancerConfig* out);
void rate_limit_read(ConfigContext& context, const ConfigNode& node, std::string path,
                     RateLimitConfig* out);
void key_read(ConfigContext& context, const ConfigNode& node, std::string path, KeyConfig* out);
void policy_read(ConfigContext& context, const ConfigNode& node, std::string path,
                 PolicyConfig* out);
void secrets_read(ConfigReader& root, SecretsConfig* out);

}  // namespace weir
