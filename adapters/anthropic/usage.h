// Anthropic's token counts, and their OpenAI meaning: what the cache gave and took is a part of the
// prompt. Pure; worker thread.
#pragma once

#include <string_view>

#include <weir/types.h>

#include "adapters/anthropic/attempt_state.h"
#include "adapters/common/arena_text.h"

namespace weir {

// Overwrites the counts that the object names; null and absent ones stay.
void message_usage_read(std::string_view object, MessageUsage* usage);

[[nodiscard]] Usage message_usage_total(const MessageUsage& usage);

// More members for `usage` where the cache was used: what was written and what was read.
[[nodiscard]] std::string_view message_usage_extra(const MessageUsage& usage, Arena& arena);

}  // namespace weir
