#include "adapters/openai_compatible/openai_compatible.h"

#include "adapters/common/compat.h"
#include "adapters/common/openai_request.h"
#include "adapters/common/stream_repair.h"
#include "route/target.h"

namespace weir {

namespace {

constexpr ParamRule kNoParallelCalls[] = {
    {"parallel_tool_calls", ParamAction::kDrop, "its server does not know it", {}}};

Result<void> prepare(const PrepareInput& input, std::string* head) {
  if (auto checked = quirks_check(input.provider); !checked) return checked;
  return openai_prepare(input, head);
}

Result<void> next(Call& call, Step* step) {
  const Quirks quirks = quirks_read(*call.target.provider);
  std::span<const ParamRule> rules;
  if (!quirks.parallel_tool_calls) rules = kNoParallelCalls;
  BodyEdits edits(call.request, call.arena);
  if (auto done = compat_edits(call, quirks, rules, &edits); !done) return done;
  return openai_send(call, edits, step);
}

Result<void> transform_response(Call& call, const Reply& in, SliceList* out, StreamFacts* facts) {
  return compat_response(call, quirks_read(*call.target.provider), in, out, facts);
}

Result<void> transform_stream(Call& call, StreamPhase phase, std::string_view in, SliceList* out,
                              StreamFacts* facts) {
  return stream_repair(call, quirks_read(*call.target.provider), phase, in, out, facts);
}

}  // namespace

constexpr Adapter kOpenaiCompatibleAdapter = {
    .size = sizeof(Adapter),
    .name = "openai-compatible",
    .endpoints = endpoint_bit(Endpoint::kChat) | endpoint_bit(Endpoint::kCompletions) |
                 endpoint_bit(Endpoint::kEmbeddings),
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
