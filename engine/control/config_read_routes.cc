// providers, models and load_balancers: what requests are routed to.
#include <algorithm>

#include "control/config_read.h"
#include "control/config_reference.h"

namespace weir {

namespace {

constexpr uint32_t kNoTimeoutMs = 15u * 86'400'000u;
constexpr uint32_t kMaxPriority = 1'000'000;

// Lower case without '_' and '-': the spelling in which credential fields are compared.
std::string field_fold(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '_' || c == '-') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

constexpr std::string_view kDataFields[] = {
    "apikey",        "base_url",           "auth_url",       "api_version",
    "project_id",    "space_id",           "resource_name",  "resource_group_name",
    "subscription_id", "account_name",     "access_key_id",  "secret_access_key",
    "session_token", "region",             "host"};
bool is_reference(std::string_view text) {
  const auto parsed = reference_parse(text);
  return !parsed || parsed->kind != SecretReference::Kind::kValue;
}

void data_member_read(ConfigReader& data, const ConfigMember& member, std::string_view field,
                      ProviderConfig* out) {
  Secret value;
  if (!data.expect_scalar(member.value, member.key, "text")) return;
  // What is no secret stands in clear without a warning.
  if (provider_data_is_secret(field) || is_reference(member.value.text)) {
    data.secret_read(member.value, member.key, &value, true);
  } else {
    value = Secret(member.value.text);
  }
  if (field == "apikey") {
    out->api_key = std::move(value);
  } else if (field == "base_url") {
    out->base_url = value.reveal();
    out->base_url_reference = value.reference();
  } else {
    out->data.emplace_back(field, std::move(value));
  }
}

void data_read(ConfigReader& provider, ProviderConfig* out) {
  const ConfigNode* node = provider.take("data");
  if (node == nullptr) return;
  ConfigReader data(provider.context(), *node, provider.path_of("data"));
  std::vector<std::string_view> seen;
  for (const ConfigMember& member : data.members()) {
    const std::string_view field = provider_data_field(member.key);
    if (field.empty()) continue;  // finish() reports it
    if (std::find(seen.begin(), seen.end(), field) != seen.end()) {
      data.error(member.value, member.key, "the same as " + message_quote(field) + " above");
      continue;
    }
    seen.push_back(field);
    data.take(member.key);
    data_member_read(data, member, field, out);
  }
  for (const std::string_view field : kDataFields) data.take(field);
  data.finish();
}

// Read when the provider is first used, and from time to time; only its form is judged here, and
// whether there is such a file or variable.
void data_reference_read(ConfigReader& provider, ProviderConfig* out) {
  const ConfigNode* node = provider.take("data_reference");
  if (node == nullptr) return;
  ConfigContext& context = provider.context();
  ConfigReader reader(context, *node, provider.path_of("data_reference"));
  const ConfigNode* resource = reader.need("resource");
  if (resource != nullptr && reader.expect_scalar(*resource, "resource", "a reference")) {
    const auto parsed = reference_parse(resource->text, true);
    if (!parsed) {
      reader.error(*resource, "resource", parsed.error());
    } else if (parsed->kind == SecretReference::Kind::kValue) {
      reader.error(*resource, "resource", "needs to be env:NAME, file:PATH, vault:PATH or a CRN");
    } else if (parsed->is_remote()) {
      out->data_reference = resource->text;
    } else {
      const bool is_file = parsed->kind == SecretReference::Kind::kFile;
      out->data_reference =
          is_file ? "file:" + path_join(context.folder, parsed->place) : resource->text;
      if (context.resolve_secrets) {
        if (const auto read = secret_resolve(out->data_reference, ""); !read) {
          reader.error(*resource, "resource", read.error());
        }
      }
    }
  }
  reader.finish();
  if (provider.take("data") != nullptr) {
    provider.error(*node, "data_reference", "takes the place of \"data\"; give one of them");
  }
}

void timeout_read(ConfigReader& timeouts, std::string_view field, uint32_t* out) {
  timeouts.get_duration(field, 0, out);
  if (*out == 0) *out = kNoTimeoutMs;
}

void timeouts_read(ConfigReader& provider, ProviderTimeouts* out) {
  const ConfigNode* node = provider.take("timeouts");
  if (node == nullptr) return;
  ConfigReader timeouts(provider.context(), *node, provider.path_of("timeouts"));
  timeout_read(timeouts, "connect", &out->connect_ms);
  timeout_read(timeouts, "head", &out->head_ms);
  timeout_read(timeouts, "idle", &out->idle_ms);
  timeouts.get_duration("total", 0, &out->total_ms);
  timeouts.finish();
}

void tls_read(ConfigReader& provider, ProviderConfig* out) {
  const ConfigNode* node = provider.take("tls");
  if (node == nullptr) return;
  ConfigContext& context = provider.context();
  ConfigReader tls(context, *node, provider.path_of("tls"));
  tls.get_text("ca_file", &out->ca_file);
  const ConfigNode* inline_pem = tls.take("ca_pem");
  if (inline_pem != nullptr && tls.expect_scalar(*inline_pem, "ca_pem", "text")) {
    out->ca_pem = inline_pem->text;
    if (!out->ca_file.empty()) {
      tls.error(*inline_pem, "ca_pem", "takes the place of \"ca_file\"; give one of them");
    } else if (const char* problem = pem_problem(out->ca_pem)) {
      tls.error(*inline_pem, "ca_pem", problem);
    }
  }
  if (!out->ca_file.empty()) {
    out->ca_file = path_join(context.folder, out->ca_file);
    auto pem = pem_read(out->ca_file);
    if (pem) {
      out->ca_pem = std::move(*pem);
    } else {
      tls.error(*tls.take("ca_file"), "ca_file", pem.error());
    }
  }
  tls.finish();
}

bool is_token(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

void headers_read(ConfigReader& provider, ProviderConfig* out) {
  const ConfigNode* node = provider.take("headers");
  if (node == nullptr) return;
  ConfigReader headers(provider.context(), *node, provider.path_of("headers"));
  static constexpr std::string_view kReserved[] = {
      "host", "contentlength", "transferencoding", "connection", "te", "trailer", "upgrade",
      "expect", "keepalive", "proxyauthorization", "proxyconnection", "http2settings"};
  for (const ConfigMember& member : headers.members()) {
    const std::string folded = field_fold(member.key);
    if (!is_token(member.key)) {
      headers.error(member.value, "", "the field name " + message_quote(member.key) +
                                          " may not stand in HTTP");
    } else if (std::find(std::begin(kReserved), std::end(kReserved), folded) !=
               std::end(kReserved)) {
      headers.error(member.value, member.key, "is a field that Weir sets itself");
    } else {
      Secret value;
      const bool looks_secret = folded.find("auth") != std::string::npos ||
                                folded.find("key") != std::string::npos ||
                                folded.find("token") != std::string::npos;
      const std::string& text = member.value.text;
      if (looks_secret || is_reference(text) || member.value.kind != ConfigNode::Kind::kScalar) {
        headers.secret_read(member.value, member.key, &value, true);
      } else {
        value = Secret(text);
      }
      out->headers.emplace_back(member.key, std::move(value));
    }
  }
  for (const auto& [name, value] : out->headers) {
    for (const char c : value.reveal()) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        headers.error_here("the value of " + message_quote(name) + " holds a control byte");
        break;
      }
    }
  }
}

// Leaves of a map as text, their names joined by dots.
void pairs_flatten(ConfigReader& reader, const ConfigNode& node, const std::string& prefix,
                   TextPairs* out) {
  for (const ConfigMember& member : node.members) {
    const std::string name = prefix.empty() ? member.key : prefix + "." + member.key;
    if (member.value.kind == ConfigNode::Kind::kMap) {
      pairs_flatten(reader, member.value, name, out);
    } else if (member.value.kind == ConfigNode::Kind::kList) {
      std::string joined;
      for (const ConfigNode& item : member.value.items) {
        joined += (joined.empty() ? "" : ",") + item.text;
      }
      out->emplace_back(name, joined);
    } else if (reader.expect_scalar(member.value, name, "text")) {
      out->emplace_back(name, member.value.text);
    }
  }
}

void pairs_read(ConfigReader& owner, std::string_view field, TextPairs* out) {
  const ConfigNode* node = owner.take(field);
  if (node == nullptr) return;
  ConfigReader pairs(owner.context(), *node, owner.path_of(field));
  pairs_flatten(pairs, *node, "", out);
}

std::string base64_encode(std::string_view text) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < text.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0u);
    }
    for (size_t j = 0; j < 4; ++j) {
      out += i + j <= text.size() ? kDigits[bits >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

// The value may be a reference, since it may hold a password.
void proxy_read(ConfigReader& provider, ProxyConfig* out) {
  const ConfigNode* node = provider.take("proxy");
  if (node == nullptr || !provider.expect_scalar(*node, "proxy", "a URL")) return;
  auto text = secret_resolve(node->text, provider.context().folder);
  if (!text) {
    provider.error(*node, "proxy", text.error());
    return;
  }
  if (text->value.empty()) {
    provider.error(*node, "proxy", "cannot come from a vault; use env:NAME or file:PATH");
    return;
  }
  const auto url = proxy_url_parse(text->value.reveal());
  if (!url) {
    provider.error(*node, "proxy", url.error());
    return;
  }
  out->host = url->host;
  out->port = url->port;
  if (url->userinfo.empty()) return;
  out->authorization = Secret("Basic " + base64_encode(url->userinfo));
  if (text->in_clear) provider.warn(*node, "proxy", "a password in clear; use env: or file:");
}

void environment_read(ConfigReader& reader, std::string* out) {
  if (const int choice = reader.get_choice("environment", {kProduction, kSandbox}); choice >= 0) {
    *out = choice == 0 ? kProduction : kSandbox;
  }
}

// The model's own field goes before the one in its metadata.
void metadata_count(ConfigReader& metadata, std::string_view field, uint32_t lowest,
                    uint32_t highest, std::optional<uint32_t>* out) {
  if (!out->has_value()) metadata.get_weight(field, lowest, highest, out);
}

}  // namespace

std::string_view provider_data_field(std::string_view key) {
  const std::string folded = field_fold(key);
  for (const std::string_view field : kDataFields) {
    if (field_fold(field) == folded) return field;
  }
  return {};
}

bool provider_data_is_secret(std::string_view field) {
  return field == "apikey" || field == "secret_access_key" || field == "session_token";
}

void provider_read(ConfigContext& context, const ConfigNode& node, std::string path,
                   ProviderConfig* out) {
  ConfigReader provider(context, node, std::move(path));
  if (const ConfigNode* name = provider.need("name")) {
    provider.get_name("name", &out->name);
    // A slash would make provider/id ambiguous.
    if (out->name.find('/') != std::string::npos) {
      provider.error(*name, "name", "a provider's name may not hold a slash");
    }
  }
  if (provider.need("type") != nullptr) provider.get_text("type", &out->type);
  provider.get_name("tenant", &out->tenant);
  data_read(provider, out);
  data_reference_read(provider, out);
  timeouts_read(provider, &out->timeouts);
  tls_read(provider, out);
  headers_read(provider, out);
  pairs_read(provider, "options", &out->options);
  proxy_read(provider, &out->proxy);
  provider.get_count("max_connections", 1, 1'000'000, &out->max_connections);
  provider.get_count("max_waiting", 0, 10'000'000, &out->max_waiting);
  if (const int choice = provider.get_choice("auth_errors", {"mask", "passthrough"}); choice >= 0) {
    out->mask_auth_errors = choice == 0;
  }
  provider.get_flag("strict_params", &out->strict_params);
  provider.finish();
}

void model_read(ConfigContext& context, const ConfigNode& node, std::string path,
                ModelConfig* out) {
  ConfigReader model(context, node, std::move(path));
  if (model.need("provider") != nullptr) model.get_name("provider", &out->provider);
  if (model.need("id") != nullptr) model.get_name("id", &out->id);
  model.get_name("alias", &out->alias);
  model.get_name("tenant", &out->tenant);
  environment_read(model, &out->environment);
  model.get_weight("weight", 1, ModelConfig::kMaxWeight, &out->weight);
  model.get_weight("priority", 0, kMaxPriority, &out->priority);
  if (const ConfigNode* value = model.take("metadata")) {
    ConfigReader metadata(context, *value, model.path_of("metadata"));
    metadata_count(metadata, "weight", 1, ModelConfig::kMaxWeight, &out->weight);
    metadata_count(metadata, "priority", 0, kMaxPriority, &out->priority);
    pairs_flatten(metadata, *value, "", &out->metadata);
  }
  model.finish();
}

void balancer_read(ConfigContext& context, const ConfigNode& node, std::string path,
                   BalancerConfig* out) {
  ConfigReader balancer(context, node, std::move(path));
  if (balancer.need("alias") != nullptr) balancer.get_name("alias", &out->alias);
  balancer.get_name("name", &out->name);
  balancer.get_name("tenant", &out->tenant);
  environment_read(balancer, &out->environment);
  static constexpr Algorithm kAlgorithms[] = {
      Algorithm::kRoundRobin,    Algorithm::kWeightedRoundRobin, Algorithm::kLeastInflight,
      Algorithm::kLeastInflight, Algorithm::kPriority,           Algorithm::kPriority};
  if (const int choice = balancer.get_choice(
          "algorithm", {"round_robin", "weighted_round_robin", "least_connections",
                        "least_inflight", "quota_priority", "priority"});
      choice >= 0) {
    out->algorithm = kAlgorithms[choice];
  }
  balancer.get_duration_or_seconds("suspend_duration", &out->suspend_ms);
  balancer.get_count("max_attempts", 1, 16, &out->max_attempts);
  balancer.each("backends", [&](const ConfigNode& item, std::string item_path) {
    BackendConfig backend;
    backend.at = item.at;
    backend.path = item_path;
    ConfigReader reader(context, item, std::move(item_path));
    if (reader.need("model") != nullptr) reader.get_name("model", &backend.model);
    reader.get_weight("weight", 1, ModelConfig::kMaxWeight, &backend.weight);
    reader.get_weight("priority", 0, kMaxPriority, &backend.priority);
    reader.finish();
    out->backends.push_back(std::move(backend));
  });
  balancer.finish();
}

}  // namespace weir
