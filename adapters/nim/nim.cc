#include "adapters/nim/nim.h"

#include <algorithm>

#include "adapters/common/arena_text.h"
#include "adapters/common/compat.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/openai_request.h"
#include "adapters/common/stream_repair.h"
#include "adapters/nim/polling.h"
#include "json/json_write.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr std::string_view kUnknown = "NIM refuses members that it does not know";
// Without a Retry-After, an answer of 429 means seconds rather than moments.
constexpr int64_t kRateLimitPauseMs = 5000;

constexpr ParamRule kRules[] = {
    {"user", ParamAction::kDrop, kUnknown, {}},
    {"logit_bias", ParamAction::kDrop, kUnknown, "{}"},
    {"store", ParamAction::kDrop, kUnknown, "false"},
    {"service_tier", ParamAction::kDrop, kUnknown, "\"auto\""},
    {"metadata", ParamAction::kDrop, kUnknown, "{}"},
    {"prediction", ParamAction::kDrop, kUnknown, {}},
    {"prompt_cache_key", ParamAction::kDrop, kUnknown, {}},
    {"safety_identifier", ParamAction::kDrop, kUnknown, {}},
    {"verbosity", ParamAction::kDrop, kUnknown, {}},
    {"audio", ParamAction::kRefuse, "NIM's chat models speak text only", {}},
};
constexpr ParamRule kRulesWithoutParallel[] = {
    {"parallel_tool_calls", ParamAction::kDrop, "its server does not know it", {}}};

constexpr std::string_view kOptions[] = {"status_url", "input_type", "structured_output"};

bool is_one_of(std::string_view value, std::initializer_list<std::string_view> known) {
  return value.empty() || std::find(known.begin(), known.end(), value) != known.end();
}

Result<void> prepare(const PrepareInput& input, std::string* head) {
  const Provider& provider = input.provider;
  if (auto checked = quirks_check(provider, kOptions); !checked) return checked;
  if (!is_one_of(provider.option("input_type"), {"query", "passage", "none"})) {
    return std::unexpected(
        Error{Errc::kConfig, "input_type is query, passage or none", "options.input_type"});
  }
  if (!is_one_of(provider.option("structured_output"), {"response_format", "nvext"})) {
    return std::unexpected(Error{Errc::kConfig, "structured_output is response_format or nvext",
                                 "options.structured_output"});
  }
  const std::string_view url = provider.option("status_url");
  const bool plain =
      std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!url.empty() && (!plain || !(url.starts_with("https://") || url.starts_with("http://")))) {
    return std::unexpected(
        Error{Errc::kConfig, "status_url is a URL with https:// or http://", "options.status_url"});
  }
  return openai_prepare(input, head);
}

// Models that embed questions and texts differently must be told which it is; the others do not
// mind. A model may be configured under its name with `-query` or `-passage` behind it.
void embeddings_edit(Call& call, BodyEdits* edits) {
  std::string_view type = call.target.provider->option("input_type");
  if (type.empty()) type = "query";
  std::string_view model = call.target.model;
  for (const std::string_view suffix : {"-query", "-passage"}) {
    if (!model.ends_with(suffix)) continue;
    model.remove_suffix(suffix.size());
    type = suffix.substr(1);
    edits->replace(Field::kModel, json_quote(model, call.arena));
    break;
  }
  // Most of them know numbers only; base64 is made of the reply.
  edits->replace(Field::kEncodingFormat, "\"float\"");
  if (type == "none" || !json_member(call.request.body, "input_type").empty()) return;
  edits->insert(type == "query" ? "\"input_type\":\"query\"" : "\"input_type\":\"passage\"");
}

// Older containers know a schema only as `nvext`.
void format_edit(Call& call, BodyEdits* edits) {
  if (call.target.provider->option("structured_output") != "nvext") return;
  if (!json_member(call.request.body, "nvext").empty()) return;
  BodyMembers members(call.request);
  while (members.next()) {
    if (members.key() != "response_format") continue;
    const std::string_view schema =
        json_member(json_member(members.value(), "json_schema"), "schema");
    if (!json_is_object(schema)) return;
    edits->remove(members.member());
    ArenaText text(call.arena, schema.size() + 32);
    edits->insert(text.add(R"("nvext":{"guided_json":)").add(schema).add("}").view());
    return;
  }
}

Result<void> next(Call& call, Step* step) {
  if (call.reply != nullptr && polling_wanted(*call.reply)) return polling_next(call, step);
  const Quirks quirks = quirks_read(*call.target.provider);
  BodyEdits edits(call.request, call.arena);
  if (auto done = compat_edits(call, quirks, kRules, &edits); !done) return done;
  if (!quirks.parallel_tool_calls) {
    auto done = params_apply(call, kRulesWithoutParallel, ParamAction::kPass, &edits);
    if (!done) return done;
  }
  if (call.endpoint == Endpoint::kEmbeddings) embeddings_edit(call, &edits);
  if (call.endpoint == Endpoint::kChat) format_edit(call, &edits);
  return openai_send(call, edits, step);
}

bool inspect(const Call& call, const Reply& head) {
  static_cast<void>(call);
  return polling_wanted(head);
}

Result<void> transform_response(Call& call, const Reply& in, SliceList* out, StreamFacts* facts) {
  return compat_response(call, quirks_read(*call.target.provider), in, out, facts);
}

Result<void> transform_stream(Call& call, StreamPhase phase, std::string_view in, SliceList* out,
                              StreamFacts* facts) {
  return stream_repair(call, quirks_read(*call.target.provider), phase, in, out, facts);
}

void map_error(Call& call, const Reply& in, UpstreamError* out) {
  compat_map_error(call, in, out);
  if (out->code == Errc::kUpstreamRateLimited && out->retry_after_ms < 0) {
    out->retry_after_ms = kRateLimitPauseMs;
  }
  // A missing function is a missing model, and a missing path says so in plain text.
  if (out->code == Errc::kUpstreamRejected && out->status == 404) {
    out->wire_code = "model_not_found";
  }
}

}  // namespace

constexpr Adapter kNimAdapter = {
    .size = sizeof(Adapter),
    .name = "nim",
    .endpoints = endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kCompletions) |
                 endpoint_bit(Endpoint::kEmbeddings),
    .local = false,
    .prepare = prepare,
    .next = next,
    .inspect = inspect,
    .transform_response = transform_response,
    .transform_stream = transform_stream,
    .map_error = map_error,
    .list_models = nullptr,
    .second_url = nim_status_url,
};

}  // namespace weir
