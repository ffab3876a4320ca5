// Writes an OpenAI chat request as the body of a Converse request: system messages in front, roles
// merged so that they alternate, images and documents as bytes, tool calls and results as blocks.
// Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir {

// The body, in the arena. Notes in the attempt's state what the answer must know.
[[nodiscard]] Result<std::string_view> converse_request_write(Call& call);

}  // namespace weir
