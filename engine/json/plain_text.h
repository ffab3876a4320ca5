// The stretches of a JSON string that hold nothing but text, many bytes at a time. Any thread.
#pragma once

#include <bit>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir {

// The first byte from `p` on that is a quote, a backslash or a control character; `end` when there
// is none. `*wide` is set when a byte above 0x7F may have come before it. Reads nothing behind
// `end`.
[[nodiscard]] inline const char* plain_text_end(const char* p, const char* end, bool* wide) {
#if defined(__SSE2__)
  constexpr int kStep = sizeof(__m128i);
  for (; end - p >= kStep; p += kStep) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i last_control = _mm_set1_epi8(0x1F);
    const __m128i special =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                  _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
                     _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes));
    *wide |= _mm_movemask_epi8(bytes) != 0;
    const auto found = static_cast<uint32_t>(_mm_movemask_epi8(special));
    if (found != 0) return p + std::countr_zero(found);
  }
#endif
  for (; p != end; ++p) {
    const auto c = static_cast<uint8_t>(*p);
    if (c == '"' || c == '\\' || c < 0x20) break;
    *wide |= c > 0x7F;
  }
  return p;
}

}  // namespace weir
