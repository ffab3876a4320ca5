// What must hold across the sections of a configuration: names that refer to each other, addresses,
// provider types, duplicates. Also settles what the fields mean together (the provider's URL).
//
// Used while a file is loaded; one thread. The adapters and the address rules come from outside, as
// this part of the program knows neither.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <weir/types.h>

#include "control/config.h"
#include "net/address.h"

namespace weir {

struct Adapter;

// What the running program can do beyond reading the file. A section that it only reads is named in
// a warning.
struct BuildFeatures {
  bool listener_tls = false;
  bool rate_limits = false;
  bool strict_accounting = false;
};

struct ConfigOptions {
  std::span<const Adapter* const> adapters;
  AddressClass (*classify)(std::string_view host) = nullptr;  // host_classify; null: no check
  // Whether TLS can trust by these certificates, or why not: tls_check_ca; null: no check
  Result<void> (*check_ca)(const std::string& pem, std::string* detail) = nullptr;
  bool resolve_secrets = true;
  BuildFeatures features;
};

void config_check(const ConfigOptions& options, Config* config, ConfigProblems* problems);

// One provider by itself; the same as above.
void provider_settle(const ConfigOptions& options, bool deny_private, ProviderConfig* provider,
                     ConfigProblems* problems);

// What clients of an unavailable provider are told.
[[nodiscard]] std::string provider_unavailable_text(std::string_view name);

// "openai_compatible", "watsonx-ai" and other accepted spellings as the one that docs use.
[[nodiscard]] std::string provider_type_canonical(std::string_view type);
[[nodiscard]] const Adapter* adapter_named(std::span<const Adapter* const> adapters,
                                           std::string_view type);

// A policy by itself.
void policy_check(const PolicyConfig& policy, ConfigProblems* problems);
// Also used by config_check: everything about providers. One with a reference that has no value yet
// is marked as unavailable, and judged as far as it is known.
void providers_check(const ConfigOptions& options, Config* config, ConfigProblems* problems);

}  // namespace weir
