// Messages and tools of a chat request as watsonx.ai takes them: texts where it wants no parts, no
// members that it does not know, since it refuses them. Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

#include "adapters/common/chat_request.h"

namespace weir::watsonx {

// The array as it must be sent, in the arena; empty when it can go as it is. Errors name the place.
[[nodiscard]] Result<std::string_view> messages_rewrite(Call& call, std::string_view messages);

// The tools that the choice leaves, without `strict`; empty when they can go as they are.
[[nodiscard]] Result<std::string_view> tools_rewrite(Call& call, std::string_view tools,
                                                     const ToolChoice& choice);

}  // namespace weir::watsonx
