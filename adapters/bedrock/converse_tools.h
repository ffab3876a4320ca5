// toolConfig of a Converse request: the client's tools, those that old messages name, or the one of
// ours that stands for an output format; and which of them must be called. Worker thread; pure.
#pragma once

#include <weir/adapter.h>

#include "adapters/bedrock/converse_params.h"

namespace weir {

// With a comma before it; nothing when there are no tools. `choice_said`: another member tells the
// model which tool to call.
[[nodiscard]] Result<void> tool_config_write(Call& call, const ConversePlan& plan, bool choice_said,
                                             ArenaText* out);

// One element of toolConfig.tools; an empty description or schema stands for none.
void tool_spec_write(std::string_view name, std::string_view description_json,
                     std::string_view schema_json, bool strict, ArenaText* out);

// The element that ends a part of a prompt for the cache, with a comma before it, when `owner` (a
// content part or a tool) has a cache_control.
void cache_point_write(std::string_view owner, ArenaText* out);

}  // namespace weir
