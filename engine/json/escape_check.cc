#include "json/escape_check.h"

#include "json/escape_vectors.h"
#include "json/text.h"

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

// The letters of two-byte escapes: the low half of a byte gives the set of high halves that make it
// one.
constexpr char k2 = 1;
constexpr char k5 = 2;
constexpr char k6 = 4;
constexpr char k7 = 8;
alignas(16) constexpr char kSimpleLow[16] = {
    0, 0, k2 | k6 | k7, 0, k7, 0, k6, 0, 0, 0, 0, 0, k5, 0, k6, k2};
alignas(16) constexpr char kSimpleHigh[16] = {0, 0, k2, 0, 0, k5, k6, k7, 0, 0, 0, 0, 0, 0, 0, 0};

WEIR_INLINE __m128i load_table(const char* table) {
  return _mm_load_si128(reinterpret_cast<const __m128i*>(table));
}

// True when the last byte before `end` begins an escape.
inline bool ends_in_escape(const char* begin, const char* end) {
  const char* at = end;
  while (at != begin && at[-1] == '\\') --at;
  return (end - at) % 2 != 0;
}

// `begins` has the bits of backslashes that begin an escape, but none of two bytes: true when all
// are good. What lies behind the end is no fault here; the byte behind the block can be read.
WEIR_INLINE bool escapes_good(const char* block, uint64_t begins, const char* end) {
  for (; begins != 0; begins &= begins - 1) {
    const char* slash = block + __builtin_ctzll(begins);
    const auto hex_at = [slash](size_t i) { return kIsHex[static_cast<uint8_t>(slash[i])]; };
    if (end - slash < 6) return slash >= end;
    if (slash[1] != 'u') return false;
    if ((hex_at(2) & hex_at(3) & hex_at(4) & hex_at(5)) == 0) return false;
  }
  return true;
}

// All bits set in each byte that is not the letter of a two-byte escape.
WEIR_AVX2 WEIR_INLINE __m256i not_simple_avx2(const char* at) {
  const __m256i low = _mm256_broadcastsi128_si256(load_table(kSimpleLow));
  const __m256i high = _mm256_broadcastsi128_si256(load_table(kSimpleHigh));
  const __m256i bytes = load_avx2(at);
  const __m256i nibble = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(15));
  const __m256i simple =
      _mm256_and_si256(_mm256_shuffle_epi8(low, bytes), _mm256_shuffle_epi8(high, nibble));
  return _mm256_cmpeq_epi8(simple, _mm256_setzero_si256());
}

// The bits of `slashes` whose next byte is not the letter of a two-byte escape.
WEIR_AVX512 WEIR_INLINE uint64_t not_simple_avx512(uint64_t slashes, const char* block) {
  // The masked form, because g++ 12 warns of its own plain one in checked builds.
  constexpr __mmask16 kAll = 0xFFFF;
  const __m512i low = _mm512_maskz_broadcast_i32x4(kAll, load_table(kSimpleLow));
  const __m512i high = _mm512_maskz_broadcast_i32x4(kAll, load_table(kSimpleHigh));
  const __m512i letters = _mm512_loadu_si512(block + 1);
  const __m512i nibble = _mm512_and_si512(_mm512_srli_epi16(letters, 4), _mm512_set1_epi8(15));
  return _mm512_mask_testn_epi8_mask(slashes, _mm512_shuffle_epi8(low, letters),
                                     _mm512_shuffle_epi8(high, nibble));
}

// Both read up to 64 bytes past the end. False when some escape is bad, or at the very end cut off.
// Which backslashes begin an escape is asked only where one is followed by a byte that alone makes
// no escape: a `u`, or plain text behind an escaped backslash. So simple escapes cost no branch.
WEIR_AVX2 bool escapes_good_avx2(std::string_view text) {
  const char* const end = text.data() + text.size();
  const __m256i slash = _mm256_set1_epi8('\\');
  for (const char* block = text.data(); block < end; block += kVectorBlock) {
    const __m256i low = _mm256_cmpeq_epi8(load_avx2(block), slash);
    const __m256i high = _mm256_cmpeq_epi8(load_avx2(block + 32), slash);
    const __m256i low_doubts = _mm256_and_si256(low, not_simple_avx2(block + 1));
    const __m256i high_doubts = _mm256_and_si256(high, not_simple_avx2(block + 33));
    const __m256i any = _mm256_or_si256(low_doubts, high_doubts);
    if (_mm256_testz_si256(any, any) != 0) continue;
    const uint64_t begins =
        escape_begins(mask_of(low, high), ends_in_escape(text.data(), block) ? 1 : 0);
    if (!escapes_good(block, begins & mask_of(low_doubts, high_doubts), end)) return false;
  }
  return !ends_in_escape(text.data(), end);
}

WEIR_AVX512 bool escapes_good_avx512(std::string_view text) {
  const char* const end = text.data() + text.size();
  for (const char* block = text.data(); block < end; block += kVectorBlock) {
    const uint64_t slashes =
        _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(block), _mm512_set1_epi8('\\'));
    const uint64_t doubts = not_simple_avx512(slashes, block);
    if (doubts == 0) continue;
    const uint64_t begins = escape_begins(slashes, ends_in_escape(text.data(), block) ? 1 : 0);
    if (!escapes_good(block, begins & doubts, end)) return false;
  }
  return !ends_in_escape(text.data(), end);
}

WEIR_AVX2 size_t count_openers_avx2(std::string_view text) {
  size_t count = 0;
  size_t at = 0;
  const __m256i brace = _mm256_set1_epi8('{');
  const __m256i fold = _mm256_set1_epi8(0x20);
  __m256i sums = _mm256_setzero_si256();
  for (; at + 32 <= text.size(); at += 32) {
    const __m256i bytes = load_avx2(text.data() + at);
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
    // No processor has one of these without the bit instructions that come along, but a virtual
    // one may be told to hide them.
    if (__builtin_cpu_supports("bmi") == 0) return VectorLevel::kNone;
    if (__builtin_cpu_supports("pclmul") == 0) return VectorLevel::kNone;
    if (__builtin_cpu_supports("avx2") == 0) return VectorLevel::kNone;
    const bool avx512 = __builtin_cpu_supports("avx512bw") != 0 &&
                        __builtin_cpu_supports("avx512vbmi2") != 0;
    return avx512 ? VectorLevel::kAvx512 : VectorLevel::kAvx2;
  }();
  return level;
#else
  return VectorLevel::kNone;
#endif
}

size_t find_bad_escape(std::string_view text, VectorLevel level) {
#if defined(__x86_64__)
  if (level == VectorLevel::kAvx512 && escapes_good_avx512(text)) return text.size();
  if (level == VectorLevel::kAvx2 && escapes_good_avx2(text)) return text.size();
#endif
  static_cast<void>(level);
  // Also where there is a fault: which one is the first, the exact look says.
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
