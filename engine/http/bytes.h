// Byte classes of HTTP and searches over them, shared by everything that reads the wire.
//
// The searches look at 16 bytes at a time where SSE2 (for tokens SSSE3) is there and at single
// bytes elsewhere; both give the same result and never read at or past `end`. Pure functions, any
// thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#if defined(__SSSE3__)
#include <tmmintrin.h>
#endif

namespace weir {

inline constexpr uint8_t kTokenByte = 1;    // tchar: field names and methods
inline constexpr uint8_t kTargetByte = 2;   // printable ASCII without space and '#'
inline constexpr uint8_t kValueByte = 4;    // field values: no control byte but tab; obs-text is in
inline constexpr uint8_t kVisibleByte = 8;  // printable ASCII, space and tab
inline constexpr uint8_t kHostByte = 16;    // registered names but for %, RFC 3986 section 3.2.2

constexpr std::array<uint8_t, 256> byte_classes_make() {
  std::array<uint8_t, 256> table{};
  for (size_t i = 0; i < table.size(); ++i) {
    const bool printable = i >= 0x20 && i <= 0x7e;
    uint8_t bits = 0;
    if (printable && i != ' ' && i != '#') bits |= kTargetByte;
    if (printable || i == '\t') bits |= kVisibleByte | kValueByte;
    if (i >= 0x80) bits |= kValueByte;
    const bool letter = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z');
    if (letter || (i >= '0' && i <= '9')) bits |= kTokenByte | kHostByte;
    table[i] = bits;
  }
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    table[static_cast<unsigned char>(c)] |= kTokenByte;
  }
  for (const char c : std::string_view("-._~!$&'()*+,;=")) {
    table[static_cast<unsigned char>(c)] |= kHostByte;
  }
  return table;
}

inline constexpr std::array<uint8_t, 256> kByteClasses = byte_classes_make();

[[nodiscard]] inline bool byte_is(char c, uint8_t classes) {
  return (kByteClasses[static_cast<unsigned char>(c)] & classes) != 0;
}

// The value of a hexadecimal digit, or -1.
[[nodiscard]] constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The first byte in [p, end) outside `classes`, or `end`. For short runs: names, targets.
[[nodiscard]] inline const char* bytes_skip(const char* p, const char* end, uint8_t classes) {
  while (p != end && byte_is(*p, classes)) ++p;
  return p;
}

#if defined(__SSSE3__)
// Which token bytes have a given low half: bit n stands for the high half n. A byte is one when the
// two tables have a bit in common.
constexpr std::array<uint8_t, 16> token_rows_make() {
  std::array<uint8_t, 16> rows{};
  for (size_t c = 0; c < 128; ++c) {
    if ((kByteClasses[c] & kTokenByte) != 0) rows[c & 15] |= static_cast<uint8_t>(1 << (c >> 4));
  }
  return rows;
}
inline constexpr std::array<uint8_t, 16> kTokenRows = token_rows_make();
inline constexpr std::array<uint8_t, 16> kHighHalves = {1, 2, 4, 8, 16, 32, 64, 128};
#endif

// As bytes_skip for tokens.
[[nodiscard]] inline const char* token_skip(const char* p, const char* end) {
#if defined(__SSSE3__)
  const auto load = [](const void* from) {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
  };
  const __m128i rows = load(kTokenRows.data());
  const __m128i halves = load(kHighHalves.data());
  for (; end - p >= 16; p += 16) {
    const __m128i v = load(p);
    // A byte above 0x7f selects nothing from `rows`.
    const __m128i row = _mm_shuffle_epi8(rows, v);
    const __m128i half =
        _mm_shuffle_epi8(halves, _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(15)));
    const __m128i none = _mm_cmpeq_epi8(_mm_and_si128(row, half), _mm_setzero_si128());
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(none));
    if (mask != 0) return p + std::countr_zero(mask);
  }
#endif
  return bytes_skip(p, end, kTokenByte);
}

// As bytes_skip for request targets.
[[nodiscard]] inline const char* target_skip(const char* p, const char* end) {
#if defined(__SSE2__)
  for (; end - p >= 16; p += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    // Signed: bytes above 0x7f are below the space.
    const __m128i visible = _mm_cmpgt_epi8(v, _mm_set1_epi8(' '));
    const __m128i bad = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)),
                                     _mm_cmpeq_epi8(v, _mm_set1_epi8('#')));
    const auto good = static_cast<uint32_t>(_mm_movemask_epi8(_mm_andnot_si128(bad, visible)));
    if (good != 0xffff) return p + std::countr_one(good);
  }
#endif
  return bytes_skip(p, end, kTargetByte);
}

// The first byte in [p, end) that a field value may not hold, or `end`.
[[nodiscard]] inline const char* value_skip(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i last_control = _mm_set1_epi8(0x1f);
  const __m128i tab = _mm_set1_epi8('\t');
  const __m128i del = _mm_set1_epi8(0x7f);
  for (; end - p >= 16; p += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, last_control), v);
    const __m128i bad =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(v, tab), control), _mm_cmpeq_epi8(v, del));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(bad));
    if (mask != 0) return p + std::countr_zero(mask);
  }
#endif
  return bytes_skip(p, end, kValueByte);
}

// The first CR or LF in [p, end), or `end`.
[[nodiscard]] inline const char* line_end_find(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i cr = _mm_set1_epi8('\r');
  const __m128i lf = _mm_set1_epi8('\n');
  for (; end - p >= 16; p += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, cr), _mm_cmpeq_epi8(v, lf));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(hit));
    if (mask != 0) return p + std::countr_zero(mask);
  }
#endif
  while (p != end && *p != '\r' && *p != '\n') ++p;
  return p;
}

// The first `wanted` in [p, end), or `end`. For short distances.
[[nodiscard]] inline const char* byte_find(const char* p, const char* end, char wanted) {
#if defined(__SSE2__)
  const __m128i all = _mm_set1_epi8(wanted);
  for (; end - p >= 16; p += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(v, all)));
    if (mask != 0) return p + std::countr_zero(mask);
  }
#endif
  while (p != end && *p != wanted) ++p;
  return p;
}

// `text` without the spaces and tabs around it.
[[nodiscard]] inline std::string_view blanks_trim(std::string_view text) {
  const char* first = text.data();
  const char* last = first + text.size();
  while (first != last && (*first == ' ' || *first == '\t')) ++first;
  while (last != first && (last[-1] == ' ' || last[-1] == '\t')) --last;
  return {first, static_cast<size_t>(last - first)};
}

template <typename Word>
[[nodiscard]] inline bool word_equals_folded(const char* text, const char* lower) {
  Word a;
  Word b;
  std::memcpy(&a, text, sizeof a);
  std::memcpy(&b, lower, sizeof b);
  const auto letters = static_cast<Word>(b & static_cast<Word>(0x4040404040404040));
  return (a | static_cast<Word>(letters >> 1)) == b;
}

// Whether `text` is `lower`, ASCII letters of any case. `lower` holds small letters and bytes below
// '@' only: then bit 6 marks its letters, and setting bit 5 there folds letters and nothing else.
// Always inlined, because `lower` is nearly always a literal.
[[nodiscard, gnu::always_inline]] inline bool equals_folded(std::string_view text,
                                                            std::string_view lower) {
  const size_t size = lower.size();
  const char* const a = text.data();
  const char* const b = lower.data();
  if (text.size() != size) return false;
  if (size >= 8) {
    // The last word may overlap the one before it.
    for (size_t i = 0; i + 8 < size; i += 8) {
      if (!word_equals_folded<uint64_t>(a + i, b + i)) return false;
    }
    return word_equals_folded<uint64_t>(a + size - 8, b + size - 8);
  }
  if (size >= 4) {
    return word_equals_folded<uint32_t>(a, b) &&
           word_equals_folded<uint32_t>(a + size - 4, b + size - 4);
  }
  for (size_t i = 0; i < size; ++i) {
    if (!word_equals_folded<uint8_t>(a + i, b + i)) return false;
  }
  return true;
}

}  // namespace weir
