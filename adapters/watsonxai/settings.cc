#include "adapters/watsonxai/settings.h"

#include <algorithm>
#include <charconv>

#include "adapters/common/arena_text.h"
#include "adapters/common/openai_request.h"
#include "adapters/common/param_policy.h"
#include "route/target.h"

namespace weir::watsonx {

namespace {

constexpr std::string_view kDefaultVersion = "2025-02-11";
constexpr std::string_view kDeployment = "deployment/";
constexpr std::string_view kVersionQuery = "?version=";
constexpr std::string_view kBothAccepted = "Accept: application/json, text/event-stream\r\n";
constexpr size_t kMaxScopeId = 128;
constexpr int64_t kMaxDefaultCap = 10'000'000;

// The members of `data` that providers of any type may have, and the options of this one.
constexpr std::string_view kKnown[] = {
    "auth_url",       "api_version",       "project_id",    "space_id",
    "resource_name",  "resource_group_name", "subscription_id", "account_name",
    "access_key_id",  "secret_access_key", "session_token", "region",
    "host",           "auth",              "username",      "default_max_tokens"};

std::unexpected<Error> config_error(std::string_view message, std::string_view param) {
  return std::unexpected(Error{Errc::kConfig, message, param});
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_date(std::string_view text) {
  if (text.size() != 10) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i == 4 || i == 7 ? text[i] != '-' : !is_digit(text[i])) return false;
  }
  return true;
}

bool is_deployment_id(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
  });
}

bool same_name(std::string_view sent, std::string_view lower) {
  return std::equal(sent.begin(), sent.end(), lower.begin(), lower.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == y;
  });
}

bool has_header(const Provider& provider, std::string_view lower) {
  return std::any_of(provider.headers.begin(), provider.headers.end(),
                     [&](const auto& header) { return same_name(header.first, lower); });
}

Auth auth_read(const Provider& provider) {
  if (provider.credential.empty() || has_header(provider, "authorization")) return Auth::kNone;
  const std::string_view named = provider.option("auth");
  if (named == "cpd") return Auth::kCpd;
  if (named == "zen") return Auth::kZen;
  if (named == "bearer") return Auth::kBearer;
  if (named.empty() && provider.option("auth_url").find("/icp4d-api/") != std::string_view::npos) {
    return Auth::kCpd;
  }
  return Auth::kIam;
}

// -2 when the text is no cap.
int64_t default_cap_read(std::string_view text) {
  if (text.empty()) return 0;
  if (text == "none") return -1;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && number >= 0 && number <= kMaxDefaultCap ? number : -2;
}

Result<void> auth_check(const Provider& provider, const Settings& settings) {
  const std::string_view named = provider.option("auth");
  if (!named.empty() && named != "iam" && named != "cpd" && named != "zen" && named != "bearer") {
    return config_error("auth must be iam, cpd, zen or bearer", "options.auth");
  }
  const bool needs_user = settings.auth == Auth::kCpd || settings.auth == Auth::kZen;
  if (needs_user && settings.username.empty()) {
    return config_error("an installation on premises needs the option username", "options");
  }
  const std::string_view url = provider.option("auth_url");
  const bool plain =
      std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (url.empty() || (plain && (url.starts_with("https://") || url.starts_with("http://")))) {
    return {};
  }
  return config_error("auth_url must begin with https:// or http://", "data.auth_url");
}

std::string_view endpoint_path(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kChat:
      return "/text/chat";
    case Endpoint::kCompletions:
      return "/text/generation";
    case Endpoint::kEmbeddings:
      return "/text/embeddings";
  }
  return {};
}

std::string_view field_of(const Call& call, std::string_view name) {
  for (const HeaderField& field : call.client_fields) {
    if (field.name == name) return field.value;
  }
  return {};
}

std::string_view member_make(std::string_view key, std::string_view id, Arena& arena) {
  ArenaText text(arena, key.size() + id.size() + 8);
  return text.add("\"").add(key).add("\":").add_quoted(id).view();
}

}  // namespace

Settings settings_read(const Provider& provider) {
  Settings settings;
  settings.auth = auth_read(provider);
  settings.version = provider.option("api_version");
  if (settings.version.empty()) settings.version = kDefaultVersion;
  settings.project_id = provider.option("project_id");
  if (settings.project_id.empty()) settings.space_id = provider.option("space_id");
  settings.username = provider.option("username");
  settings.default_max_tokens = default_cap_read(provider.option("default_max_tokens"));
  return settings;
}

Result<void> settings_check(const Provider& provider) {
  for (const auto& [name, value] : provider.options) {
    if (params_option_known(name)) continue;
    if (std::find(std::begin(kKnown), std::end(kKnown), name) == std::end(kKnown)) {
      return config_error(
          "providers of type watsonxai know the options auth, username, default_max_tokens, "
          "pass_params and drop_params",
          "options");
    }
  }
  const Settings settings = settings_read(provider);
  if (!is_date(settings.version)) {
    return config_error("api_version must be a date, such as 2025-02-11", "data.api_version");
  }
  if (settings.default_max_tokens == -2) {
    return config_error("must be a number of tokens, 0 for the model's maximum, or none",
                        "options.default_max_tokens");
  }
  if (!settings.project_id.empty() && !is_scope_id(settings.project_id)) {
    return config_error("must be an id without control characters", "data.project_id");
  }
  if (!settings.space_id.empty() && !is_scope_id(settings.space_id)) {
    return config_error("must be an id without control characters", "data.space_id");
  }
  return auth_check(provider, settings);
}

std::string_view deployment_of(std::string_view model) {
  return model.starts_with(kDeployment) ? model.substr(kDeployment.size()) : std::string_view{};
}

std::string_view root_path(const Provider& provider) {
  std::string_view path = provider.base_path;
  if (path.ends_with("/ml/v1")) path.remove_suffix(6);
  return path;
}

bool is_scope_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxScopeId &&
         std::none_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte < 0x20 || byte == 0x7f;
         });
}

Result<void> head_prepare(const PrepareInput& input, std::string* head) {
  const Provider& provider = input.provider;
  if (auto checked = settings_check(provider); !checked) return checked;
  // The common form checks what may stand in a head, the credential included.
  if (auto checked = openai_prepare(input, head); !checked) return checked;
  const Settings settings = settings_read(provider);
  const std::string_view deployment = deployment_of(input.model);
  const bool deployed = input.model.starts_with(kDeployment);
  head->clear();
  if (deployed && !is_deployment_id(deployment)) {
    return config_error("a deployment's id may hold letters, digits, hyphens and underscores",
                        "models");
  }
  if (!deployed && settings.project_id.empty() && settings.space_id.empty()) {
    return config_error("watsonx.ai needs a project_id or a space_id", "data");
  }
  if (deployed && input.endpoint == Endpoint::kEmbeddings) return {};
  Provider bare = provider;
  if (settings.needs_token() || settings.auth == Auth::kZen) bare.credential.clear();
  if (settings.auth == Auth::kZen) {
    Arena arena;
    ArenaText text(arena);
    text.add_base64(std::string(settings.username) + ":" + provider.credential);
    bare.headers.emplace_back("Authorization", "ZenApiKey " + std::string(text.view()));
  }
  std::string common;
  if (auto made = openai_prepare({bare, input.model, input.endpoint}, &common); !made) return made;
  head->assign("POST ").append(root_path(provider)).append("/ml/v1");
  if (deployed) head->append("/deployments/").append(deployment);
  head->append(endpoint_path(input.endpoint)).append(kVersionQuery).append(settings.version);
  head->append(" HTTP/1.1").append(common, common.find("\r\n"));
  if (const size_t at = head->find(kBothAccepted); at != std::string::npos) {
    head->erase(at, kBothAccepted.size());
  }
  return {};
}

std::string_view head_complete(Call& call, const Settings& settings) {
  const std::string_view prepared = call.target.heads[endpoint_index(call.endpoint)];
  const bool stream = call.request.stream && call.endpoint != Endpoint::kEmbeddings;
  const size_t query = std::min(prepared.find(kVersionQuery), prepared.size());
  ArenaText head(call.arena, prepared.size() + call.token.size() + 96);
  head.add(prepared.substr(0, query)).add(stream ? "_stream" : "").add(prepared.substr(query));
  if (!has_header(*call.target.provider, "accept")) {
    head.add(stream ? "Accept: text/event-stream\r\n" : "Accept: application/json\r\n");
  }
  if (settings.needs_token()) head.add("Authorization: Bearer ").add(call.token).add("\r\n");
  return head.view();
}

Result<std::string_view> scope_member(Call& call, const Settings& settings) {
  if (!deployment_of(call.target.model).empty()) return std::string_view{};
  const std::string_view project = field_of(call, "x-ibm-project-id");
  const std::string_view space = field_of(call, "x-ibm-space-id");
  if (!project.empty() && !space.empty()) {
    return std::unexpected(Error{Errc::kInvalidField,
                                 "x-ibm-project-id and x-ibm-space-id exclude each other",
                                 "x-ibm-space-id"});
  }
  if (project.empty() && space.empty()) {
    return settings.space_id.empty() ? member_make("project_id", settings.project_id, call.arena)
                                     : member_make("space_id", settings.space_id, call.arena);
  }
  const std::string_view id = project.empty() ? space : project;
  if (!is_scope_id(id)) {
    return std::unexpected(Error{Errc::kInvalidField,
                                 "must be an id of at most 128 bytes without control characters",
                                 project.empty() ? "x-ibm-space-id" : "x-ibm-project-id"});
  }
  return member_make(project.empty() ? "space_id" : "project_id", id, call.arena);
}

bool scope_is_clients(const Call& call) {
  return deployment_of(call.target.model).empty() &&
         (!field_of(call, "x-ibm-project-id").empty() || !field_of(call, "x-ibm-space-id").empty());
}

}  // namespace weir::watsonx
