#include "control/api/provider_body.h"

#include <algorithm>

#include "control/api/api_body.h"
#include "control/config_check.h"
#include "control/config_read.h"
#include "control/config_reference.h"
#include "control/config_vaults.h"

namespace weir {

namespace {

constexpr size_t kMaxDataFields = 64;
constexpr size_t kMaxDataBytes = 64 * 1024;
constexpr std::string_view kMask = "****";

// Letters, digits, "-()[]", and single spaces between them: names that every client can spell.
bool name_allowed(std::string_view name) {
  if (name.empty() || name.size() > 128 || name.front() == ' ' || name.back() == ' ') return false;
  char before = 0;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("-()[]").find(c) != std::string_view::npos;
    if (!plain && (c != ' ' || before == ' ')) return false;
    before = c;
  }
  return true;
}

bool is_reference(std::string_view text) {
  const auto parsed = reference_parse(text);
  return parsed && parsed->kind != SecretReference::Kind::kValue;
}

bool access_refuse(ManagementCall& call, const std::string& param, const std::string& why) {
  api_fail(call, 403, "access_denied", param + ": " + why, param);
  return false;
}

// A secret goes wherever its provider's base_url points, so other tenants refer to what the
// operator has granted and to nothing else.
bool may_refer(const ApiCall& made, std::string_view text, const std::string& param) {
  ManagementCall& call = *made.call;
  if (call.tenant == kDefaultTenant || !is_reference(text)) return true;
  if (made.secrets != nullptr && made.secrets->may_refer(call.tenant, text)) return true;
  return access_refuse(call, param,
                       "this tenant may not refer to " + message_quote(text) +
                           "; send the value itself, or ask the operator for a line in "
                           "secrets.allow of the configuration");
}

// What is read once, when it is sent, is copied: no grant could be taken back.
bool copies_allowed(ManagementCall& call, const ConfigNode& body) {
  if (call.tenant == kDefaultTenant) return true;
  const ConfigNode* tls = node_find(body, "tls");
  if (tls != nullptr && node_find(*tls, "ca_file") != nullptr) {
    return access_refuse(call, "tls.ca_file",
                         "files are for the tenant default; send the text as ca_pem");
  }
  const ConfigNode* proxy = node_find(body, "proxy");
  if (proxy == nullptr || !is_reference(proxy->text)) return true;
  return access_refuse(call, "proxy",
                       "references are for the tenant default here; send the value itself");
}

// A value that was shown masked and comes back so means the old one.
const Secret* unmasked(const SecretPairs& old, std::string_view field, std::string_view text) {
  for (const auto& [name, value] : old) {
    if (name == field && secret_shown(value) == text) return &value;
  }
  return nullptr;
}

bool shown_in_clear(std::string_view field) {
  return !provider_data_field(field).empty() && !provider_data_is_secret(field);
}

bool data_member_take(ApiCall& made, const ConfigMember& member, const SecretPairs& old,
                      SecretPairs* out) {
  ManagementCall& call = *made.call;
  const std::string param = "data." + member.key;
  const std::string_view known = provider_data_field(member.key);
  const std::string field(known.empty() ? member.key : known);
  const std::string& text = member.value.text;
  const auto refuse = [&](const char* why) {
    api_refuse(call, param + ": " + why, param);
    return false;
  };
  if (name_problem(field) != nullptr) return refuse("is no name of a field");
  // What is not known is kept where it is text, and means nothing.
  if (member.value.kind != ConfigNode::Kind::kScalar) return refuse("needs to be text");
  if (text.size() > kMaxDataBytes) return refuse("is longer than 64 KiB");
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control) return refuse("holds a control byte");
  for (const auto& [name, value] : *out) {
    if (name == field) return refuse("is the same as another field");
  }
  if (text.empty()) return true;
  if (const auto parsed = reference_parse(text); !parsed) return refuse(parsed.error());
  if (!may_refer(made, text, param)) return false;
  if (text.starts_with(kMask) && !shown_in_clear(field)) {
    const Secret* kept = unmasked(old, field, text);
    if (kept == nullptr) return refuse("is a masked value; send the secret itself");
    out->emplace_back(field, *kept);
    return true;
  }
  out->emplace_back(field, Secret(text));
  return true;
}

bool data_take(ApiCall& made, const ConfigNode& data, ProviderObject* provider) {
  ManagementCall& call = *made.call;
  if (data.kind != ConfigNode::Kind::kMap) {
    api_refuse(call, "data: needs to be an object", "data");
    return false;
  }
  if (data.members.size() > kMaxDataFields) {
    api_refuse(call, "data: has more than 64 fields", "data");
    return false;
  }
  SecretPairs pairs;
  for (const ConfigMember& member : data.members) {
    if (!data_member_take(made, member, provider->data, &pairs)) return false;
  }
  provider->data = std::move(pairs);
  provider->reference.clear();
  return true;
}

bool reference_take(ApiCall& made, const ConfigNode& node, ProviderObject* provider) {
  const std::string param = "data_reference.resource";
  const auto refuse = [&](std::string_view why) {
    api_refuse(*made.call, param + ": " + std::string(why), param);
    return false;
  };
  const ConfigNode* resource =
      node.kind == ConfigNode::Kind::kMap ? node_find(node, "resource") : nullptr;
  if (resource == nullptr || resource->kind != ConfigNode::Kind::kScalar) {
    return refuse("needs to be text");
  }
  constexpr size_t kMaxReference = 2048;
  const std::string& text = resource->text;
  if (text.size() > kMaxReference) return refuse("is longer than 2048 bytes");
  const auto parsed = reference_parse(text, true);
  if (!parsed) return refuse(parsed.error());
  if (parsed->kind == SecretReference::Kind::kValue) {
    return refuse("needs to be a CRN, vault:PATH, env:NAME or file:PATH");
  }
  if (!may_refer(made, text, param)) return false;
  if (!parsed->is_remote()) {
    if (const auto read = secret_resolve(text, ""); !read) return refuse(read.error());
  }
  provider->data.clear();
  provider->reference = text;
  return true;
}

bool credentials_take(ApiCall& made, ConfigNode* body, ProviderObject* provider) {
  ManagementCall& call = *made.call;
  const auto data = node_take(body, "data");
  const auto reference = node_take(body, "data_reference");
  const bool local = provider_type_canonical(provider->config.type) == "loopback";
  if (data && reference) {
    api_refuse(call, "data_reference: takes the place of data; send one of them", "data_reference");
    return false;
  }
  if (reference) return reference_take(made, *reference, provider);
  if (data) return data_take(made, *data, provider);
  if (local) return true;
  api_refuse(call, "data: needs the credentials, or data_reference where they are", "data");
  return false;
}

// References are read later, and again; so the text is what is kept. headers_may_refer() and
// provider_read() have judged it.
bool headers_keep(ManagementCall& call, const ConfigNode& headers, const SecretPairs& old,
                  SecretPairs* out) {
  out->clear();
  for (const ConfigMember& member : headers.members) {
    const std::string& text = member.value.text;
    const bool masked = text.starts_with(kMask);
    const Secret* kept = masked ? unmasked(old, member.key, text) : nullptr;
    if (masked && kept == nullptr) {
      const std::string param = "headers." + member.key;
      api_refuse(call, param + ": is a masked value; send the value itself", param);
      return false;
    }
    out->emplace_back(member.key, kept != nullptr ? *kept : Secret(text));
  }
  return true;
}

// Puts the password back that was shown masked.
bool proxy_keep(ManagementCall& call, const ConfigNode& sent, const ProxyConfig& old,
                ProxyConfig* proxy) {
  if (sent.text.find(std::string(kMask) + "@") == std::string::npos) return true;
  if (sent.text == proxy_shown(old)) {
    *proxy = old;
    return true;
  }
  api_refuse(call, "proxy: has a masked password; send the password itself", "proxy");
  return false;
}

bool settings_take(ApiCall& made, ConfigNode body, ProviderObject* provider) {
  ManagementCall& call = *made.call;
  ProviderConfig& config = provider->config;
  const SecretPairs old_headers = config.headers;
  const ProxyConfig old_proxy = config.proxy;
  const ConfigNode* headers = node_find(body, "headers");
  const ConfigNode* proxy = node_find(body, "proxy");
  if (headers != nullptr) config.headers.clear();
  if (proxy != nullptr) config.proxy = {};
  if (node_find(body, "options") != nullptr) config.options.clear();
  if (node_find(body, "tls") != nullptr) {
    config.ca_file.clear();
    config.ca_pem.clear();
  }
  ConfigProblems problems;
  ConfigContext context{.problems = &problems, .folder = {}, .resolve_secrets = true};
  provider_read(context, body, "", &config);
  if (problems_fail(call, problems)) return false;
  if (headers != nullptr && !headers_keep(call, *headers, old_headers, &config.headers)) {
    return false;
  }
  return proxy == nullptr || proxy_keep(call, *proxy, old_proxy, &config.proxy);
}

// Before anything is read from this machine.
bool headers_may_refer(const ApiCall& made, const ConfigNode& body) {
  const ConfigNode* headers = node_find(body, "headers");
  if (headers == nullptr) return true;
  return std::all_of(headers->members.begin(), headers->members.end(), [&](const auto& member) {
    return may_refer(made, member.value.text, "headers." + member.key);
  });
}

}  // namespace

bool provider_take(ApiCall& made, std::string_view type, ProviderObject* provider) {
  ManagementCall& call = *made.call;
  auto body = body_read(call);
  if (!body || !copies_allowed(call, *body) || !headers_may_refer(made, *body)) return false;
  shown_drop(&*body, {"uuid", "id", "created", "managed_by", "models"});
  node_take(&*body, "description");  // some clients have it; nobody shows it
  const auto said = node_take(&*body, "type");
  if (said && provider_type_canonical(said->text) != provider_type_canonical(type)) {
    api_refuse(call, "type: is another one than the path says", "type");
    return false;
  }
  provider->config.type = type;
  if (!credentials_take(made, &*body, provider)) return false;
  node_set(&*body, "type", type);
  if (!settings_take(made, std::move(*body), provider)) return false;
  const auto refers = [](const auto& pair) { return is_reference(pair.second.reveal()); };
  const SecretPairs& headers = provider->config.headers;
  provider->needs_resolving =
      !provider->reference.empty() ||
      std::any_of(provider->data.begin(), provider->data.end(), refers) ||
      std::any_of(headers.begin(), headers.end(), refers);
  if (name_allowed(provider->config.name)) return true;
  api_refuse(call,
             "name: may hold letters, digits, hyphens, brackets and single spaces between them",
             "name");
  return false;
}

std::string secret_shown(const Secret& secret) {
  if (!secret.reference().empty()) return secret.reference();
  const std::string& value = secret.reveal();
  if (is_reference(value)) return value;
  constexpr size_t kShown = 4, kLongEnough = 12;
  std::string out(kMask);
  if (value.size() >= kLongEnough) out.append(value, value.size() - kShown);
  return out;
}

std::string data_shown(std::string_view field, const Secret& value) {
  const bool clear = shown_in_clear(field) && value.reference().empty();
  return clear ? value.reveal() : secret_shown(value);
}

std::string proxy_shown(const ProxyConfig& proxy) {
  if (proxy.host.empty()) return {};
  const bool v6 = proxy.host.find(':') != std::string::npos;
  return "http://" + std::string(proxy.authorization.given() ? kMask : "") +
         (proxy.authorization.given() ? "@" : "") + (v6 ? "[" + proxy.host + "]" : proxy.host) +
         ":" + std::to_string(proxy.port);
}

}  // namespace weir
