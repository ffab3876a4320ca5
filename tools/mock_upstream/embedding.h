// The body of an embeddings answer: one deterministic vector per input, as floats or as base64 of
// little-endian float32, with `dimensions` (default 8) members. Pure function, any thread.
#pragma once

#include <string>

#include "request.h"
#include "script.h"

namespace weir::mock {

std::string embedding_body(const Script& script, const Request& request);

}  // namespace weir::mock
