// Comparing bytes in place, without a call: for the short stretches that most requests are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir {

// Whether `size` bytes are the same; no others are read. Any thread.
[[nodiscard, gnu::always_inline]] inline bool same_bytes(const char* a, const char* b,
                                                         size_t size) {
#if defined(__SSE2__)
  constexpr size_t kHalf = sizeof(__m128i);
  const auto same_half = [&](size_t at) {
    const auto load = [at](const char* from) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at));
    };
    return _mm_cmpeq_epi8(load(a), load(b));
  };
  const auto all_set = [](__m128i mask) { return _mm_movemask_epi8(mask) == 0xFFFF; };
  // Here and below the last step may overlap the one before it.
  if (size > 2 * kHalf) {
    size_t at = 0;
    for (; at + 2 * kHalf < size; at += 2 * kHalf) {
      if (!all_set(_mm_and_si128(same_half(at), same_half(at + kHalf)))) return false;
    }
    at = size - 2 * kHalf;
    return all_set(_mm_and_si128(same_half(at), same_half(at + kHalf)));
  }
  if (size >= kHalf) return all_set(_mm_and_si128(same_half(0), same_half(size - kHalf)));
  const auto differing = [&]<typename Word>(Word, size_t at) {
    Word left;
    Word right;
    std::memcpy(&left, a + at, sizeof left);
    std::memcpy(&right, b + at, sizeof right);
    return left ^ right;
  };
  if (size >= 8) return (differing(uint64_t{}, 0) | differing(uint64_t{}, size - 8)) == 0;
  if (size >= 4) return (differing(uint32_t{}, 0) | differing(uint32_t{}, size - 4)) == 0;
  for (size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
#else
  return std::memcmp(a, b, size) == 0;
#endif
}

}  // namespace weir
