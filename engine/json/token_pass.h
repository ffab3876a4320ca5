// The vectored half of JsonIndex: one pass over a text that is nearly always good.
//
// It finds the tokens as index.h says and checks all that is checked there: control characters,
// escapes when asked, UTF-8. Where it finds a fault it gives up without a word, and the caller
// looks for it with slower means. Plain text in the middle of a string costs a few instructions for
// 64 bytes. Nothing behind the text is read. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "json/escape_check.h"

namespace weir {

// Writes the offsets of the tokens to `positions`, which has room for one per byte of `text` and 63
// more, and returns one past the last; null when the pass gave up, or the processor has no vectors.
// `escapes`: whether they are checked. `level` is at most vector_level(); all levels find the same.
[[nodiscard]] uint32_t* token_pass(std::string_view text, VectorLevel level, bool escapes,
                                   uint32_t* positions);

}  // namespace weir
