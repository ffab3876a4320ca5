// Writes one JSON line into memory of the caller, without allocating: the access log writes one
// for every request, so its cost is a part of each. Whoever writes asks once, with begin(), for
// room for the whole line; a line that gets none says so in failed(). Control thread.
#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/decimal.h"
#include "json/json_write.h"

namespace weir {

class LineWriter {
 public:
  // All names at their longest with every byte escaped, and room to spare.
  static constexpr size_t kBytes = 24 * 1024;

  // There are kBytes at `memory`.
  explicit LineWriter(char* memory) : begin_(memory), cursor_(memory) {}
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  [[nodiscard]] std::string_view view() const {
    return {begin_, static_cast<size_t>(cursor_ - begin_)};
  }
  [[nodiscard]] bool failed() const { return failed_; }

  // Room for that many bytes from here on. False: there is none, and nothing may be written.
  [[nodiscard]] bool begin(size_t bytes) {
    failed_ = static_cast<size_t>(begin_ + kBytes - cursor_) < bytes;
    return !failed_;
  }
  // How much a text of that size takes at most as a string.
  static constexpr size_t string_room(size_t size) { return 6 * size + 2; }
  static constexpr size_t kNumberRoom = kNumberBytes;

  // Fixed text; its length is known, so that it becomes a few stores.
  template <size_t N>
  [[gnu::always_inline]] void literal(const char (&text)[N]) {
    std::memcpy(cursor_, text, N - 1);
    cursor_ += N - 1;
  }
  // Text without anything to escape: names that Weir gave itself.
  void raw(std::string_view text) {
    copy<false>(cursor_, text);
    cursor_ += text.size();
  }
  void number(uint64_t value) {
    if (value >= 100) {
      cursor_ = write_number(cursor_, value);
    } else if (value >= 10) {
      put_pair(static_cast<uint32_t>(value));
    } else {
      *cursor_++ = static_cast<char>('0' + value);
    }
  }
  // Exactly three digits.
  void milliseconds(uint32_t value) {
    *cursor_++ = static_cast<char>('0' + value / 100);
    put_pair(value % 100);
  }
  // A JSON string. Text that needs no escape, which is nearly all, is copied as it is.
  void string(std::string_view text) {
    char* const at = cursor_;
    at[0] = '"';
    if (!copy<true>(at + 1, text)) return escaped(text);
    at[text.size() + 1] = '"';
    cursor_ = at + text.size() + 2;
  }

 private:
  static constexpr uint64_t kOnes = 0x0101010101010101;
  static constexpr uint64_t kHigh = 0x80 * kOnes;

  // A high bit for every byte that is not visible ASCII or is a quote or a backslash; false ones
  // may stand above a true one. Bytes are told by a subtraction that borrows from the high bit.
  static uint64_t marks(uint64_t word) {
    const auto zeros = [](uint64_t w) { return (w - kOnes) & ~w; };
    return (word | (word - 0x20 * kOnes) | zeros(word ^ (0x7f * kOnes)) |
            zeros(word ^ ('"' * kOnes)) | zeros(word ^ ('\\' * kOnes))) & kHigh;
  }
  template <typename Word>
  static uint64_t copy_word(char* to, const char* from) {
    Word word;
    std::memcpy(&word, from, sizeof word);
    std::memcpy(to, &word, sizeof word);
    return word;
  }
#if defined(__SSE2__)
  static constexpr size_t kBlock = 16;
  // The same for 16 bytes: not 0 if one of them must be escaped.
  static int copy_block(char* to, const char* from) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
    const auto is = [bytes](char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
    // As signed numbers, bytes above 0x7f are below 0x20 too.
    const __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
    const __m128i special = _mm_or_si128(is('"'), is('\\'));
    return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(low, is(0x7f)), special));
  }
#endif
  // Copies and, when asked, tells whether the text may stand in a JSON string as it is. It goes by
  // blocks or words, the last of which may overlap the one before it.
  template <bool kCheck>
  static bool copy(char* to, std::string_view text) {
    const auto good = [](uint64_t word) { return !kCheck || marks(word) == 0; };
    const char* const from = text.data();
    const size_t size = text.size();
    bool all_good = true;
#if defined(__SSE2__)
    if (kCheck && size >= kBlock) {
      const size_t last = size - kBlock;
      int bad = copy_block(to + last, from + last);
      for (size_t i = 0; i < last; i += kBlock) bad |= copy_block(to + i, from + i);
      return bad == 0;
    }
#endif
    if (size >= 8) {
      const size_t last = size - 8;
      for (size_t i = 0; i < last; i += 8) all_good &= good(copy_word<uint64_t>(to + i, from + i));
      return all_good & good(copy_word<uint64_t>(to + last, from + last));
    }
    if (size >= 4) {
      const uint64_t low = copy_word<uint32_t>(to, from);
      return good(copy_word<uint32_t>(to + size - 4, from + size - 4) << 32 | low);
    }
    uint64_t word = 'a' * kOnes;
    for (size_t i = 0; i < size; ++i) word = word << 8 | copy_word<uint8_t>(to + i, from + i);
    return good(word);
  }
  void put_pair(uint32_t below_100) {
    std::memcpy(cursor_, kDigitPairs.data() + 2 * below_100, 2);
    cursor_ += 2;
  }
  void escaped(std::string_view text) {
    std::string quoted;
    json_append_string(&quoted, text);
    quoted.copy(cursor_, quoted.size());
    cursor_ += quoted.size();
  }
  char* const begin_;
  char* cursor_;
  bool failed_ = false;
};

}  // namespace weir
