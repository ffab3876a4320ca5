// Two passes over a whole body that look at bytes and know no grammar.
//
// find_bad_escape() is the half of string checking that the structural index leaves open: is every
// backslash followed by an escape of RFC 8259? Both use vector instructions as the processor has
// them, decided at run time. The caller keeps 64 readable bytes behind the text; their content does
// not matter. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

// What the processor offers, least first; a higher level has the lower ones too.
enum class VectorLevel : uint8_t { kNone, kAvx2, kAvx512 };
[[nodiscard]] VectorLevel vector_level();

// Offset of the first backslash that starts no valid escape; text.size() when there is none.
// Outside strings a backslash is never valid, which the grammar walk finds. `level` is at most
// vector_level(); all levels find the same.
[[nodiscard]] size_t find_bad_escape(std::string_view text, VectorLevel level = vector_level());

// False when the brackets of `text` nest deeper than `max_depth`. Used on large bodies before an
// index is built that would take 4 bytes for each of a million brackets: a quick count of brackets
// first, and only where they are suspiciously dense an exact look that skips strings.
[[nodiscard]] bool depth_plausible(std::string_view text, uint32_t max_depth);

}  // namespace weir
