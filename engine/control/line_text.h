// Pieces of one line of JSON, written into memory of the caller without a check for each: the
// access log writes a line for every request, so its cost is a part of each.
//
// Every function writes at `to` and returns one past what it has written. It may use up to
// kLineSlack bytes behind that, which the next piece overwrites. Pure, any thread.
#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/decimal.h"
#include "json/json_write.h"
#include "link/ledger_record.h"

namespace weir {

inline constexpr size_t kLineSlack = 64;

// How much a text of that size takes at most as a string.
constexpr size_t line_string_room(size_t size) { return 6 * size + 2; }

// Text that is known when Weir is built, with its room: line_fixed<"text">(to).
template <size_t N>
struct FixedText {
  static constexpr size_t kBlock = 16;
  static constexpr size_t kSize = N - 1;
  static constexpr size_t kRoom = (kSize + kBlock - 1) / kBlock * kBlock;
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for the literal.
  consteval FixedText(const char (&from)[N]) { std::copy_n(from, kSize, text); }
  char text[kRoom]{};
};

// Copied in whole blocks, which takes two instructions each.
template <FixedText kText>
[[gnu::always_inline]] inline char* line_fixed(char* to) {
  std::memcpy(to, kText.text, kText.kRoom);
  return to + kText.kSize;
}

// Long text without anything to escape, with kLineSlack bytes that may be read behind it. Copied in
// blocks: calling memcpy for one that is long enough for its own loop costs more.
inline char* line_long(char* to, std::string_view text) {
  for (size_t done = 0; done < text.size(); done += kLineSlack) {
    std::memcpy(to + done, text.data() + done, kLineSlack);
  }
  return to + text.size();
}

// Text without anything to escape.
inline char* line_raw(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

// A fixed text, usually the name of a member, and a number.
template <FixedText kText>
[[gnu::always_inline]] inline char* line_number(char* to, uint64_t value) {
  return write_number(line_fixed<kText>(to), value);
}

// Any text as a JSON string.
inline char* line_string(char* to, std::string_view text) {
  std::string quoted;
  json_append_string(&quoted, text);
  return line_raw(to, quoted);
}

#if defined(__SSE2__)
// Copies 16 bytes. A bit for each that cannot stand in a JSON string as it is, or may not.
inline uint32_t line_block(char* to, const char* from) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  // As signed numbers, bytes above 0x7f are below 0x20 too.
  const __m128i outside = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
  const __m128i special = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                       _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  return static_cast<uint32_t>(_mm_movemask_epi8(_mm_or_si128(outside, special)));
}
#else
inline uint32_t line_block(char* to, const char* from) {
  uint32_t marks = 0;
  for (size_t i = 0; i < LedgerRecord::kTextBlock; ++i) {
    const char c = to[i] = from[i];
    const bool plain = c >= 0x20 && static_cast<uint8_t>(c) < 0x80 && c != '"' && c != '\\';
    marks |= (plain ? 0U : 1U) << i;
  }
  return marks;
}
#endif

// A text of a record as a JSON string. Text that needs no escape, which is nearly all, is copied as
// it is.
template <size_t N>
char* line_string(char* to, const char (&text)[N], size_t size) {
  constexpr size_t kBlock = LedgerRecord::kTextBlock;
  static_assert(N % kBlock == 0);
  size = std::min(size, N);
  *to = '"';
  uint32_t marks = 0;
  size_t done = 0;
  for (; done + kBlock <= size; done += kBlock) marks |= line_block(to + 1 + done, text + done);
  if (done < size) {
    // What stands behind the text may be anything.
    marks |= line_block(to + 1 + done, text + done) & ((1U << (size - done)) - 1);
  }
  if (marks != 0) [[unlikely]] return line_string(to, {text, size});
  to[1 + size] = '"';
  return to + size + 2;
}

}  // namespace weir
