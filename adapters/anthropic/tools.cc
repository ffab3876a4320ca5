#include "adapters/anthropic/tools.h"

#include "adapters/anthropic/attempt_state.h"
#include "adapters/anthropic/schema.h"
#include "adapters/common/param_policy.h"
#include "route/target.h"

namespace weir {

namespace {

using Mode = ToolChoice::Mode;

constexpr std::string_view kEmptySchema = R"({"type":"object","properties":{}})";

class ToolsWriter {
 public:
  ToolsWriter(const ToolsInput& input, ArenaText* out) : input_(input), out_(*out) {}

  Result<void> run();

 private:
  Result<void> tool(const ChatTool& tool);
  Result<void> schema(const ChatTool& tool, bool strict);
  Result<void> json_tool();
  void history();
  Result<void> choice();
  void choice_write(std::string_view type, std::string_view name);
  void next() { out_.add(count_++ == 0 ? ",\"tools\":[" : ","); }

  const ToolsInput& input_;
  ArenaText& out_;
  ToolChoice choice_;
  size_t count_ = 0;
  size_t clients_ = 0;  // tools that the client may see called
};

Result<void> ToolsWriter::run() {
  const auto choice_read = tool_choice_read(input_.fields);
  if (!choice_read) return std::unexpected(choice_read.error());
  choice_ = *choice_read;
  ChatTools tools(input_.fields, input_.call.arena);
  for (;;) {
    const auto more = tools.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if (!choice_.allows(tools.tool().name)) continue;
    if (auto done = tool(tools.tool()); !done) return done;
  }
  clients_ = count_;
  if (input_.json_tool) {
    if (auto done = json_tool(); !done) return done;
  } else if (count_ == 0) {
    history();
  }
  if (count_ != 0) out_.add("]");
  return choice();
}

Result<void> ToolsWriter::tool(const ChatTool& tool) {
  if (input_.json_tool && tool.name == kJsonToolName) {
    return param_refuse(input_.call, "response_format",
                        "this model gives JSON through a tool of a name that a tool here has");
  }
  const bool strict = tool.strict && input_.traits.structured;
  if (tool.strict && !strict) {
    auto dropped = param_drop(input_.call, "tools.strict", "this model has no strict tools");
    if (!dropped) return dropped;
  }
  next();
  out_.add("{\"name\":\"").add(tool.name).add("\"");
  if (json_is_string(tool.description_json)) {
    out_.add(",\"description\":").add(tool.description_json);
  }
  if (strict) out_.add(",\"strict\":true");
  if (tool.json.find("\"cache_control\"") != std::string_view::npos) {
    const std::string_view cache = json_member(tool.json, "cache_control");
    if (json_is_object(cache)) out_.add(",\"cache_control\":").add(cache);
  }
  out_.add(",\"input_schema\":");
  if (auto done = schema(tool, strict); !done) return done;
  out_.add("}");
  return {};
}

Result<void> ToolsWriter::schema(const ChatTool& tool, bool strict) {
  const std::string_view json = json_trim(tool.parameters_json);
  if (json.empty() || json_skip_space(json, 1) == json.size() - 1) {
    out_.add(kEmptySchema);
    return {};
  }
  if (strict) {
    return schema_restrict(
        json, chat_place("tools", tool.index, "function.parameters", -1, input_.call.arena),
        input_.call.arena, &out_);
  }
  if (json_member(json, "type").empty()) {
    out_.add("{\"type\":\"object\",").add(json.substr(1));
  } else {
    out_.add(json);
  }
  return {};
}

Result<void> ToolsWriter::json_tool() {
  next();
  out_.add("{\"name\":\"").add(kJsonToolName).add("\",\"description\":");
  const std::string_view own = input_.format.description_json;
  out_.add(json_is_string(own) ? own : "\"Give the answer in this form.\"");
  out_.add(",\"input_schema\":").add(input_.format.schema_json).add("}");
  return {};
}

// Calls in the history need their tools, even where none may be called any more.
void ToolsWriter::history() {
  for (const ToolName* tool = input_.history; tool != nullptr; tool = tool->next) {
    next();
    out_.add("{\"name\":\"").add(tool->name).add("\",\"input_schema\":{\"type\":\"object\"}}");
  }
}

Result<void> ToolsWriter::choice() {
  const bool forced = choice_.mode == Mode::kRequired || choice_.mode == Mode::kNamed;
  if (auto done = tool_choice_check(choice_, clients_ != 0); !done) return done;
  if (count_ == 0) return {};
  if (input_.thinking && forced) {
    return param_refuse(input_.call, "tool_choice",
                        "a model that thinks cannot be made to call a tool");
  }
  if (input_.thinking && input_.json_tool) {
    return param_refuse(input_.call, "response_format",
                        "this model gives JSON through a tool, which it cannot while it thinks");
  }
  if (input_.json_tool && choice_.mode != Mode::kNamed) {
    const bool alone = clients_ == 0 || choice_.mode == Mode::kNone;
    choice_write(alone ? "tool" : "any", alone ? kJsonToolName : std::string_view{});
    return {};
  }
  if (clients_ == 0) {
    choice_write("none", {});
    return {};
  }
  switch (choice_.mode) {
    case Mode::kAbsent:
      if (input_.fields.parallel_tool_calls == "false" || is_legacy_tools(input_.fields)) {
        choice_write("auto", {});
      }
      break;
    case Mode::kAuto:
      choice_write("auto", {});
      break;
    case Mode::kNone:
      choice_write("none", {});
      break;
    case Mode::kRequired:
      choice_write("any", {});
      break;
    case Mode::kNamed:
      choice_write("tool", choice_.name);
      break;
  }
  return {};
}

void ToolsWriter::choice_write(std::string_view type, std::string_view name) {
  out_.add(",\"tool_choice\":{\"type\":\"").add(type).add("\"");
  if (!name.empty()) out_.add(",\"name\":\"").add(name).add("\"");
  // An older client can be told of one call only.
  const bool single =
      input_.fields.parallel_tool_calls == "false" || is_legacy_tools(input_.fields);
  if (single && type != "none") out_.add(",\"disable_parallel_tool_use\":true");
  out_.add("}");
}

}  // namespace

Result<void> tools_write(const ToolsInput& input, ArenaText* out) {
  return ToolsWriter(input, out).run();
}

}  // namespace weir
