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

// Tables for the low half of a byte: a byte that finds itself there is one of the listed.
alignas(16) inline constexpr char kEnds[16] = {1, 0, '"', 0, 0, 0, 0, 0, 0, 0, 0, 0, '\\', 0, 0, 0};
// Of two-byte escapes all but \b and \r.
alignas(16) inline constexpr char kLetters[16] = {1, 0, '"', 0, 't', 0, 'f',  0,
                                                  0, 0, 0,   0, '\\', 0, 'n', '/'};

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

// True when the escapes are good whose letters, behind the backslash, have the bits of `letters`.
WEIR_BITS WEIR_INLINE bool letters_good(const char* block, uint64_t letters, const char* end) {
  for (; letters != 0; letters = _blsr_u64(letters)) {
    const char* letter = block + _tzcnt_u64(letters);
    const auto hex_at = [letter](size_t i) { return kIsHex[static_cast<uint8_t>(letter[i])]; };
    if (letter >= end) return false;
    if (*letter == 'u' && end - letter > 4) {
      if ((hex_at(1) & hex_at(2) & hex_at(3) & hex_at(4)) == 0) return false;
    } else if (*letter != 'r' && *letter != 'b') {
      return false;
    }
  }
  return true;
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

WEIR_AVX2 WEIR_INLINE __m256i table_avx2(const char* table) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
}

// For a constant of a loop: the compiler would make it anew each time.
WEIR_AVX2 WEIR_INLINE __m256i keep(__m256i constant) {
  asm("" : "+x"(constant));
  return constant;
}

// All bits set in the bytes that find themselves in the table.
WEIR_AVX2 WEIR_INLINE __m256i find_avx2(__m256i table, __m256i bytes) {
  return _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, bytes), bytes);
}

// The masked form of the broadcast, because g++ 12 warns of its own plain one in checked builds.
WEIR_AVX512 WEIR_INLINE __m512i table_avx512(const char* table) {
  constexpr __mmask16 kAll = 0xFFFF;
  return _mm512_maskz_broadcast_i32x4(kAll,
                                      _mm_load_si128(reinterpret_cast<const __m128i*>(table)));
}

}  // namespace weir

#endif
