// Puts what a provider's references stand for in their place, before it is routed.
//
// Control thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "control/config.h"
#include "control/config_check.h"
#include "control/secret/secret_resolver.h"

namespace weir {

// What the provider refers to, or where its tenant's Secrets Manager is, and its tenant may not use
// (SecretsConfig::may_refer and may_send); empty: it may all. An object of a file has a path, and
// may refer to everything.
[[nodiscard]] std::string provider_not_granted(const SecretsConfig& secrets,
                                               const std::string& base_url,
                                               const ProviderConfig& provider);

// Whether anything of it is read from elsewhere and may change.
[[nodiscard]] bool provider_refers(const ProviderConfig& provider);

// Fills the credentials, the address and the extra fields in from the newest values, and judges the
// provider again with them. What has no new value keeps the one it has. When something is missing
// the provider is marked as unavailable, and the error says what is missing; it holds no value.
// `base_url` is where the tenant's Secrets Manager is; empty: as configured.
std::expected<void, std::string> provider_fill(SecretResolver* resolver,
                                               const ConfigOptions& options, bool deny_private,
                                               const std::string& base_url, int64_t unix_ms,
                                               ProviderConfig* provider);

}  // namespace weir
