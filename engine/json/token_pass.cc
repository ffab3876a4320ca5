#include "json/token_pass.h"

#include <cstring>

#include "json/escape_vectors.h"
#include "json/wide_stretches.h"

namespace weir {

#if defined(__x86_64__)

namespace {

// Two more tables for the low half of a byte, as in escape_vectors.h.
alignas(16) constexpr char kSpaces[16] = {' ', 0,    0,    0, 0, 0,    0, 0,
                                          0,   '\t', '\n', 0, 0, '\r', 0, 0};
// Brackets, colon and comma, all with the bit 0x20 set. It takes two control characters along,
// which no walk takes for tokens.
alignas(16) constexpr char kOperators[16] = {0, 0, 0,   0,   0,   0,   0, 0,
                                             0, 0, ':', '{', ',', '}', 0, 0};

alignas(64) constexpr std::array<char, kVectorBlock> kOffsets = [] {
  std::array<char, kVectorBlock> offsets{};
  for (size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<char>(i);
  return offsets;
}();

// The state between blocks, and what is done with the masks of one.
class Tokens {
 public:
  WEIR_INLINE Tokens(const char* begin, const char* end, uint32_t* positions)
      : begin_(begin), end_(end), next_(positions) {}

  // Whether the next block begins in a string, and not with the letter of an escape: then plain
  // text in it changes nothing.
  [[nodiscard]] WEIR_INLINE bool plain_inside() const { return in_string_ != 0 && taken_ == 0; }
  [[nodiscard]] WEIR_INLINE bool in_escape() const { return taken_ != 0; }

  // Of a block without a backslash and without the letter of an escape.
  WEIR_INLINE void take_quotes(uint64_t quotes) { quotes_ = quotes; }
  // Of any other; returns the bytes that should be letters of two-byte escapes and are not.
  WEIR_INLINE uint64_t take_escapes(uint64_t quotes, uint64_t slashes, uint64_t letters) {
    const uint64_t begins = escape_begins(slashes, taken_);
    const uint64_t escaped = begins << 1 | taken_;
    taken_ = begins >> 63;
    quotes_ = quotes & ~escaped;
    return escaped & ~letters;
  }
  [[nodiscard]] WEIR_BITS WEIR_INLINE bool letters_are_good(const char* block,
                                                            uint64_t letters) const {
    return letters_good(block, letters, end_);
  }
  // Behind one of these: whether all of the block lies in one string. Else take_strings() and
  // take_tokens() follow.
  [[nodiscard]] WEIR_INLINE bool all_inside() const { return quotes_ == 0 && in_string_ != 0; }
  // The bytes in strings, their opening quotes among them.
  WEIR_BITS WEIR_INLINE uint64_t take_strings() {
    inside_ = prefix_xor(quotes_) ^ in_string_;
    in_string_ = static_cast<uint64_t>(static_cast<int64_t>(inside_) >> 63);
    return inside_;
  }
  // The tokens of the block.
  WEIR_INLINE uint64_t take_tokens(uint64_t operators, uint64_t spaces) {
    const uint64_t scalars = ~(operators | spaces);
    const uint64_t unquoted = scalars & ~quotes_;
    const uint64_t starts = operators | (scalars & ~(unquoted << 1 | in_scalar_));
    in_scalar_ = unquoted >> 63;
    // Neither what is in a string nor its closing quote.
    return starts & ~(inside_ ^ quotes_);
  }
  // In steps of eight, and more is written than counts: most blocks need one step and no guess.
  WEIR_BITS WEIR_INLINE void store(const char* block, uint64_t tokens) {
    const auto base = static_cast<uint32_t>(block - begin_);
    uint32_t* to = next_;
    next_ += __builtin_popcountll(tokens);
    do {
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) {
        to[i] = base + static_cast<uint32_t>(_tzcnt_u64(tokens));
        tokens = _blsr_u64(tokens);
      }
      to += 8;
    } while (to < next_);
  }
  // Likewise in steps of sixteen: `offsets` are 0 to 63.
  WEIR_AVX512 WEIR_INLINE void store_avx512(const char* block, uint64_t tokens, __m512i offsets) {
    const __m512i base = _mm512_set1_epi32(static_cast<int>(block - begin_));
    const __m512i found = _mm512_maskz_compress_epi8(tokens, offsets);
    uint32_t* to = next_;
    next_ += __builtin_popcountll(tokens);
    const auto write = [&](__m128i sixteen) WEIR_AVX512 {
      _mm512_storeu_si512(to, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(sixteen)));
      to += 16;
      return to < next_;
    };
    if (!write(_mm512_castsi512_si128(found))) return;
    if (!write(_mm512_extracti32x4_epi32(found, 1))) return;
    if (!write(_mm512_extracti32x4_epi32(found, 2))) return;
    static_cast<void>(write(_mm512_extracti32x4_epi32(found, 3)));
  }
  WEIR_INLINE void note_wide(const char* block) { wide_.note(block); }
  // One past the last token; null when the text cannot be good.
  [[nodiscard]] WEIR_INLINE uint32_t* finish() const {
    if ((in_string_ | taken_) != 0) return nullptr;
    return wide_.are_utf8(end_) ? next_ : nullptr;
  }

 private:
  WEIR_BITS WEIR_INLINE static uint64_t prefix_xor(uint64_t bits) {
    const __m128i ones = _mm_set1_epi8(static_cast<char>(0xFF));
    const __m128i sums =
        _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<int64_t>(bits)), ones, 0);
    return static_cast<uint64_t>(_mm_cvtsi128_si64(sums));
  }
  const char* begin_;
  const char* end_;
  uint32_t* next_;
  WideStretches wide_;
  uint64_t quotes_ = 0;
  uint64_t inside_ = 0;
  uint64_t in_string_ = 0;  // all bits or none
  uint64_t in_scalar_ = 0;  // 1: the last byte was part of a number or literal
  uint64_t taken_ = 0;      // 1: the first byte is the letter of an escape
};

// The last bytes of a text, with white space behind them.
struct LastBlock {
  WEIR_INLINE const char* fill(const char* at, const char* end) {
    std::memset(bytes, ' ', sizeof(bytes));
    std::memcpy(bytes, at, static_cast<size_t>(end - at));
    return bytes;
  }
  char bytes[kVectorBlock];
};

WEIR_AVX2 uint32_t* token_pass_avx2(std::string_view text, bool escapes, uint32_t* positions) {
  const char* const end = text.data() + text.size();
  const __m256i ends = table_avx2(kEnds);
  const __m256i space = keep(_mm256_set1_epi8(' '));
  const __m256i last_control = keep(_mm256_set1_epi8(0x1F));
  const __m256i quote = keep(_mm256_set1_epi8('"'));
  const __m256i all = keep(_mm256_set1_epi8(-1));
  Tokens tokens(text.data(), end, positions);
  LastBlock last;
  for (const char* at = text.data(); at < end; at += kVectorBlock) {
    const bool whole = end - at >= static_cast<ptrdiff_t>(kVectorBlock);
    const char* bytes = whole ? at : last.fill(at, end);
    const __m256i low = load_avx2(bytes);
    const __m256i high = load_avx2(bytes + 32);
    const __m256i low_found = find_avx2(ends, low);
    const __m256i high_found = find_avx2(ends, high);
    // Neither control characters nor wide bytes, which are negative.
    const __m256i low_even = _mm256_cmpgt_epi8(low, last_control);
    const __m256i high_even = _mm256_cmpgt_epi8(high, last_control);
    const __m256i plain = _mm256_and_si256(_mm256_andnot_si256(low_found, low_even),
                                           _mm256_andnot_si256(high_found, high_even));
    if (tokens.plain_inside() && _mm256_testc_si256(plain, all) != 0) continue;
    const uint64_t quotes = mask_of(_mm256_cmpeq_epi8(low, quote), _mm256_cmpeq_epi8(high, quote));
    const uint64_t slashes = mask_of(low_found, high_found) ^ quotes;
    if (slashes != 0 || tokens.in_escape()) {
      const __m256i table = table_avx2(kLetters);
      const uint64_t letters = mask_of(find_avx2(table, low), find_avx2(table, high));
      const uint64_t doubts = tokens.take_escapes(quotes, slashes, letters);
      if (doubts != 0 && escapes && !tokens.letters_are_good(at, doubts)) return nullptr;
    } else {
      tokens.take_quotes(quotes);
    }
    // False at a control character in a string; elsewhere it may be white space.
    const auto take_odd = [&](uint64_t inside) __attribute__((always_inline)) WEIR_AVX2 {
      if (_mm256_testc_si256(_mm256_and_si256(low_even, high_even), all) != 0) return true;
      const uint64_t wide = mask_of(low, high);
      if (wide != 0) tokens.note_wide(at);
      return (~mask_of(low_even, high_even) & ~wide & inside) == 0;
    };
    if (tokens.all_inside()) {
      if (!take_odd(~uint64_t{0})) return nullptr;
      continue;
    }
    if (!take_odd(tokens.take_strings())) return nullptr;
    const __m256i operators = table_avx2(kOperators);
    const __m256i low_operators = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(operators, low),
                                                    _mm256_or_si256(low, space));
    const __m256i high_operators = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(operators, high),
                                                     _mm256_or_si256(high, space));
    const __m256i spaces = table_avx2(kSpaces);
    const uint64_t found =
        tokens.take_tokens(mask_of(low_operators, high_operators),
                           mask_of(find_avx2(spaces, low), find_avx2(spaces, high)));
    tokens.store(at, found);
  }
  return tokens.finish();
}

WEIR_AVX512 uint32_t* token_pass_avx512(std::string_view text, bool escapes, uint32_t* positions) {
  const char* const end = text.data() + text.size();
  const __m512i space = _mm512_set1_epi8(' ');
  const __m512i offsets = _mm512_load_si512(kOffsets.data());
  Tokens tokens(text.data(), end, positions);
  for (const char* at = text.data(); at < end; at += kVectorBlock) {
    __m512i bytes;
    if (const auto left = end - at; left >= static_cast<ptrdiff_t>(kVectorBlock)) {
      bytes = _mm512_loadu_si512(at);
    } else {  // white space behind the last bytes; what the mask leaves out is not read
      const uint64_t held = (uint64_t{1} << left) - 1;
      bytes = _mm512_mask_loadu_epi8(space, held, at);
    }
    const uint64_t quotes = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"'));
    const uint64_t slashes = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\'));
    // Control characters; and wide bytes, which are negative.
    const uint64_t odd = _mm512_cmplt_epi8_mask(bytes, space);
    if (tokens.plain_inside() && (quotes | slashes | odd) == 0) continue;
    const __m512i table = table_avx512(kLetters);
    const uint64_t letters = _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(table, bytes), bytes);
    const uint64_t doubts = tokens.take_escapes(quotes, slashes, letters);
    if (doubts != 0 && escapes && !tokens.letters_are_good(at, doubts)) return nullptr;
    const bool all_inside = tokens.all_inside();
    const uint64_t inside = all_inside ? ~uint64_t{0} : tokens.take_strings();
    if (odd != 0) {
      const uint64_t wide = _mm512_movepi8_mask(bytes);
      if ((odd & ~wide & inside) != 0) return nullptr;
      if (wide != 0) tokens.note_wide(at);
    }
    if (all_inside) continue;
    const __m512i operators = table_avx512(kOperators);
    const __m512i spaces = table_avx512(kSpaces);
    const uint64_t found = tokens.take_tokens(
        _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(operators, bytes),
                               _mm512_or_si512(bytes, space)),
        _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(spaces, bytes), bytes));
    tokens.store_avx512(at, found, offsets);
  }
  return tokens.finish();
}

}  // namespace

#endif

uint32_t* token_pass(std::string_view text, VectorLevel level, bool escapes, uint32_t* positions) {
#if defined(__x86_64__)
  if (level == VectorLevel::kAvx512) return token_pass_avx512(text, escapes, positions);
  if (level == VectorLevel::kAvx2) return token_pass_avx2(text, escapes, positions);
#endif
  static_cast<void>(text);
  static_cast<void>(level);
  static_cast<void>(escapes);
  static_cast<void>(positions);
  return nullptr;
}

}  // namespace weir
