#include "adapters/bedrock/converse_request.h"

#include "adapters/bedrock/converse_messages.h"
#include "adapters/bedrock/converse_params.h"
#include "adapters/bedrock/state.h"
#include "route/target.h"

namespace weir {

Result<std::string_view> converse_request_write(Call& call) {
  auto plan = converse_plan(call);
  if (!plan) return std::unexpected(plan.error());
  auto& state = *call.state.as<BedrockState>();
  state.legacy = is_legacy_tools(plan->fields);
  state.json_tool = plan->json_tool;

  ArenaText body(call.arena, plan->fields.messages.size() + plan->fields.tools.size() + 1024);
  ConverseMessages messages(call, *plan, &body);
  body.add("{");
  if (auto done = messages.run(); !done) return std::unexpected(done.error());
  plan->history_tools = messages.history_tools();
  if (auto done = converse_params_write(call, *plan, &body); !done) {
    return std::unexpected(done.error());
  }
  return body.add("}").view();
}

}  // namespace weir
