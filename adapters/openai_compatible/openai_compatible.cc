#include "adapters/openai_compatible/openai_compatible.h"

#include "adapters/common/embeddings.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/openai_request.h"
#include "adapters/openai_compatible/messages.h"
#include "adapters/openai_compatible/quirks.h"
#include "adapters/openai_compatible/reply_repair.h"
#include "adapters/openai_compatible/stream_repair.h"
#include "route/target.h"

namespace weir {

namespace {

Result<void> prepare(const PrepareInput& input, std::string* head) {
  if (auto checked = quirks_check(input.provider); !checked) return checked;
  return openai_prepare(input, head);
}

std::unexpected<Error> unsupported(std::string_view message, std::string_view param) {
  return std::unexpected(Error{Errc::kUnsupportedParameter, message, param});
}

// `max_completion_tokens` wins where a client sends both.
bool cap_edit(Call& call, const Quirks& quirks, EditList* edits) {
  using enum Quirks::CapField;
  if (call.endpoint != Endpoint::kChat || quirks.cap_field == kAsSent) return true;
  const bool old_name = quirks.cap_field == kMaxTokens;
  const Field newer = Field::kMaxCompletionTokens;
  if (call.request.has(newer) && call.request.present(Field::kMaxTokens)) {
    if (!edits->remove(Field::kMaxTokens)) return false;
  }
  if (old_name) return !call.request.has(newer) || edits->rename(newer, "\"max_tokens\"");
  if (call.request.has(newer) || !call.request.has(Field::kMaxTokens)) return true;
  return edits->remove(newer) && edits->rename(Field::kMaxTokens, "\"max_completion_tokens\"");
}

// A named or required tool cannot be left to chance on a server that ignores the choice.
bool forces_tool(const RequestView& request) {
  const std::string_view choice = json_member(request.body, "tool_choice");
  return !json_is_none(choice) && choice != "\"auto\"" && choice != "\"none\"";
}

Result<void> tools_check(Call& call, const Quirks& quirks) {
  const std::string_view tools = call.request.value(Field::kTools);
  if (json_is_none(tools) || json_is_empty_array(tools)) return {};
  if (!quirks.tools) return unsupported("this model's server does not support tools", "tools");
  if (!quirks.tool_choice && forces_tool(call.request)) {
    return unsupported("this model's server cannot be made to call a tool", "tool_choice");
  }
  return {};
}

Result<void> parallel_edit(Call& call, const Quirks& quirks, EditList* edits) {
  if (quirks.parallel_tool_calls || !call.request.present(Field::kParallelToolCalls)) return {};
  if (call.strict_params) {
    return unsupported("this model's server does not know this parameter", "parallel_tool_calls");
  }
  call.dropped_params = "parallel_tool_calls";
  if (!edits->remove(Field::kParallelToolCalls)) return too_many_edits();
  return {};
}

Result<void> next(Call& call, Step* step) {
  const Quirks quirks = quirks_read(*call.target.provider);
  EditList edits(call.request);
  auto done = openai_common_edits(call, &edits, quirks.stream_options);
  if (done) done = tools_check(call, quirks);
  if (done) done = parallel_edit(call, quirks, &edits);
  if (!done) return done;
  if (!cap_edit(call, quirks, &edits)) return too_many_edits();
  const std::string_view messages =
      messages_repair(call.request.value(Field::kMessages), quirks, call.arena);
  if (!messages.empty() && !edits.replace(Field::kMessages, messages)) return too_many_edits();
  return openai_send(call, edits, step);
}

// The text to hand on: the reply itself, or a repaired one.
Result<std::string_view> reply_repaired(Call& call, std::string_view body) {
  if (call.endpoint == Endpoint::kEmbeddings) {
    if (!embeddings_want_base64(call)) return body;
    const std::string_view encoded = embeddings_to_base64(body, call.scratch);
    return encoded.empty() ? body : encoded;
  }
  const Quirks quirks = quirks_read(*call.target.provider);
  if (!reply_may_have_quirk(body, quirks, false, false)) return body;
  ReplyRepair repair{call, quirks, false, nullptr, {}, 0};
  ArenaText text(call.scratch, body.size() + 512);
  switch (repair.run(body, &text)) {
    case RepairResult::kChanged:
      return text.view();
    case RepairResult::kUnchanged:
      return body;
    case RepairResult::kAborted:
      return std::unexpected(
          Error{Errc::kUpstreamUnavailable, "the provider aborted the generation"});
    case RepairResult::kBroken:
      break;
  }
  return std::unexpected(Error{Errc::kUpstreamUnavailable, "the provider's answer is no JSON"});
}

Result<void> transform_response(Call& call, const Reply& in, SliceList* out, StreamFacts* facts) {
  const auto text = reply_repaired(call, in.body);
  if (!text) return std::unexpected(text.error());
  static_cast<void>(usage_read(json_member(in.body, "usage"), &facts->usage));
  if (out->push(Slice(*text))) return {};
  return std::unexpected(Error{Errc::kInternal, "no room for the answer"});
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
    .transform_stream = stream_repair,
    .map_error = nullptr,
    .list_models = nullptr,
};

}  // namespace weir
