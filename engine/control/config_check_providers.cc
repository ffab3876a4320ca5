// Providers: their types, what each type needs, and where it is.
#include <algorithm>
#include <set>

#include <weir/adapter.h>

#include "control/config_check.h"
#include "control/config_read.h"

namespace weir {

namespace {

struct ProviderType {
  std::string_view name;
  std::string_view base_url;  // {x} is replaced by the data field x; empty: must be given
  std::string_view fallback;  // for {x} when it is absent
  bool needs_key;             // when it is reached at its own address
};
constexpr ProviderType kTypes[] = {
    {"openai", "https://api.openai.com/v1", "", true},
    {"openai-compatible", "", "", false},
    {"azure-openai", "https://{resource_name}.openai.azure.com", "", true},
    {"anthropic", "https://api.anthropic.com/v1", "", true},
    {"bedrock", "https://bedrock-runtime.{region}.amazonaws.com", "", false},
    {"watsonxai", "https://{region}.ml.cloud.ibm.com", "us-south", true},
    {"cerebras", "https://api.cerebras.ai/v1", "", true},
    {"nim", "https://integrate.api.nvidia.com/v1", "", true},
    {"loopback", "", "", false},
};

const ProviderType* type_find(std::string_view name) {
  for (const ProviderType& type : kTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

std::string_view data_value(const ProviderConfig& provider, std::string_view field) {
  for (const auto& [name, value] : provider.data) {
    if (name == field) return value.reveal();
  }
  return {};
}

// The type's own address; empty, with a problem, when a part of it is missing.
std::string default_url(const ProviderConfig& provider, const ProviderType& type,
                        ConfigProblems* problems) {
  const size_t open = type.base_url.find('{');
  if (type.base_url.empty()) {
    problems->error(provider.at, provider.path + ".data",
                    "providers of type " + provider.type + " need the field \"base_url\"");
    return {};
  }
  if (open == std::string_view::npos) return std::string(type.base_url);
  const size_t close = type.base_url.find('}');
  const std::string_view field = type.base_url.substr(open + 1, close - open - 1);
  std::string_view value = data_value(provider, field);
  if (value.empty()) value = type.fallback;
  if (value.empty()) {
    problems->error(provider.at, provider.path + ".data",
                    "providers of type " + provider.type + " need the field \"" +
                        std::string(field) + "\" or \"base_url\"");
    return {};
  }
  const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
  if (!plain) {
    problems->error(provider.at, provider.path + ".data." + std::string(field),
                    "may hold letters, digits and hyphens only");
    return {};
  }
  return std::string(type.base_url.substr(0, open)) + std::string(value) +
         std::string(type.base_url.substr(close + 1));
}

void address_check(const ConfigOptions& options, bool deny_private, const ProviderConfig& provider,
                   ConfigProblems* problems) {
  if (options.classify == nullptr) return;
  const std::string path = provider.path + ".data.base_url";
  const AddressClass place = options.classify(provider.url.host);
  if (place == AddressClass::kForbidden) {
    problems->error(provider.at, path,
                    "link-local, metadata and unspecified addresses are never allowed");
  } else if (place == AddressClass::kPrivate && deny_private) {
    problems->error(provider.at, path,
                    "private addresses are denied by network.private_upstreams");
  }
  if (!provider.proxy.host.empty() &&
      options.classify(provider.proxy.host) == AddressClass::kForbidden) {
    problems->error(provider.at, provider.path + ".proxy",
                    "link-local, metadata and unspecified addresses are never allowed");
  }
}

void url_settle(const ConfigOptions& options, bool deny_private, const ProviderType& type,
                ProviderConfig* provider, ConfigProblems* problems) {
  const std::string path = provider->path + ".data.base_url";
  const bool own_address = provider->base_url.empty();
  const std::string text =
      own_address ? default_url(*provider, type, problems) : provider->base_url;
  if (text.empty()) return;
  const auto url = base_url_parse(text);
  if (!url) {
    problems->error(provider->at, path, url.error());
    return;
  }
  provider->url = *url;
  address_check(options, deny_private, *provider, problems);
  if (own_address && type.needs_key && options.resolve_secrets && !provider->api_key.given()) {
    problems->error(provider->at, provider->path + ".data",
                    "providers of type " + provider->type + " need the field \"apikey\"");
  }
  if (!provider->url.tls && !provider->api_key.empty() && options.classify != nullptr &&
      options.classify(provider->url.host) == AddressClass::kPublic &&
      provider->url.host != "localhost") {
    problems->warn(provider->at, path, "http:// sends the API key and all text unprotected");
  }
}

// Certificates that cannot be used would else only show when a request fails.
void trust_check(const ConfigOptions& options, const ProviderConfig& provider,
                 ConfigProblems* problems) {
  if (options.check_ca == nullptr || provider.ca_pem.empty()) return;
  std::string detail;
  if (options.check_ca(provider.ca_pem, &detail)) return;
  const char* field = provider.ca_file.empty() ? ".tls.ca_pem" : ".tls.ca_file";
  problems->error(provider.at, provider.path + field, detail);
}

bool waits(const Secret& secret) { return secret.given() && secret.empty(); }

// Where it is may be known when its key is not.
bool place_waits(const ProviderConfig& provider) {
  return !provider.data_reference.empty() ||
         (provider.base_url.empty() && !provider.base_url_reference.empty()) ||
         std::any_of(provider.data.begin(), provider.data.end(), [](const auto& member) {
           return !provider_data_is_secret(member.first) && waits(member.second);
         });
}

bool credential_waits(const ProviderConfig& provider) {
  const auto member_waits = [](const auto& member) { return waits(member.second); };
  return waits(provider.api_key) ||
         std::any_of(provider.data.begin(), provider.data.end(), member_waits) ||
         std::any_of(provider.headers.begin(), provider.headers.end(), member_waits);
}

}  // namespace

void provider_settle(const ConfigOptions& options, bool deny_private, ProviderConfig* provider,
                     ConfigProblems* problems) {
  if (provider->type.empty()) return;  // reported as missing
  std::vector<std::string_view> names;
  for (const ProviderType& type : kTypes) names.push_back(type.name);
  const std::string written = provider->type;
  provider->type = provider_type_canonical(written);
  const ProviderType* type = type_find(provider->type);
  const Adapter* adapter = adapter_named(options.adapters, provider->type);
  if (type == nullptr && adapter == nullptr) {
    problems->error(provider->at, provider->path + ".type",
                    "unknown provider type " + message_quote(written) +
                        did_you_mean(written, names));
    return;
  }
  if (adapter == nullptr) {
    problems->error(provider->at, provider->path + ".type",
                    "this build has no adapter for the type " + message_quote(provider->type));
    return;
  }
  static constexpr ProviderType kOther{"", "", "", false};
  const bool somewhere = !place_waits(*provider);
  provider->unavailable = !somewhere || credential_waits(*provider);
  if (!adapter->local && somewhere) {
    url_settle(options, deny_private, type != nullptr ? *type : kOther, provider, problems);
  }
  trust_check(options, *provider, problems);
}

std::string provider_unavailable_text(std::string_view name) {
  return "The credential of the provider " + message_quote(name) +
         " could not be read from where it is kept; the operator finds the reason in Weir's log.";
}

std::string provider_type_canonical(std::string_view type) {
  std::string name(type);
  std::replace(name.begin(), name.end(), '_', '-');
  if (name == "watsonx-ai" || name == "watsonx") return "watsonxai";
  if (name == "cerebas") return "cerebras";
  return name;
}

const Adapter* adapter_named(std::span<const Adapter* const> adapters, std::string_view type) {
  const std::string wanted = provider_type_canonical(type);
  for (const Adapter* adapter : adapters) {
    if (provider_type_canonical(adapter->name) == wanted) return adapter;
  }
  return nullptr;
}

void providers_check(const ConfigOptions& options, Config* config, ConfigProblems* problems) {
  std::set<std::pair<std::string, std::string>> seen;
  for (ProviderConfig& provider : config->providers) {
    if (!provider.name.empty() && !seen.emplace(provider.tenant, provider.name).second) {
      problems->error(provider.at, provider.path + ".name",
                      "duplicate provider " + message_quote(provider.name));
    }
    provider_settle(options, config->deny_private_upstreams, &provider, problems);
  }
}

}  // namespace weir
