// Writes JSON text into a growing std::string (control thread, templates) or an Arena (hot path):
// strings escaped per RFC 8259, numbers in decimal. Invalid UTF-8 is replaced by U+FFFD, so that
// what comes out is always valid. No tree. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/decimal.h"

namespace weir {

// Appends `text` with quotes and escapes.
void json_append_string(std::string* out, std::string_view text);
// The same, built in the arena; the view lives until the arena is reset.
[[nodiscard]] std::string_view json_quote(std::string_view text, Arena& arena);

void append_number(std::string* out, int64_t value);

// Reads the JSON string token `token` (with quotes) into plain text in the arena.
// The token is valid JSON already; lone surrogates become U+FFFD.
[[nodiscard]] std::string_view json_unquote(std::string_view token, Arena& arena);

}  // namespace weir
