// The text of an `echo` answer: a JSON object, as text, with what the mock received (method, path,
// fields in order with their spelling, body, and the body's length and SHA-256), by which a test
// proves byte-exactness. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "request.h"

namespace weir::mock {

std::string sha256_hex(std::string_view bytes);
std::string echo_text(const Request& request);

}  // namespace weir::mock
