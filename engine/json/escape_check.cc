#include "json/escape_check.h"

#include <cstring>

#include "json/text.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weir {

namespace {

// The exact look, one escape after another.
size_t find_bad_escape_portable(std::string_view text) {
  size_t at = text.find('\\');
  while (at != std::string_view::npos) {
    const size_t size = escape_size(text.substr(at));
    if (size == 0) return at;
    at = text.find('\\', at + size);
  }
  return text.size();
}

// Exact depth, strings skipped; stops at the first bracket too many.
bool depth_within(std::string_view text, uint32_t max_depth) {
  uint32_t depth = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '[' || c == '{') {
      if (++depth > max_depth) return false;
    } else if (c == ']' || c == '}') {
      if (depth > 0) --depth;
    } else if (c == '"') {
      size_t slashes = 0;
      do {
        at = text.find('"', at + 1);
        if (at == std::string_view::npos) return true;
        slashes = 0;
        while (text[at - 1 - slashes] == '\\') ++slashes;
      } while (slashes % 2 == 1);
    }
  }
  return true;
}

size_t count_openers_portable(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (c | 0x20) == '{' ? 1 : 0;
  return count;
}

#if defined(__x86_64__)

constexpr size_t kBlock = 64;

// Which bytes can follow a backslash without a closer look (`u` cannot, since its digits count
// too): the low half of a byte gives the set of high halves that make it legal.
constexpr char k2 = 1;
constexpr char k5 = 2;
constexpr char k6 = 4;
constexpr char k7 = 8;
alignas(16) constexpr char kLegalLow[16] = {
    0, 0, k2 | k6 | k7, 0, k7, 0, k6, 0, 0, 0, 0, 0, k5, 0, k6, k2};
alignas(16) constexpr char kLegalHigh[16] = {0, 0, k2, 0, 0, k5, k6, k7, 0, 0, 0, 0, 0, 0, 0, 0};

inline __m128i load_table(const char* table) {
  return _mm_load_si128(reinterpret_cast<const __m128i*>(table));
}

// The first backslash of an odd run, or the third and so on, begins an escape. A run ends where
// something else follows, so each is counted once.
bool begins_escape(std::string_view text, size_t slash) {
  size_t before = slash;
  while (before > 0 && text[before - 1] == '\\') --before;
  return (slash - before) % 2 == 0;
}

// Bit i of `doubtful`: the byte at `at` + i comes behind a backslash and is no escape by itself.
// Most often it is a `u`, or plain text behind an escaped backslash.
size_t judge_followers(std::string_view text, size_t at, uint64_t doubtful) {
  for (; doubtful != 0; doubtful &= doubtful - 1) {
    const size_t slash = at + static_cast<size_t>(__builtin_ctzll(doubtful)) - 1;
    if (slash >= text.size()) break;
    if (begins_escape(text, slash) && escape_size(text.substr(slash)) == 0) return slash;
  }
  return text.size();
}

// A text that ends in the middle of an escape has no follower to find.
size_t judge_end(std::string_view text) {
  const bool cut = !text.empty() && text.back() == '\\' && begins_escape(text, text.size() - 1);
  return cut ? text.size() - 1 : text.size();
}

#define WEIR_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline

WEIR_AVX2_INLINE __m256i load(const char* at) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}

WEIR_AVX2_INLINE __m256i doubtful_followers(const char* at) {
  const __m256i low = _mm256_broadcastsi128_si256(load_table(kLegalLow));
  const __m256i high = _mm256_broadcastsi128_si256(load_table(kLegalHigh));
  const __m256i bytes = load(at);
  const __m256i nibble = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
  const __m256i legal =
      _mm256_and_si256(_mm256_shuffle_epi8(low, bytes), _mm256_shuffle_epi8(high, nibble));
  const __m256i illegal = _mm256_cmpeq_epi8(legal, _mm256_setzero_si256());
  return _mm256_and_si256(illegal, _mm256_cmpeq_epi8(load(at - 1), _mm256_set1_epi8('\\')));
}

WEIR_AVX2_INLINE uint64_t mask_of(__m256i bytes) {
  return static_cast<uint32_t>(_mm256_movemask_epi8(bytes));
}

// From the second byte on, since the first follows nothing; reads up to 63 bytes past the end.
__attribute__((target("avx2"))) size_t find_bad_escape_avx2(std::string_view text) {
  for (size_t at = 1; at < text.size(); at += kBlock) {
    const __m256i low = doubtful_followers(text.data() + at);
    const __m256i high = doubtful_followers(text.data() + at + 32);
    const __m256i any = _mm256_or_si256(low, high);
    if (_mm256_testz_si256(any, any) != 0) continue;
    const size_t found = judge_followers(text, at, mask_of(high) << 32 | mask_of(low));
    if (found != text.size()) return found;
  }
  return judge_end(text);
}

#undef WEIR_AVX2_INLINE

__attribute__((target("avx512f,avx512bw"))) size_t find_bad_escape_avx512(std::string_view text) {
  // The masked form, because g++ 12 warns of its own plain one in checked builds.
  constexpr __mmask16 kAll = 0xFFFF;
  const __m512i low = _mm512_maskz_broadcast_i32x4(kAll, load_table(kLegalLow));
  const __m512i high = _mm512_maskz_broadcast_i32x4(kAll, load_table(kLegalHigh));
  for (size_t at = 1; at < text.size(); at += kBlock) {
    const __m512i bytes = _mm512_loadu_si512(text.data() + at);
    const __m512i before = _mm512_loadu_si512(text.data() + at - 1);
    const __mmask64 behind = _mm512_cmpeq_epi8_mask(before, _mm512_set1_epi8('\\'));
    const __m512i nibble = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), _mm512_set1_epi8(15));
    const uint64_t doubtful = _mm512_mask_testn_epi8_mask(
        behind, _mm512_shuffle_epi8(low, bytes), _mm512_shuffle_epi8(high, nibble));
    if (doubtful == 0) continue;
    const size_t found = judge_followers(text, at, doubtful);
    if (found != text.size()) return found;
  }
  return judge_end(text);
}

__attribute__((target("avx2"))) size_t count_openers_avx2(std::string_view text) {
  size_t count = 0;
  size_t at = 0;
  const __m256i brace = _mm256_set1_epi8('{');
  const __m256i fold = _mm256_set1_epi8(0x20);
  __m256i sums = _mm256_setzero_si256();
  for (; at + 32 <= text.size(); at += 32) {
    const __m256i bytes = load(text.data() + at);
    const __m256i hit = _mm256_cmpeq_epi8(_mm256_or_si256(bytes, fold), brace);
    const __m256i ones = _mm256_and_si256(hit, _mm256_set1_epi8(1));
    sums = _mm256_add_epi64(sums, _mm256_sad_epu8(ones, _mm256_setzero_si256()));
  }
  alignas(32) uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sums);
  for (const uint64_t lane : lanes) count += lane;
  return count + count_openers_portable(text.substr(at));
}

#endif

size_t count_openers(std::string_view text) {
#if defined(__x86_64__)
  if (vector_level() != VectorLevel::kNone) return count_openers_avx2(text);
#endif
  return count_openers_portable(text);
}

}  // namespace

VectorLevel vector_level() {
#if defined(__x86_64__)
  static const VectorLevel level = [] {
    if (__builtin_cpu_supports("avx512bw") != 0) return VectorLevel::kAvx512;
    return __builtin_cpu_supports("avx2") != 0 ? VectorLevel::kAvx2 : VectorLevel::kNone;
  }();
  return level;
#else
  return VectorLevel::kNone;
#endif
}

size_t find_bad_escape(std::string_view text, VectorLevel level) {
#if defined(__x86_64__)
  if (level == VectorLevel::kAvx512) return find_bad_escape_avx512(text);
  if (level == VectorLevel::kAvx2) return find_bad_escape_avx2(text);
#endif
  static_cast<void>(level);
  return find_bad_escape_portable(text);
}

bool depth_plausible(std::string_view text, uint32_t max_depth) {
  // One bracket in 32 bytes is far above any real body; the index of less than that is small.
  constexpr size_t kDenseBytes = 32;
  const size_t openers = count_openers(text);
  if (openers <= max_depth || openers < text.size() / kDenseBytes) return true;
  return depth_within(text, max_depth);
}

}  // namespace weir
