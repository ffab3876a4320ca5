// Rewrites the `messages` of a chat request for servers with old templates. Worker thread; pure.
#pragma once

#include <string_view>

#include "adapters/common/quirks.h"
#include "base/arena.h"

namespace weir {

// The array as the server can take it: `developer` becomes `system`, a content list of text parts
// becomes one string and a null an empty one, `reasoning_content` of earlier answers is renamed or
// left out, as far as the quirks ask for that. Empty when nothing has to change. In the arena.
[[nodiscard]] std::string_view messages_repair(std::string_view messages, const Quirks& quirks,
                                               Arena& arena);

}  // namespace weir
