#include "json/string_end.h"

#include "json/escape_vectors.h"
#include "json/index.h"
#include "json/plain_text.h"
#include "json/text.h"
#include "json/wide_stretches.h"

namespace weir {

namespace {

StringEnd string_end_portable(const char* at, const char* end) {
  bool wide = false;
  bool escaped = false;
  const char* p = at;
  for (;;) {
    p = plain_text_end(p, end, &wide);
    if (p == end) return {};
    if (*p == '"') break;
    const size_t escape = *p == '\\' ? escape_size({p, static_cast<size_t>(end - p)}) : 0;
    if (escape == 0) return {};
    escaped = true;
    p += escape;
  }
  if (wide && !is_utf8({at, static_cast<size_t>(p - at)})) return {};
  return {p, escaped};
}

#if defined(__x86_64__)

// The masks of a block, a bit for each byte.
struct Block {
  uint64_t quotes;
  uint64_t slashes;
  uint64_t odd;  // control characters and wide bytes
  uint64_t wide;
  uint64_t letters;  // of two-byte escapes; only set where there are escapes
};

// The state between the blocks of a string.
class Inside {
 public:
  WEIR_INLINE explicit Inside(const char* end) : end_(end) {}

  // Whether the next block begins with the letter of an escape.
  [[nodiscard]] WEIR_INLINE bool in_escape() const { return taken_ != 0; }

  // False when the string ends in this block, or is no good one.
  [[nodiscard]] WEIR_BITS WEIR_INLINE bool take(const char* at, const Block& block) {
    uint64_t escaped = 0;
    uint64_t doubts = 0;
    if ((block.slashes | taken_) != 0) {
      const uint64_t begins = escape_begins(block.slashes, taken_);
      escaped = begins << 1 | taken_;
      taken_ = begins >> 63;
      doubts = escaped & ~block.letters;
    }
    uint64_t inside = ~uint64_t{0};
    if (const auto left = end_ - at; left < static_cast<ptrdiff_t>(kVectorBlock)) {
      inside = (uint64_t{1} << left) - 1;
    }
    const uint64_t quotes = block.quotes & ~escaped & inside;
    inside &= (quotes & -quotes) - 1;
    if ((block.odd & ~block.wide & inside) != 0) return false;
    if ((doubts & inside) != 0 && !letters_good(at, doubts & inside, end_)) return false;
    escaped_ |= (escaped & inside) != 0;
    if ((block.wide & inside) != 0) wide_.note(at);
    if (quotes != 0) quote_ = at + _tzcnt_u64(quotes);
    return quotes == 0;
  }
  [[nodiscard]] WEIR_INLINE StringEnd finish() const {
    return quote_ != nullptr && wide_.are_utf8(quote_) ? StringEnd{quote_, escaped_} : StringEnd{};
  }

 private:
  const char* end_;
  const char* quote_ = nullptr;
  WideStretches wide_;
  uint64_t taken_ = 0;  // 1: the next byte is the letter of an escape
  bool escaped_ = false;
};

WEIR_AVX2 StringEnd string_end_avx2(const char* at, const char* end) {
  const __m256i ends = table_avx2(kEnds);
  const __m256i quote = keep(_mm256_set1_epi8('"'));
  const __m256i last_control = keep(_mm256_set1_epi8(0x1F));
  const __m256i all = keep(_mm256_set1_epi8(-1));
  Inside inside(end);
  for (; at < end; at += kVectorBlock) {
    const __m256i low = load_avx2(at);
    const __m256i high = load_avx2(at + 32);
    const __m256i low_found = find_avx2(ends, low);
    const __m256i high_found = find_avx2(ends, high);
    const __m256i low_even = _mm256_cmpgt_epi8(low, last_control);
    const __m256i high_even = _mm256_cmpgt_epi8(high, last_control);
    const __m256i plain = _mm256_and_si256(_mm256_andnot_si256(low_found, low_even),
                                           _mm256_andnot_si256(high_found, high_even));
    if (_mm256_testc_si256(plain, all) != 0 && !inside.in_escape()) continue;
    Block block;
    block.quotes = mask_of(_mm256_cmpeq_epi8(low, quote), _mm256_cmpeq_epi8(high, quote));
    block.slashes = mask_of(low_found, high_found) ^ block.quotes;
    block.odd = ~mask_of(low_even, high_even);
    block.wide = mask_of(low, high);
    if (block.slashes != 0 || inside.in_escape()) {
      const __m256i table = table_avx2(kLetters);
      block.letters = mask_of(find_avx2(table, low), find_avx2(table, high));
    }
    if (!inside.take(at, block)) break;
  }
  return inside.finish();
}

WEIR_AVX512 StringEnd string_end_avx512(const char* at, const char* end) {
  Inside inside(end);
  for (; at < end; at += kVectorBlock) {
    const __m512i bytes = _mm512_loadu_si512(at);
    Block block;
    block.quotes = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"'));
    block.slashes = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\'));
    block.odd = _mm512_cmplt_epi8_mask(bytes, _mm512_set1_epi8(' '));
    if ((block.quotes | block.slashes | block.odd) == 0 && !inside.in_escape()) continue;
    block.wide = _mm512_movepi8_mask(bytes);
    const __m512i table = table_avx512(kLetters);
    block.letters = _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(table, bytes), bytes);
    if (!inside.take(at, block)) break;
  }
  return inside.finish();
}

#endif

}  // namespace

StringEnd long_string_end(const char* at, const char* end, VectorLevel level) {
#if defined(__x86_64__)
  if (level == VectorLevel::kAvx512) return string_end_avx512(at, end);
  if (level == VectorLevel::kAvx2) return string_end_avx2(at, end);
#endif
  static_cast<void>(level);
  return string_end_portable(at, end);
}

}  // namespace weir
