#include "adapters/bedrock/head.h"

#include <algorithm>
#include <array>

#include "adapters/bedrock/model_family.h"
#include "adapters/bedrock/sigv4.h"
#include "adapters/bedrock/state.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/openai_request.h"
#include "json/json_write.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr std::string_view kVersion = " HTTP/1.1\r\n";
constexpr std::string_view kRuntime = "bedrock-runtime";
constexpr std::string_view kControl = "bedrock";
constexpr std::string_view kCommonAccept = "Accept: application/json, text/event-stream\r\n";
// What a cursor begins with once the models are listed.
constexpr std::string_view kProfiles = "profiles:";

constexpr std::string_view kOptions[] = {
    "access_key_id", "secret_access_key",    "session_token",        "region",
    "model_family",  "embedding_input_type", "guardrail_identifier", "guardrail_version"};

std::unexpected<Error> config_error(std::string_view message, std::string_view param) {
  return std::unexpected(Error{Errc::kConfig, message, param});
}

bool is_key_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// A user's own credential, or a bearer token: nothing is to be signed.
bool is_signed(const Provider& provider) {
  if (!provider.credential.empty()) return false;
  static constexpr std::string_view kName = "authorization";
  return std::none_of(provider.headers.begin(), provider.headers.end(), [](const auto& header) {
    return std::equal(header.first.begin(), header.first.end(), kName.begin(), kName.end(),
                      [](char a, char b) { return (a | 0x20) == b; });
  });
}

// The provider's own, else that of the model's ARN, else what the host's name says.
std::string_view region_of(const Provider& provider, std::string_view model) {
  if (const std::string_view set = provider.option("region"); !set.empty()) return set;
  if (model.starts_with("arn:")) {
    for (int field = 0; field < 3; ++field) {
      model.remove_prefix(std::min(model.find(':') + 1, model.size()));
    }
    return model.substr(0, model.find(':'));
  }
  const std::string_view host = provider.host;
  if (!host.starts_with(kRuntime) || host.find('.') == host.npos) return {};
  const std::string_view rest = host.substr(host.find('.') + 1);
  return rest.substr(0, rest.find('.'));
}

Result<void> provider_check(const PrepareInput& input) {
  const Provider& provider = input.provider;
  for (const auto& [name, value] : provider.options) {
    if (std::find(std::begin(kOptions), std::end(kOptions), name) == std::end(kOptions)) {
      return config_error("bedrock has no such option", "options");
    }
  }
  const std::string_view family = provider.option("model_family");
  if (!family.empty() && !model_family_known(family)) {
    return config_error("no family of models that bedrock knows", "options.model_family");
  }
  if (!is_signed(provider)) return {};
  for (const std::string_view name : {"access_key_id", "secret_access_key"}) {
    if (provider.option(name).empty()) {
      return config_error("bedrock needs access_key_id and secret_access_key, or apikey", "data");
    }
  }
  for (const std::string_view name : {"access_key_id", "secret_access_key", "session_token"}) {
    if (!is_key_text(provider.option(name))) {
      return config_error("a key holds spaces, line ends or other bytes no key has", "data");
    }
  }
  if (!region_of(provider, input.model).empty()) return {};
  return config_error("bedrock needs the region to sign for", "data.region");
}

SigV4Key key_of(const Provider& provider, std::string_view model) {
  return {.access_key_id = provider.option("access_key_id"),
          .secret_access_key = provider.option("secret_access_key"),
          .region = region_of(provider, model),
          .service = kControl};
}

// Appends x-amz-date, the session token and the signature.
Result<void> signature_write(const Provider& provider, const SigV4Key& key, SigV4Request request,
                             int64_t unix_ms, Arena& arena, ArenaText* head) {
  const SigV4Timestamp stamp = sigv4_timestamp(unix_ms);
  request.timestamp = {stamp.data(), stamp.size()};
  const std::string_view token = provider.option("session_token");
  std::array<HeaderField, 4> fields = {HeaderField{"host", provider.authority},
                                       HeaderField{"x-amz-date", request.timestamp}};
  size_t count = 2;
  if (!token.empty()) fields[count++] = {"x-amz-security-token", token};
  if (request.method == "POST") fields[count++] = {"content-type", "application/json"};
  request.fields = {fields.data(), count};
  const auto made = sigv4_sign(request, key, arena);
  if (!made) return std::unexpected(made.error());
  head->add("X-Amz-Date: ").add(request.timestamp).add("\r\n");
  if (!token.empty()) head->add("X-Amz-Security-Token: ").add(token).add("\r\n");
  head->add("Authorization: ").add(made->authorization).add("\r\n");
  return {};
}

// The host that lists models, for the host that runs them; empty when the name says nothing.
std::string control_authority(const Provider& provider) {
  if (!provider.host.starts_with(std::string(kRuntime))) return {};
  return std::string(kControl) + provider.authority.substr(kRuntime.size());
}

}  // namespace

Result<void> bedrock_prepare(const PrepareInput& input, std::string* head) {
  head->clear();
  if (auto checked = provider_check(input); !checked) return checked;
  const bool embeds = embedding_form(input.model) != EmbeddingForm::kNone;
  // An empty head says that the model does not serve the endpoint.
  if (embeds != (input.endpoint == Endpoint::kEmbeddings)) return {};
  std::string common;
  if (auto written = openai_prepare(input, &common); !written) return written;
  Arena arena;
  head->assign("POST ").append(input.provider.base_path).append("/model/");
  head->append(uri_encode(input.model, false, arena)).append(embeds ? "/invoke" : "/converse");
  head->append(kVersion);
  // Bedrock reads Accept as the form of the model's own answer.
  if (const size_t accept = common.find(kCommonAccept); accept != std::string::npos) {
    common.replace(accept, kCommonAccept.size(),
                   embeds ? "Accept: application/json\r\n" : "Accept: */*\r\n");
  }
  head->append(common, common.find("\r\n") + 2);
  return {};
}

Result<void> bedrock_send(Call& call, std::string_view body, Step* step) {
  const Provider& provider = *call.target.provider;
  const std::string_view prepared = call.target.heads[endpoint_index(call.endpoint)];
  const size_t line_end = prepared.find(kVersion);
  if (prepared.empty() || line_end == prepared.npos) {
    return std::unexpected(
        Error{Errc::kUnsupportedEndpoint, "this model does not serve this endpoint", "model"});
  }
  const bool stream = call.request.stream && call.endpoint == Endpoint::kChat;
  ArenaText head(call.arena, prepared.size() + 1024);
  head.add(prepared.substr(0, line_end)).add(stream ? "-stream" : "");
  constexpr size_t kMethod = sizeof "POST ";
  const std::string_view target = call.arena.copy(head.view().substr(kMethod - 1));
  head.add(prepared.substr(line_end));
  if (is_signed(provider)) {
    const auto& state = *call.state.as<BedrockState>();
    const Sha256Hex hash = sha256_hex(body);
    auto done = signature_write(provider, key_of(provider, call.target.model),
                                {.method = "POST",
                                 .target = target,
                                 .fields = {},
                                 .body_hash = {hash.data(), hash.size()},
                                 .timestamp = {}},
                                call.unix_ms + state.clock_offset_ms, call.arena, &head);
    if (!done) return done;
  }
  step->kind = StepKind::kSend;
  step->request = UpstreamRequest{};
  step->request.head = head.view();
  if (step->request.body.push(Slice(body))) return {};
  return std::unexpected(Error{Errc::kInternal, "no room for the body"});
}

std::string bedrock_second_url(const Provider& provider) {
  const std::string authority = control_authority(provider);
  if (authority.empty()) return {};
  return (provider.tls ? "https://" : "http://") + authority + provider.base_path;
}

Result<void> bedrock_list_request(const ListInput& input, ListRequest* out) {
  const Provider& provider = input.provider;
  Arena arena;
  std::string target = provider.base_path;
  if (input.cursor.starts_with(kProfiles)) {
    target += "/inference-profiles?maxResults=1000&type=SYSTEM_DEFINED";
    const std::string_view token = input.cursor.substr(kProfiles.size());
    if (!token.empty()) target.append("&nextToken=").append(uri_encode(token, false, arena));
  } else {
    target += "/foundation-models";
  }
  std::string common;
  if (auto written = openai_prepare({provider, {}, Endpoint::kChat}, &common); !written) {
    return written;
  }
  // The other host has a Host of its own; its provider is a copy with another address.
  const std::string control = control_authority(provider);
  out->second_place = !control.empty();
  Provider place;
  place.authority = control.empty() ? provider.authority : control;
  place.options = provider.options;
  ArenaText head(arena, 2048);
  head.add("GET ").add(target).add(kVersion).add("Host: ").add(place.authority).add("\r\n");
  if (is_signed(provider)) {
    const Sha256Hex hash = sha256_hex({});
    auto done = signature_write(place, key_of(provider, {}),
                                {.method = "GET",
                                 .target = target,
                                 .fields = {},
                                 .body_hash = {hash.data(), hash.size()},
                                 .timestamp = {}},
                                input.unix_ms, arena, &head);
    if (!done) return done;
  } else if (!provider.credential.empty()) {
    head.add("Authorization: Bearer ").add(provider.credential).add("\r\n");
  }
  head.add("Accept: application/json\r\nAccept-Encoding: identity\r\n");
  for (const auto& [name, value] : provider.headers) {
    head.add(name).add(": ").add(value).add("\r\n");
  }
  out->head = head.view();
  return {};
}

Result<size_t> bedrock_list_models(std::string_view body, Arena& arena, std::span<ModelName> out,
                                   std::string_view* cursor) {
  *cursor = {};
  const std::string_view models = json_member(body, "modelSummaries");
  const std::string_view profiles = json_member(body, "inferenceProfileSummaries");
  const bool is_models = json_is_array(models);
  if (!is_models && !json_is_array(profiles)) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "the model list has neither models nor profiles"});
  }
  size_t count = 0;
  JsonElements each(is_models ? models : profiles);
  while (count < out.size() && each.next()) {
    const std::string_view id =
        json_member(each.value(), is_models ? "modelId" : "inferenceProfileId");
    const std::string_view owner = json_member(each.value(), "providerName");
    const std::string_view kinds = json_member(each.value(), "outputModalities");
    if (json_inner(id).empty()) continue;
    const bool useful = kinds.empty() || kinds.find("\"TEXT\"") != kinds.npos ||
                        kinds.find("\"EMBEDDING\"") != kinds.npos;
    if (!useful) continue;
    ModelName& name = out[count++];
    name.id = json_unquote(id, arena);
    name.owned_by =
        json_is_string(owner) ? json_unquote(owner, arena) : std::string_view("bedrock");
    name.created = 0;
  }
  if (each.failed()) {
    return std::unexpected(Error{Errc::kUpstreamUnavailable, "the model list is no JSON"});
  }
  const std::string_view more = json_member(body, "nextToken");
  if (is_models || !json_inner(more).empty()) {
    ArenaText text(arena, 64 + more.size());
    text.add(kProfiles);
    if (!is_models) text.add(json_unquote(more, arena));
    *cursor = text.view();
  }
  return count;
}

}  // namespace weir
