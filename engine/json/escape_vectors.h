// What the vector passes over JSON text share: 64 bytes at a time, a bit of a mask for each.
//
// For the sources of this folder that are compiled for more than the base processor; each function
// here must be called from one with the same target. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>

#define WEIR_INLINE __attribute__((always_inline)) inline
#define WEIR_BITS __attribute__((target("bmi,pclmul")))
#define WEIR_AVX2 __attribute__((target("avx2,bmi,pclmul")))
#define WEIR_AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi2,bmi,pclmul")))

namespace weir {

constexpr size_t kVectorBlock = 64;

constexpr std::array<uint8_t, 256> kIsHex = [] {
  std::array<uint8_t, 256> is_hex{};
  for (uint8_t c = '0'; c <= '9'; ++c) is_hex[c] = 1;
  for (uint8_t c = 0; c < 6; ++c) {
    is_hex['a' + c] = 1;
    is_hex['A' + c] = 1;
  }
  return is_hex;
}();

// Of the backslashes of a block those that begin an escape: the first of a run, the third and so
// on. `taken` is 1 when the escape that the block before ended in takes the first byte.
WEIR_INLINE uint64_t escape_begins(uint64_t slashes, uint64_t taken) {
  constexpr uint64_t kEven = 0x5555555555555555U;
  slashes &= ~taken;
  // Adding its first bit to a run clears it whole and sets a bit where no backslash is.
  const uint64_t firsts = slashes & ~(slashes << 1);
  const uint64_t odd_runs = slashes & ~(slashes + (firsts & ~kEven));
  return slashes & (kEven ^ odd_runs);
}

WEIR_AVX2 WEIR_INLINE __m256i load_avx2(const char* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}

WEIR_AVX2 WEIR_INLINE uint64_t mask_of(__m256i low, __m256i high) {
  const auto bits = [](__m256i bytes) __attribute__((target("avx2"))) {
    return static_cast<uint32_t>(_mm256_movemask_epi8(bytes));
  };
  return uint64_t{bits(high)} << 32 | bits(low);
}

}  // namespace weir

#endif
