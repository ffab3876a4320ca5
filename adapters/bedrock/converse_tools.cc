#include "adapters/bedrock/converse_tools.h"

#include "adapters/bedrock/state.h"
#include "adapters/common/param_policy.h"

namespace weir {

namespace {

Result<void> client_tools_write(Call& call, const ConversePlan& plan, ArenaText* out) {
  ChatTools tools(plan.fields, call.arena);
  bool first = true;
  for (;;) {
    const auto more = tools.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) return {};
    const ChatTool& tool = tools.tool();
    if (!plan.choice.allows(tool.name)) continue;
    if (!first) out->add(",");
    first = false;
    tool_spec_write(tool.name, tool.description_json, tool.parameters_json,
                    tool.strict && plan.traits.strict_tools, out);
    cache_point_write(tool.json, out);
  }
}

Result<void> choice_write(Call& call, const ConversePlan& plan, ArenaText* out) {
  using enum ToolChoice::Mode;
  const ToolForcing forcing = plan.traits.tool_forcing;
  switch (plan.choice.mode) {
    case kAbsent:
      return {};
    case kAuto:
      if (forcing != ToolForcing::kNone) out->add(",\"toolChoice\":{\"auto\":{}}");
      return {};
    case kNone:
      // There is no such choice, and tools of old messages must be named.
      return param_drop(call, "tool_choice", "it cannot be told not to use its tools");
    case kRequired:
      if (forcing == ToolForcing::kNone) break;
      out->add(",\"toolChoice\":{\"any\":{}}");
      return {};
    case kNamed:
      if (forcing != ToolForcing::kNamed) break;
      out->add(",\"toolChoice\":{\"tool\":{\"name\":\"").add(plan.choice.name).add("\"}}");
      return {};
  }
  return param_refuse(call, "tool_choice", "it cannot be made to call that tool");
}

void json_tool_write(const ConversePlan& plan, ArenaText* out) {
  out->add(",\"toolConfig\":{\"tools\":[");
  if (!plan.history_tools.empty()) out->add(plan.history_tools).add(",");
  tool_spec_write(kJsonTool, "\"Gives the answer.\"", plan.format.schema_json, false, out);
  if (plan.traits.tool_forcing == ToolForcing::kNamed) {
    out->add("],\"toolChoice\":{\"tool\":{\"name\":\"").add(kJsonTool).add("\"}}}");
  } else {
    out->add("],\"toolChoice\":{\"any\":{}}}");
  }
}

}  // namespace

void tool_spec_write(std::string_view name, std::string_view description_json,
                     std::string_view schema_json, bool strict, ArenaText* out) {
  out->add("{\"toolSpec\":{\"name\":\"").add(name).add("\"");
  if (!json_inner(description_json).empty()) out->add(",\"description\":").add(description_json);
  out->add(",\"inputSchema\":{\"json\":");
  out->add(schema_json.empty() ? R"({"type":"object","properties":{}})" : schema_json).add("}");
  out->add(strict ? ",\"strict\":true}}" : "}}");
}

void cache_point_write(std::string_view owner, ArenaText* out) {
  const std::string_view control = json_member(owner, "cache_control");
  if (!json_is_object(control)) return;
  out->add(",{\"cachePoint\":{\"type\":\"default\"");
  const std::string_view ttl = json_inner(json_member(control, "ttl"));
  if (ttl == "5m" || ttl == "1h") out->add(",\"ttl\":\"").add(ttl).add("\"");
  out->add("}}");
}

Result<void> tool_config_write(Call& call, const ConversePlan& plan, bool choice_said,
                               ArenaText* out) {
  if (plan.json_tool) {
    json_tool_write(plan, out);
    return {};
  }
  const bool none = plan.choice.mode == ToolChoice::Mode::kNone;
  if (plan.history_tools.empty() && (none || !plan.tools_sent)) return {};
  out->add(",\"toolConfig\":{\"tools\":[");
  if (!plan.tools_sent) {
    out->add(plan.history_tools).add("]}");
    return {};
  }
  if (auto done = client_tools_write(call, plan, out); !done) return done;
  out->add("]");
  if (!choice_said) {
    if (auto done = choice_write(call, plan, out); !done) return done;
  }
  out->add("}");
  return {};
}

}  // namespace weir
