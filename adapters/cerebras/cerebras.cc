#include "adapters/cerebras/cerebras.h"

#include "adapters/common/compat.h"
#include "adapters/common/openai_request.h"
#include "adapters/common/stream_repair.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr std::string_view kUnknown = "Cerebras answers 400 to it";
constexpr std::string_view kOneAnswer = "Cerebras gives one answer to a request";
constexpr std::string_view kNoLogprobs = "Cerebras tells no probabilities";

// Newer versions of the API take some of these: `pass_params` lets them through.
constexpr ParamRule kRules[] = {
    {"frequency_penalty", ParamAction::kDrop, kUnknown, "0"},
    {"presence_penalty", ParamAction::kDrop, kUnknown, "0"},
    {"logit_bias", ParamAction::kDrop, kUnknown, "{}"},
    {"service_tier", ParamAction::kDrop, kUnknown, "\"auto\""},
    {"store", ParamAction::kDrop, kUnknown, "false"},
    {"metadata", ParamAction::kDrop, kUnknown, "{}"},
    {"prompt_cache_key", ParamAction::kDrop, kUnknown, {}},
    {"safety_identifier", ParamAction::kDrop, kUnknown, {}},
    {"verbosity", ParamAction::kDrop, kUnknown, {}},
    {"parallel_tool_calls", ParamAction::kDrop, kUnknown, "true"},
    {"n", ParamAction::kRefuse, kOneAnswer, "1"},
    {"best_of", ParamAction::kRefuse, kOneAnswer, "1"},
    {"logprobs", ParamAction::kRefuse, kNoLogprobs, "false"},
    {"top_logprobs", ParamAction::kRefuse, kNoLogprobs, "0"},
    {"audio", ParamAction::kRefuse, "Cerebras speaks text only", {}},
};

Quirks quirks_of(const Call& call) {
  Quirks base;
  base.cap_field = Quirks::CapField::kMaxCompletionTokens;
  base.images = false;
  const bool oss = call.target.model.find("gpt-oss") != std::string::npos;
  base.reasoning_history = oss ? Quirks::History::kRename : Quirks::History::kDrop;
  return quirks_read(*call.target.provider, base);
}

Result<void> prepare(const PrepareInput& input, std::string* head) {
  if (auto checked = quirks_check(input.provider); !checked) return checked;
  return openai_prepare(input, head);
}

Result<void> next(Call& call, Step* step) {
  BodyEdits edits(call.request, call.arena);
  if (auto done = compat_edits(call, quirks_of(call), kRules, &edits); !done) return done;
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

constexpr Adapter kCerebrasAdapter = {
    .size = sizeof(Adapter),
    .name = "cerebras",
    .endpoints = endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kCompletions),
    .local = false,
    .prepare = prepare,
    .next = next,
    .inspect = nullptr,
    .transform_response = transform_response,
    .transform_stream = transform_stream,
    .map_error = compat_map_error,
    .list_models = nullptr,
};

}  // namespace weir
