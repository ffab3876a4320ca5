// Encodes embeddings for clients that asked for base64 where the server only knows numbers; the
// official client libraries ask for base64 without their user's knowing. Worker thread; pure.
#pragma once

#include <string_view>

#include "base/arena.h"

namespace weir {

// The reply with each `data[].embedding` that is a list of numbers written as base64 of
// little-endian 32-bit floats. Empty when there is none, or when a list holds anything but numbers.
[[nodiscard]] std::string_view embeddings_to_base64(std::string_view reply, Arena& arena);

}  // namespace weir
