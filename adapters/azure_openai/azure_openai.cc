#include "adapters/azure_openai/azure_openai.h"

#include <algorithm>
#include <charconv>

#include "adapters/azure_openai/errors.h"
#include "adapters/common/compat.h"
#include "adapters/common/openai_family.h"
#include "adapters/common/openai_request.h"
#include "adapters/common/stream_repair.h"
#include "json/json_write.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr std::string_view kDefaultVersion = "2024-10-21";
constexpr std::string_view kDeployments = "deployments.";
// Fields of the provider's data that say where it is, and for whom.
constexpr std::string_view kDataFields[] = {"api_version", "resource_name", "resource_group_name",
                                            "subscription_id", "account_name"};

std::unexpected<Error> config_error(std::string_view message, std::string_view param) {
  return std::unexpected(Error{Errc::kConfig, message, param});
}

bool has_header(const Provider& provider, std::string_view lower) {
  return std::any_of(provider.headers.begin(), provider.headers.end(), [&](const auto& header) {
    return std::equal(header.first.begin(), header.first.end(), lower.begin(), lower.end(),
                      [](char a, char b) { return (a | 0x20) == (b | 0x20); });
  });
}

// One segment of a path: all but unreserved characters as %XX.
std::string segment(std::string_view name) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    out += '%';
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

Result<void> options_check(const Provider& provider) {
  Provider others = provider;
  std::erase_if(others.options,
                [](const auto& option) { return option.first.starts_with(kDeployments); });
  return quirks_check(others, kDataFields);
}

// The head of a request to `path` (which has no query yet).
Result<void> head_make(const Provider& provider, const AzureAddress& address, std::string_view path,
                       Endpoint endpoint, std::string* head) {
  Provider shown = provider;
  shown.base_path = address.prefix;
  const bool own_key = has_header(provider, "api-key") || has_header(provider, "authorization");
  // The common form checks the key and everything else; only the field it goes into differs.
  if (own_key) shown.credential.clear();
  if (auto done = openai_prepare({shown, {}, endpoint}, head); !done) return done;
  if (!shown.credential.empty()) {
    constexpr std::string_view kBearer = "Authorization: Bearer ";
    head->replace(head->find(kBearer), kBearer.size(), "api-key: ");
  }
  std::string line = "POST " + address.prefix + std::string(path);
  if (!address.version.empty()) line += "?api-version=" + address.version;
  head->replace(0, head->find("\r\n"), line + " HTTP/1.1");
  return {};
}

Result<void> prepare(const PrepareInput& input, std::string* head) {
  if (auto checked = options_check(input.provider); !checked) return checked;
  const auto address = azure_address_make(input.provider);
  if (!address) return std::unexpected(address.error());
  std::string path(openai_path(input.endpoint));
  if (!address->v1) {
    const std::string_view deployment = azure_deployment(input.provider, input.model);
    path = "/deployments/" + segment(deployment) + path;
  }
  return head_make(input.provider, *address, path, input.endpoint, head);
}

Result<void> list_request(const ListInput& input, ListRequest* out) {
  const auto address = azure_address_make(input.provider);
  if (!address) return std::unexpected(address.error());
  auto done = head_make(input.provider, *address, "/models", Endpoint::kChat, &out->head);
  if (done) out->head.replace(0, 4, "GET");
  return done;
}

// What the version of the API knows; versions are dates, so the words compare.
bool version_has(const Provider& provider, std::string_view since) {
  const bool v1 = provider.base_path.ends_with("/openai/v1");
  std::string_view version = provider.option("api_version");
  if (v1) return true;
  if (version.empty()) version = kDefaultVersion;
  return version.substr(0, since.size()) >= since;
}

Quirks quirks_of(const Call& call) {
  const Provider& provider = *call.target.provider;
  using enum Quirks::CapField;
  Quirks base;
  base.stream_options = version_has(provider, "2024-09-01");
  base.cap_field = !base.stream_options                           ? kMaxTokens
                   : openai_is_reasoning_model(call.target.model) ? kMaxCompletionTokens
                                                                  : kAsSent;
  base.parallel_tool_calls = version_has(provider, "2024-08-01");
  base.rename_reasoning = false;
  base.strip_nulls = false;
  base.filter_results = true;
  return quirks_read(provider, base);
}

constexpr ParamRule kOldVersion[] = {{"parallel_tool_calls", ParamAction::kDrop,
                                      "the api_version is older than 2024-08-01", "true"}};

Result<void> next(Call& call, Step* step) {
  const Provider& provider = *call.target.provider;
  const Quirks quirks = quirks_of(call);
  std::span<const ParamRule> rules;
  if (!quirks.parallel_tool_calls) rules = kOldVersion;
  BodyEdits edits(call.request, call.arena);
  if (auto done = compat_edits(call, quirks, rules, &edits); !done) return done;
  if (!openai_tools_edit(call, &edits)) return too_many_edits();
  const std::string_view deployment = azure_deployment(provider, call.target.model);
  if (deployment != call.target.model) {
    edits.replace(Field::kModel, json_quote(deployment, call.arena));
  }
  return openai_send(call, edits, step);
}

Result<void> transform_response(Call& call, const Reply& in, SliceList* out, StreamFacts* facts) {
  return compat_response(call, quirks_of(call), in, out, facts);
}

Result<void> transform_stream(Call& call, StreamPhase phase, std::string_view in, SliceList* out,
                              StreamFacts* facts) {
  return stream_repair(call, quirks_of(call), phase, in, out, facts);
}

}  // namespace

Result<AzureAddress> azure_address_make(const Provider& provider) {
  AzureAddress address;
  address.prefix = provider.base_path;
  address.version = provider.option("api_version");
  address.v1 = address.prefix.ends_with("/openai/v1");
  if (!address.v1 && !address.prefix.ends_with("/openai")) address.prefix += "/openai";
  if (!address.v1 && address.version.empty()) address.version = kDefaultVersion;
  const bool plain = std::all_of(address.version.begin(), address.version.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
  });
  if (!plain) return config_error("api_version is a date such as 2024-10-21", "data.api_version");
  return address;
}

std::string_view azure_deployment(const Provider& provider, std::string_view model) {
  for (const auto& [name, value] : provider.options) {
    const std::string_view key = name;
    if (key.starts_with(kDeployments) && key.substr(kDeployments.size()) == model) return value;
  }
  return model;
}

constexpr Adapter kAzureOpenaiAdapter = {
    .size = sizeof(Adapter),
    .name = "azure-openai",
    .endpoints = endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kCompletions) |
                 endpoint_bit(Endpoint::kEmbeddings),
    .local = false,
    .prepare = prepare,
    .next = next,
    .inspect = nullptr,
    .transform_response = transform_response,
    .transform_stream = transform_stream,
    .map_error = azure_map_error,
    .list_request = list_request,
    .list_models = nullptr,
};

}  // namespace weir
