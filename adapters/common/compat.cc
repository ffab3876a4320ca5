#include "adapters/common/compat.h"

#include "adapters/common/arena_text.h"
#include "adapters/common/embeddings.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/messages.h"
#include "adapters/common/openai_error.h"
#include "adapters/common/openai_request.h"
#include "adapters/common/reply_repair.h"
#include "route/target.h"

namespace weir {

namespace {

std::unexpected<Error> unsupported(std::string_view message, std::string_view param) {
  return std::unexpected(Error{Errc::kUnsupportedParameter, message, param});
}

// `max_completion_tokens` wins where a client sends both.
void cap_edit(Call& call, const Quirks& quirks, BodyEdits* edits) {
  using enum Quirks::CapField;
  if (call.endpoint != Endpoint::kChat || quirks.cap_field == kAsSent) return;
  const Field older = Field::kMaxTokens;
  const Field newer = Field::kMaxCompletionTokens;
  if (call.request.has(newer)) {
    edits->remove(older);
    if (quirks.cap_field == kMaxTokens) edits->rename(newer, "\"max_tokens\"");
  } else if (quirks.cap_field == kMaxCompletionTokens && call.request.has(older)) {
    edits->remove(newer);
    edits->rename(older, "\"max_completion_tokens\"");
  }
}

// A named or required tool cannot be left to chance on a server that ignores the choice.
bool forces_tool(const RequestView& request) {
  const std::string_view choice = json_member(request.body, "tool_choice");
  return !json_is_none(choice) && choice != "\"auto\"" && choice != "\"none\"";
}

Result<void> support_check(Call& call, const Quirks& quirks) {
  const std::string_view messages = call.request.value(Field::kMessages);
  if (!quirks.images && messages.find("\"image_url\"") != messages.npos) {
    return unsupported("this model reads text only; leave the images out", "messages");
  }
  const std::string_view tools = call.request.value(Field::kTools);
  if (json_is_none(tools) || json_is_empty_array(tools)) return {};
  if (!quirks.tools) return unsupported("this model's server does not support tools", "tools");
  if (!quirks.tool_choice && forces_tool(call.request)) {
    return unsupported("this model's server cannot be made to call a tool", "tool_choice");
  }
  return {};
}

// The text to hand on: the reply itself, or a repaired one.
Result<std::string_view> reply_repaired(Call& call, const Quirks& quirks, std::string_view body) {
  if (call.endpoint == Endpoint::kEmbeddings) {
    if (!embeddings_want_base64(call)) return body;
    const std::string_view encoded = embeddings_to_base64(body, call.scratch);
    return encoded.empty() ? body : encoded;
  }
  if (!reply_may_have_quirk(body, quirks, false, false)) return body;
  if (!json_is_array(json_member(body, "choices"))) {
    return std::unexpected(
        Error{Errc::kUpstreamUnavailable, "the provider's answer has no choices"});
  }
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

// The member that a validation error points at: its place without `body`, joined by dots.
std::string_view fault_place(Call& call, std::string_view body) {
  JsonElements faults(json_member(body, "detail"));
  if (!faults.next()) return {};
  ArenaText text(call.arena, 64);
  JsonElements place(json_member(faults.value(), "loc"));
  while (place.next()) {
    const std::string_view part =
        json_is_string(place.value()) ? json_inner(place.value()) : place.value();
    if (text.size() == 0 && part == "body") continue;
    text.add(text.size() == 0 ? "" : ".").add(part);
  }
  constexpr size_t kMaxParam = 256;
  return message_clean(text.view(), call.target.provider->credential, kMaxParam, call.arena);
}

}  // namespace

Result<void> compat_edits(Call& call, const Quirks& quirks, std::span<const ParamRule> rules,
                          BodyEdits* edits) {
  auto done = openai_common_edits(call, edits, quirks.stream_options);
  if (done) done = support_check(call, quirks);
  const Provider& provider = *call.target.provider;
  if (done && (!rules.empty() || !provider.option("drop_params").empty())) {
    done = params_apply(call, rules, ParamAction::kPass, edits);
  }
  if (!done) return done;
  cap_edit(call, quirks, edits);
  const std::string_view messages =
      messages_repair(call.request.value(Field::kMessages), quirks, call.arena);
  if (!messages.empty()) edits->replace(Field::kMessages, messages);
  return {};
}

Result<void> compat_response(Call& call, const Quirks& quirks, const Reply& in, SliceList* out,
                             StreamFacts* facts) {
  const auto text = reply_repaired(call, quirks, in.body);
  if (!text) return std::unexpected(text.error());
  static_cast<void>(usage_read(json_member(in.body, "usage"), &facts->usage));
  if (out->push(Slice(*text))) return {};
  return std::unexpected(Error{Errc::kInternal, "no room for the answer"});
}

void compat_map_error(Call& call, const Reply& in, UpstreamError* out) {
  openai_map_error(call, in, out);
  if (out->code != Errc::kUpstreamRejected || !out->param.empty()) return;
  out->param = fault_place(call, in.body);
}

}  // namespace weir
