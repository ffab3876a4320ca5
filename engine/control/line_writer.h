// Writes one JSON line into a fixed buffer, without allocating: the access log writes one for every
// request, so its cost is a part of each. Nothing is written past the end; a line that does not fit
// says so in failed(). Control thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "json/json_write.h"

namespace weir {

class LineWriter {
 public:
  // All names at their longest with every byte escaped, and room to spare.
  static constexpr size_t kBytes = 24 * 1024;

  LineWriter() : cursor_(buffer_) {}
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  [[nodiscard]] std::string_view view() const {
    return {buffer_, static_cast<size_t>(cursor_ - buffer_)};
  }
  [[nodiscard]] bool failed() const { return failed_; }

  // Fixed text; its length is known, so that it becomes a few stores.
  template <size_t N>
  [[gnu::always_inline]] void literal(const char (&text)[N]) {
    if (!room(N - 1)) return;
    std::memcpy(cursor_, text, N - 1);
    cursor_ += N - 1;
  }
  // Text without anything to escape: names that Weir gave itself.
  void raw(std::string_view text) {
    if (!room(text.size())) return;
    copy<false>(cursor_, text);
    cursor_ += text.size();
  }
  void number(uint64_t value) {
    constexpr size_t kDigits = 20;
    if (!room(kDigits)) return;
    if (value >= 10'000) {
      cursor_ = write_number(cursor_, value);
      return;
    }
    const auto small = static_cast<uint32_t>(value);
    if (small >= 100) {
      cursor_ = put_full_pair(put_pair(cursor_, small / 100), small % 100);
    } else {
      cursor_ = put_pair(cursor_, small);
    }
  }
  // Exactly three digits.
  void milliseconds(uint32_t value) {
    if (!room(3)) return;
    *cursor_ = static_cast<char>('0' + value / 100);
    cursor_ = put_full_pair(cursor_ + 1, value % 100);
  }
  // A JSON string. Text that needs no escape, which is nearly all, is copied as it is.
  void string(std::string_view text) {
    if (!room(text.size() + 2)) return;
    char* const begin = cursor_;
    begin[0] = '"';
    if (!copy<true>(begin + 1, text)) return escaped(text);
    begin[text.size() + 1] = '"';
    cursor_ = begin + text.size() + 2;
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
  // Copies and, when asked, tells whether the text may stand in a JSON string as it is. Names are
  // short, so it goes by words, the last of which may overlap the one before it.
  template <bool kCheck>
  static bool copy(char* to, std::string_view text) {
    const auto good = [](uint64_t word) { return !kCheck || marks(word) == 0; };
    const char* const from = text.data();
    const size_t size = text.size();
    bool all_good = true;
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
  // A number below 100: as it is, and with both digits.
  static char* put_pair(char* to, uint32_t value) {
    if (value >= 10) return put_full_pair(to, value);
    *to = static_cast<char>('0' + value);
    return to + 1;
  }
  static char* put_full_pair(char* to, uint32_t value) {
    to[0] = static_cast<char>('0' + value / 10);
    to[1] = static_cast<char>('0' + value % 10);
    return to + 2;
  }
  void escaped(std::string_view text) {
    std::string quoted;
    json_append_string(&quoted, text);
    if (!room(quoted.size())) return;
    quoted.copy(cursor_, quoted.size());
    cursor_ += quoted.size();
  }
  bool room(size_t bytes) {
    if (static_cast<size_t>(buffer_ + kBytes - cursor_) >= bytes) return true;
    failed_ = true;
    return false;
  }
  char buffer_[kBytes];  // not initialised: only what was written is read
  char* cursor_;
  bool failed_ = false;
};

}  // namespace weir
