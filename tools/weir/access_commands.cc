// keys, limits, policies and tenants: who may do what, and how much of it.
#include <charconv>
#include <memory>

#include "commands.h"
#include "control/api/api_json.h"

namespace weir::cli {

namespace {

constexpr char kKeys[] = "/v1/keys";
constexpr char kLimits[] = "/v1/rate-limits";
constexpr char kPolicies[] = "/v1/policies";
constexpr char kKeyShownOnce[] = "The key is not shown again.";

const std::vector<Column> kKeyColumns = {
    {"NAME", "name"},       {"ROLE", "role"},      {"PREFIX", "prefix"},
    {"UUID", "uuid"},       {"GROUPS", "groups"},  {"MODELS", "models"},
    {"EXPIRES", "expires_at"}, {"FROM", "managed_by"}};
const std::vector<Column> kLimitColumns = {
    {"TYPE", "type"},         {"PROVIDER", "provider_uuid"}, {"MODEL", "model_uuid"},
    {"KEY", "key_uuid"},      {"REQUESTS", "request"},       {"TOKENS", "token"},
    {"UUID", "uuid"},         {"FROM", "managed_by"}};
const std::vector<Column> kPolicyColumns = {{"ACTION", "action"},     {"EFFECT", "effect"},
                                            {"RESOURCE", "resource"}, {"SUBJECT", "subject"},
                                            {"UUID", "uuid"},         {"FROM", "managed_by"}};

std::string below(const char* list, const std::string& id) {
  return std::string(list) + "/" + segment(id);
}

struct KeyOptions {
  std::string name, role, environment, expires, id, overlap;
  std::vector<std::string> groups, models;
};

std::string key_body(const KeyOptions& options) {
  JsonObject body;
  body.text("name", options.name).some_text("role", options.role);
  body.some_text("environment", options.environment).some_text("expires_at", options.expires);
  if (!options.groups.empty()) body.texts("groups", options.groups);
  if (!options.models.empty()) body.texts("models", options.models);
  return body.take();
}

void keys_add(Commands* commands) {
  CLI::App* noun = commands->noun("keys", "Keys that clients and admins present");
  auto options = std::make_shared<KeyOptions>();
  CLI::App* verb = commands->verb(noun, "create", "Make a key; it is shown once",
                                  [options](Session& session) {
                                    session.show("POST", kKeys, key_body(*options), kKeyShownOnce);
                                  });
  verb->add_option("name", options->name, "Its name")->required();
  verb->add_option("--role", options->role, "user (default) or admin")
      ->check(CLI::IsMember({"user", "admin"}));
  verb->add_option("--group", options->groups, "A group that policies may name; more than once")
      ->allow_extra_args(false);
  verb->add_option("--model", options->models, "A model that it may use (default: all)")
      ->allow_extra_args(false);
  verb->add_option("--environment", options->environment, "production (default) or sandbox");
  verb->add_option("--expires-at", options->expires, "2030-01-31 or 2030-01-31T12:00:00Z");
  commands->verb(noun, "list", "List the keys, not their values",
                 [](Session& session) { session.list(kKeys, kKeyColumns); });
  verb = commands->verb(noun, "get", "Show one key, not its value", [options](Session& session) {
    session.show("GET", below(kKeys, options->id));
  });
  verb->add_option("key", options->id, "Its UUID or name")->required();
  verb = commands->verb(
      noun, "rotate", "Give a key a new value; the old one works for a while",
      [options](Session& session) {
        const std::string body =
            options->overlap.empty() ? "" : JsonObject().text("overlap", options->overlap).take();
        session.show("POST", below(kKeys, options->id) + "/rotate", body, kKeyShownOnce);
      });
  verb->add_option("key", options->id, "Its UUID or name")->required();
  verb->add_option("--overlap", options->overlap, "How long the old value works (default 24h)");
  verb = commands->verb(noun, "delete", "Revoke a key at once", [options](Session& session) {
    session.act("DELETE", below(kKeys, options->id), "deleted " + options->id);
  });
  verb->add_option("key", options->id, "Its UUID or name")->required();
}

struct LimitOptions {
  bool tenant = false;
  std::string provider, model, key, requests, tokens, id;
};

// "100/1m", or "100/1m/200" where more than one amount may be saved up.
std::string bucket_json(const char* option, const std::string& text) {
  const size_t first = text.find('/');
  const size_t second = first == std::string::npos ? first : text.find('/', first + 1);
  const auto number = [&](std::string_view digits) {
    int64_t value = -1;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc{} && end == digits.data() + digits.size() && value >= 0) return value;
    throw UsageWrong{std::string(option) + " takes AMOUNT/DURATION[/CAPACITY], such as 100/1m"};
  };
  if (first == std::string::npos) number("");
  const int64_t amount = number(std::string_view(text).substr(0, first));
  const std::string duration = text.substr(first + 1, second - first - 1);
  const bool has_capacity = second != std::string::npos;
  const int64_t capacity =
      has_capacity ? number(std::string_view(text).substr(second + 1)) : amount;
  return JsonObject()
      .number("amount", amount)
      .number("capacity", capacity)
      .text("duration", duration)
      .take();
}

std::string limit_body(const LimitOptions& options) {
  const int subjects = static_cast<int>(options.tenant) +
                       static_cast<int>(!options.provider.empty()) +
                       static_cast<int>(!options.model.empty()) +
                       static_cast<int>(!options.key.empty());
  if (subjects != 1) throw UsageWrong{"give one of --tenant, --provider, --model and --key"};
  JsonObject body;
  body.text("type", options.tenant              ? "tenant"
                    : !options.provider.empty() ? "provider"
                    : !options.model.empty()    ? "model"
                                                : "key");
  body.some_text("provider_uuid", options.provider).some_text("model_uuid", options.model);
  body.some_text("key_uuid", options.key);
  if (options.requests.empty() && options.tokens.empty()) {
    throw UsageWrong{"give --requests, --tokens or both"};
  }
  if (!options.requests.empty()) {
    body.json("request", bucket_json("--requests", options.requests));
  }
  if (!options.tokens.empty()) body.json("token", bucket_json("--tokens", options.tokens));
  return body.take();
}

void limits_add(Commands* commands) {
  CLI::App* noun = commands->noun("limits", "Rate limits of tenants, keys, providers and models");
  auto options = std::make_shared<LimitOptions>();
  // The server finds the limit of this subject by itself; a first one is made.
  CLI::App* verb = commands->verb(
      noun, "set", "Make or change the limit of a subject", [options](Session& session) {
        const std::string body = limit_body(*options);
        try {
          session.show("POST", kLimits, body);
        } catch (const CallFailed& failed) {
          if (failed.status != 409) throw;
          session.show("PUT", below(kLimits, "{rate_limit_id}"), body);
        }
      });
  verb->add_flag("--tenant", options->tenant, "Of the whole tenant");
  verb->add_option("--provider", options->provider, "Of a provider, by name or UUID");
  verb->add_option("--model", options->model, "Of an alias, or of a model by UUID or provider/id");
  verb->add_option("--key", options->key, "Of a key, by name or UUID");
  verb->add_option("--requests", options->requests, "AMOUNT/DURATION[/CAPACITY], such as 100/1m");
  verb->add_option("--tokens", options->tokens, "The same for tokens of language models");
  commands->verb(noun, "list", "List the limits",
                 [](Session& session) { session.list(kLimits, kLimitColumns); });
  verb = commands->verb(noun, "get", "Show one limit", [options](Session& session) {
    session.show("GET", below(kLimits, options->id));
  });
  verb->add_option("limit", options->id, "Its UUID")->required();
  verb = commands->verb(noun, "delete", "Delete a limit", [options](Session& session) {
    session.act("DELETE", below(kLimits, options->id), "deleted " + options->id);
  });
  verb->add_option("limit", options->id, "Its UUID")->required();
}

struct PolicyOptions {
  std::string action = "read", effect = "allow", resource, subject, id;
};

void policies_add(Commands* commands) {
  CLI::App* noun = commands->noun("policies", "Who may use which models; deny goes before allow");
  auto options = std::make_shared<PolicyOptions>();
  CLI::App* verb = commands->verb(noun, "create", "Make a policy", [options](Session& session) {
    session.show("POST", kPolicies,
                 JsonObject()
                     .text("action", options->action)
                     .text("effect", options->effect)
                     .text("resource", options->resource)
                     .text("subject", options->subject)
                     .take());
  });
  verb->add_option("--resource", options->resource,
                   "model:ALIAS, model:UUID, provider:NAME, load_balancer:ALIAS or *")
      ->required();
  verb->add_option("--subject", options->subject, "group:NAME, key:NAME, user:ID or *")->required();
  verb->add_option("--effect", options->effect, "allow (default) or deny")
      ->check(CLI::IsMember({"allow", "deny"}));
  verb->add_option("--action", options->action, "read (default: list and use) or write (manage)")
      ->check(CLI::IsMember({"read", "write"}));
  commands->verb(noun, "list", "List the policies",
                 [](Session& session) { session.list(kPolicies, kPolicyColumns); });
  verb = commands->verb(noun, "delete", "Delete a policy", [options](Session& session) {
    session.act("DELETE", below(kPolicies, options->id), "deleted " + options->id);
  });
  verb->add_option("policy", options->id, "Its UUID")->required();
}

struct TenantOptions {
  std::string name, secrets_manager;
};

void tenants_add(Commands* commands) {
  CLI::App* noun =
      commands->noun("tenants", "Groups of objects and keys that do not see each other");
  auto options = std::make_shared<TenantOptions>();
  const auto body = [options] {
    return JsonObject()
        .some_text("name", options->name)
        .some_text("secrets_manager", options->secrets_manager)
        .take();
  };
  CLI::App* verb = commands->verb(
      noun, "create", "Make a tenant; its first admin's key is shown once",
      [body](Session& session) { session.show("POST", "/v1/tenants", body(), kKeyShownOnce); });
  verb->add_option("name", options->name, "Its name")->required();
  verb->add_option("--secrets-manager", options->secrets_manager,
                   "Base URL of its IBM Secrets Manager");
  commands->verb(noun, "list", "List the tenants (an admin of the tenant `default`)",
                 [](Session& session) {
                   session.list("/v1/tenants", {{"NAME", "name"},
                                                {"UUID", "uuid"},
                                                {"SECRETS MANAGER", "secrets_manager"},
                                                {"CREATED", "created"}});
                 });
  commands->verb(noun, "get", "Show the tenant of this key",
                 [](Session& session) { session.show("GET", "/v1/tenant"); });
  verb = commands->verb(noun, "update", "Change the tenant of this key", [body](Session& session) {
    session.show("PATCH", "/v1/tenant", body());
  });
  verb->add_option("--name", options->name, "Its new name");
  verb->add_option("--secrets-manager", options->secrets_manager,
                   "Base URL of its IBM Secrets Manager");
  auto sure = std::make_shared<bool>(false);
  verb = commands->verb(noun, "delete", "Delete the tenant of this key with all that is in it",
                        [sure](Session& session) {
                          if (!*sure) throw UsageWrong{"this deletes everything in it; add --yes"};
                          session.act("DELETE", "/v1/tenant", "deleted");
                        });
  verb->add_flag("--yes", *sure, "Needed, since nothing brings it back");
}

}  // namespace

void access_commands_add(Commands* commands) {
  keys_add(commands);
  limits_add(commands);
  policies_add(commands);
  tenants_add(commands);
}

}  // namespace weir::cli
