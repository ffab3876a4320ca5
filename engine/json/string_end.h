// Where a JSON string ends, and whether what it holds is good: escapes, UTF-8, no control
// characters. For texts of which only the strings must be read; any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "json/escape_check.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir {

struct StringEnd {
  const char* quote = nullptr;  // the closing one; null when there is no good string
  bool escaped = false;         // there is a backslash before it
};

// What string_end() looks at before it asks for more.
constexpr size_t kNearBytes = 48;

// The same as string_end(), for any string. `level` is at most vector_level(); all levels find the
// same.
[[nodiscard]] StringEnd long_string_end(const char* at, const char* end,
                                        VectorLevel level = vector_level());

// `at` is behind the opening quote, `end` behind the text, where 64 bytes can be read.
[[nodiscard, gnu::always_inline]] inline StringEnd string_end(const char* at, const char* end) {
#if defined(__SSE2__)
  // Most strings are short and plain. A byte above 0x7F is negative, and below the space.
  const char* const near = at + kNearBytes;
  for (; at < near && at < end; at += sizeof(__m128i)) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i stops = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                    _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                                       _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')));
    const auto found = static_cast<uint32_t>(_mm_movemask_epi8(stops));
    if (found == 0) continue;
    at += std::countr_zero(found);
    if (at < end && *at == '"') return {at};
    break;
  }
#endif
  return at < end ? long_string_end(at, end) : StringEnd{};
}

}  // namespace weir
