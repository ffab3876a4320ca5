// Reads the answer to a Converse request and writes it as a chat.completion; and the readings that
// whole answers and streams share. Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir {

// A whole answer. kUpstreamUnavailable when it holds no message.
[[nodiscard]] Result<void> converse_reply_read(Call& call, const Reply& in, SliceList* out,
                                               StreamFacts* facts);

// OpenAI's word for a stopReason.
[[nodiscard]] std::string_view converse_finish_reason(std::string_view stop_reason,
                                                      const Call& call);

// Token counts of a Converse `usage` object.
[[nodiscard]] Usage converse_usage_read(std::string_view usage);

// The answer's id, from the provider's request id; empty when that is none. In the arena.
[[nodiscard]] std::string_view converse_answer_id(std::string_view request_id, Arena& arena);

}  // namespace weir
