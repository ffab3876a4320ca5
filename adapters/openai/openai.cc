#include "adapters/openai/openai.h"

#include "adapters/common/openai_family.h"
#include "adapters/common/openai_request.h"
#include "adapters/common/param_policy.h"
#include "route/target.h"

namespace weir {

namespace {

// `max_completion_tokens` wins where a client sends both.
template <typename Edits>
bool cap_edit(Call& call, Edits* edits) {
  if (call.endpoint != Endpoint::kChat || !call.request.has(Field::kMaxTokens)) return true;
  if (!openai_is_reasoning_model(call.target.model)) return true;
  if (call.request.has(Field::kMaxCompletionTokens)) return edits->remove(Field::kMaxTokens);
  return edits->rename(Field::kMaxTokens, "\"max_completion_tokens\"");
}

template <typename Edits>
Result<void> send(Call& call, Edits* edits, Step* step) {
  if (auto edited = openai_common_edits(call, edits); !edited) return edited;
  if (!cap_edit(call, edits) || !openai_tools_edit(call, edits)) return too_many_edits();
  return openai_send(call, *edits, step);
}

Result<void> next(Call& call, Step* step) {
  // Only the option asks for a look at every member.
  if (call.target.provider->option("drop_params").empty()) {
    EditList edits(call.request);
    return send(call, &edits, step);
  }
  BodyEdits edits(call.request, call.arena);
  if (auto done = params_apply(call, {}, ParamAction::kPass, &edits); !done) return done;
  return send(call, &edits, step);
}

}  // namespace

constexpr Adapter kOpenaiAdapter = {
    .size = sizeof(Adapter),
    .name = "openai",
    .endpoints = endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kCompletions) |
                 endpoint_bit(Endpoint::kEmbeddings),
    .local = false,
    .prepare = nullptr,
    .next = next,
    .inspect = nullptr,
    .transform_response = nullptr,
    .transform_stream = nullptr,
    .map_error = nullptr,
    .list_models = nullptr,
};

}  // namespace weir
