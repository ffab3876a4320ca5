// providers, models, balancers and targets: what requests are routed to.
#include <charconv>
#include <memory>

#include "commands.h"
#include "control/api/api_json.h"
#include "control/config_read.h"

namespace weir::cli {

namespace {

constexpr char kProviders[] = "/v1/providers";
constexpr char kBalancers[] = "/v1/load-balancers";

const std::vector<Column> kProviderColumns = {{"NAME", "name"},
                                              {"TYPE", "type"},
                                              {"UUID", "uuid"},
                                              {"CREATED", "created"},
                                              {"FROM", "managed_by"}};
const std::vector<Column> kModelColumns = {
    {"ID", "id"},     {"MODEL", "provider_model_id"}, {"PROVIDER", "owned_by"},
    {"UUID", "uuid"}, {"CREATED", "created"},         {"STATUS", "status"}};
const std::vector<Column> kBalancerColumns = {{"ALIAS", "alias"},
                                              {"ALGORITHM", "algorithm"},
                                              {"SUSPEND", "suspend_duration"},
                                              {"UUID", "uuid"},
                                              {"STATUS", "status"}};
const std::vector<Column> kTargetColumns = {{"ID", "id"},
                                            {"UUID", "uuid"},
                                            {"STATE", "state"},
                                            {"SUSPENSIONS", "suspensions"},
                                            {"LAST FAULT", "last_fault"}};

std::string provider_path(const std::string& provider) {
  return std::string(kProviders) + "/" + segment(provider);
}

// "name=value" in two; the part behind the first '='.
std::pair<std::string, std::string> pair_split(const std::string& option, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageWrong{option + " takes FIELD=VALUE"};
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

bool is_reference_text(const std::string& text) {
  for (const char* prefix : {"env:", "file:", "vault:", "crn:"}) {
    if (text.starts_with(prefix)) return true;
  }
  return false;
}

struct ProviderOptions {
  std::string type, name, id, data, reference, settings;
  std::vector<std::string> set, secret;
};

void provider_options_add(CLI::App* command, ProviderOptions* options) {
  command->add_option("--data", options->data,
                      "All credentials as a JSON object: @FILE, or - for standard input");
  command->add_option("--set", options->set,
                      "FIELD=VALUE of the credentials, such as base_url=https://host/v1; a secret "
                      "only as a reference that the server reads (vault:PATH#FIELD)")
      ->allow_extra_args(false);
  command->add_option("--secret", options->secret,
                      "FIELD=SOURCE, read here and sent: apikey=env:OPENAI_API_KEY, "
                      "apikey=file:key.txt, apikey=- for standard input")
      ->allow_extra_args(false);
  command->add_option("--reference", options->reference,
                      "Instead of the above: where the server reads all of it (vault:PATH, a CRN)");
  command->add_option("--settings", options->settings,
                      "Timeouts and other settings as a JSON object: @FILE, or -");
}

std::string provider_data(const ProviderOptions& options) {
  if (!options.data.empty()) {
    if (!options.set.empty() || !options.secret.empty()) {
      throw UsageWrong{"--data takes the place of --set and --secret"};
    }
    const std::string text = document_read("--data", options.data);
    const auto tree = json_parse(text);
    if (!tree || tree->kind != JsonTree::Kind::kMap) throw UsageWrong{"--data is no JSON object"};
    return text;
  }
  JsonObject data;
  for (const std::string& text : options.set) {
    const auto [field, value] = pair_split("--set", text);
    if (provider_data_is_secret(provider_data_field(field)) && !is_reference_text(value)) {
      throw UsageWrong{"--set " + field + ": others can read the command line; use --secret " +
                       field + "=env:NAME, --data @FILE or --data -"};
    }
    data.text(field, value);
  }
  for (const std::string& text : options.secret) {
    const auto [field, source] = pair_split("--secret", text);
    data.text(field, secret_read(source));
  }
  return data.take();
}

std::string provider_body(const ProviderOptions& options) {
  JsonObject body;
  body.text("name", options.name);
  const bool referred = !options.reference.empty();
  const bool given = !options.data.empty() || !options.set.empty() || !options.secret.empty();
  if (referred && given) throw UsageWrong{"--reference takes the place of all other credentials"};
  if (referred) {
    body.json("data_reference", JsonObject().text("resource", options.reference).take());
  } else {
    body.json("data", provider_data(options));
  }
  if (options.settings.empty()) return body.take();
  // The settings' members stand beside the others.
  const std::string settings = document_read("--settings", options.settings);
  const auto tree = json_parse(settings);
  if (!tree || tree->kind != JsonTree::Kind::kMap) throw UsageWrong{"--settings is no JSON object"};
  std::string text = body.take();
  if (tree->members.empty()) return text;
  text.back() = ',';
  return text + settings.substr(settings.find('{') + 1);
}

void providers_add(Commands* commands) {
  CLI::App* noun = commands->noun("providers", "Where requests go, and with which credentials");
  auto create = std::make_shared<ProviderOptions>();
  CLI::App* verb = commands->verb(noun, "create", "Make a provider", [create](Session& session) {
    session.show("POST", provider_path(create->type), provider_body(*create));
  });
  verb->add_option("type", create->type,
                   "openai, openai-compatible, azure-openai, anthropic, bedrock, watsonxai, "
                   "cerebras, nim or loopback")
      ->required();
  verb->add_option("name", create->name, "Its name")->required();
  provider_options_add(verb, create.get());

  auto update = std::make_shared<ProviderOptions>();
  verb = commands->verb(noun, "update", "Change a provider's credentials and settings",
                        [update](Session& session) {
                          if (update->name.empty()) update->name = update->id;
                          session.show("PUT",
                                       provider_path(update->id) + "/" + segment(update->type),
                                       provider_body(*update));
                        });
  verb->add_option("provider", update->id, "Its name or UUID")->required();
  verb->add_option("type", update->type, "Its type")->required();
  verb->add_option("--name", update->name, "Its new name (default: what stands in its place)");
  provider_options_add(verb, update.get());

  commands->verb(noun, "list", "List the providers",
                 [](Session& session) { session.list(kProviders, kProviderColumns); });
  auto id = std::make_shared<std::string>();
  verb = commands->verb(noun, "get", "Show one provider, secrets masked", [id](Session& session) {
    session.show("GET", provider_path(*id));
  });
  verb->add_option("provider", *id, "Its name or UUID")->required();
  verb = commands->verb(noun, "delete", "Delete a provider with its models",
                        [id](Session& session) {
                          session.act("DELETE", provider_path(*id), "deleted " + *id);
                        });
  verb->add_option("provider", *id, "Its name or UUID")->required();
  verb = commands->verb(noun, "available", "Ask the provider for the models it has",
                        [id](Session& session) {
                          session.list(provider_path(*id) + "/models/available",
                                       {{"ID", "id"}, {"OWNED BY", "owned_by"}});
                        });
  verb->add_option("provider", *id, "Its name or UUID")->required();
}

struct ModelOptions {
  std::string provider, id, alias, environment, metadata;
  std::optional<uint32_t> weight, priority;
};

std::string model_body(const ModelOptions& options) {
  JsonObject body;
  body.text("id", options.id).some_text("alias", options.alias);
  body.some_text("environment", options.environment);
  if (options.weight) body.number("weight", *options.weight);
  if (options.priority) body.number("priority", *options.priority);
  if (!options.metadata.empty()) {
    const bool here = options.metadata.starts_with('{');
    const std::string text =
        here ? options.metadata : document_read("--metadata", options.metadata);
    const auto tree = json_parse(text);
    if (!tree || tree->kind != JsonTree::Kind::kMap) {
      throw UsageWrong{"--metadata is no JSON object"};
    }
    body.json("metadata", text);
  }
  return body.take();
}

void models_add(Commands* commands) {
  CLI::App* noun = commands->noun("models", "Models that clients can call");
  auto create = std::make_shared<ModelOptions>();
  CLI::App* verb = commands->verb(
      noun, "create", "Make a provider's model callable", [create](Session& session) {
        session.show("POST", provider_path(create->provider) + "/models", model_body(*create));
      });
  verb->add_option("provider", create->provider, "Name or UUID of the provider")->required();
  verb->add_option("id", create->id, "The provider's own name of the model")->required();
  verb->add_option("--alias", create->alias,
                   "What clients call it; models of one alias share its requests");
  verb->add_option("--weight", create->weight, "Its part of the alias's requests");
  verb->add_option("--priority", create->priority, "Lower ones are tried first");
  verb->add_option("--environment", create->environment, "production or sandbox");
  verb->add_option("--metadata", create->metadata,
                   "A JSON object ('{\"cost\": 0.0006}'), @FILE, or - for standard input");

  auto id = std::make_shared<std::string>();
  verb = commands->verb(noun, "list", "List the models that this key may use",
                        [id](Session& session) {
                          session.list(id->empty() ? "/v1/models" : provider_path(*id) + "/models",
                                       kModelColumns);
                        });
  verb->add_option("--provider", *id, "All models of this provider (an admin's key)");
  verb = commands->verb(noun, "get", "Show one model", [id](Session& session) {
    session.show("GET", "/v1/models/" + segment(*id));
  });
  verb->add_option("model", *id, "Its UUID, alias or name")->required();
  verb = commands->verb(noun, "delete", "Delete a model", [id](Session& session) {
    session.act("DELETE", "/v1/models/" + segment(*id), "deleted " + *id);
  });
  verb->add_option("model", *id, "Its UUID")->required();
}

// "UUID", "UUID:WEIGHT" or "UUID:WEIGHT:PRIORITY"; a model may be "provider/id" too, which can hold
// colons itself, so numbers are taken from the end.
std::string backend_json(const std::string& text) {
  std::string model = text;
  std::vector<int64_t> numbers;
  while (numbers.size() < 2) {
    const size_t colon = model.rfind(':');
    if (colon == std::string::npos) break;
    int64_t number = 0;
    const char* end = model.data() + model.size();
    const auto [next, error] = std::from_chars(model.data() + colon + 1, end, number);
    if (error != std::errc{} || next != end) break;
    numbers.insert(numbers.begin(), number);
    model.resize(colon);
  }
  JsonObject out;
  out.text("model_uuid", model);
  if (!numbers.empty()) out.number("weight", numbers[0]);
  if (numbers.size() > 1) out.number("priority", numbers[1]);
  return out.take();
}

struct BalancerOptions {
  std::string alias, name, algorithm, suspend, environment;
  std::vector<std::string> backends;
};

std::string balancer_body(const BalancerOptions& options) {
  JsonObject body;
  body.text("alias", options.alias).some_text("name", options.name);
  body.some_text("algorithm", options.algorithm).some_text("suspend_duration", options.suspend);
  body.some_text("environment", options.environment);
  std::string backends;
  for (const std::string& backend : options.backends) {
    backends += (backends.empty() ? "[" : ",") + backend_json(backend);
  }
  if (!backends.empty()) body.json("backends", backends + "]");
  return body.take();
}

void balancers_add(Commands* commands) {
  CLI::App* noun = commands->noun("balancers", "How the models of an alias share its requests");
  auto create = std::make_shared<BalancerOptions>();
  CLI::App* verb = commands->verb(noun, "create", "Make a load balancer", [create](Session& s) {
    s.show("POST", kBalancers, balancer_body(*create));
  });
  verb->add_option("alias", create->alias, "The name that clients call")->required();
  verb->add_option("--name", create->name, "A name for people");
  verb->add_option("--algorithm", create->algorithm,
                   "round_robin, weighted_round_robin, least_connections or quota_priority");
  verb->add_option("--suspend-duration", create->suspend,
                   "How long a target that failed is spared (10s; 0s: not at all)");
  verb->add_option("--environment", create->environment, "production or sandbox");
  verb->add_option("--backend", create->backends,
                   "MODEL[:WEIGHT[:PRIORITY]], by UUID or provider/id (default: all of the alias)")
      ->allow_extra_args(false);
  commands->verb(noun, "list", "List the load balancers",
                 [](Session& session) { session.list(kBalancers, kBalancerColumns); });
  auto id = std::make_shared<std::string>();
  const auto path = [id] { return std::string(kBalancers) + "/" + segment(*id); };
  verb = commands->verb(noun, "get", "Show one load balancer",
                        [path](Session& session) { session.show("GET", path()); });
  verb->add_option("balancer", *id, "Its UUID or alias")->required();
  verb = commands->verb(noun, "delete", "Delete a load balancer", [id, path](Session& session) {
    session.act("DELETE", path(), "deleted " + *id);
  });
  verb->add_option("balancer", *id, "Its UUID or alias")->required();
}

void targets_add(Commands* commands) {
  CLI::App* noun = commands->noun("targets", "The health of each model at its provider");
  commands->verb(noun, "list", "List the targets and their last faults",
                 [](Session& session) { session.list("/v1/targets", kTargetColumns); });
  auto id = std::make_shared<std::string>();
  CLI::App* verb = commands->verb(
      noun, "clear", "Use a suspended target again at once", [id](Session& session) {
        session.act("DELETE", "/v1/targets/" + segment(*id) + "/suspension", "cleared " + *id);
      });
  verb->add_option("target", *id, "Its id (provider/model) or UUID")->required();
}

}  // namespace

void routing_commands_add(Commands* commands) {
  providers_add(commands);
  models_add(commands);
  balancers_add(commands);
  targets_add(commands);
}

}  // namespace weir::cli
