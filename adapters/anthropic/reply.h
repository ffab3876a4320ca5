// A whole message of Anthropic's as a chat.completion, and the words both forms of reply share.
// Worker thread.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir {

// Adapter::transform_response.
[[nodiscard]] Result<void> anthropic_response(Call& call, const Reply& in, SliceList* out,
                                              StreamFacts* facts);

// OpenAI's word for why an answer ended; `calls` is how many tool calls the client was told of.
[[nodiscard]] std::string_view finish_reason_of(std::string_view stop_reason);
[[nodiscard]] std::string_view finish_reason_final(std::string_view reason, size_t calls,
                                                   bool json_tool, bool legacy_calls);

}  // namespace weir
