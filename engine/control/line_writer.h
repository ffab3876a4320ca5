// Writes one JSON line into a fixed buffer, without allocating: the access log writes one for every
// request, so its cost is a part of each. Nothing is written past the end; a line that does not fit
// says so in failed(). Control thread.
#pragma once

#include <array>
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

  [[nodiscard]] std::string_view view() const { return {buffer_.data(), size_}; }
  [[nodiscard]] bool failed() const { return failed_; }

  void raw(std::string_view text) {
    if (!room(text.size())) return;
    text.copy(buffer_.data() + size_, text.size());  // unlike memcpy, null is fine when empty
    size_ += text.size();
  }
  void number(uint64_t value) {
    constexpr size_t kDigits = 20;
    if (!room(kDigits)) return;
    size_ = static_cast<size_t>(write_number(buffer_.data() + size_, value) - buffer_.data());
  }
  // Exactly three digits.
  void milliseconds(uint64_t value) {
    if (!room(3)) return;
    for (uint64_t unit = 100; unit != 0; unit /= 10) {
      buffer_[size_++] = static_cast<char>('0' + value / unit % 10);
    }
  }
  // A JSON string. Text that needs no escape, which is nearly all, is copied as it is.
  void string(std::string_view text) {
    if (!room(text.size() + 2)) return;
    if (!is_plain(text)) return escaped(text);
    char* const begin = buffer_.data() + size_;
    begin[0] = '"';
    text.copy(begin + 1, text.size());
    begin[text.size() + 1] = '"';
    size_ += text.size() + 2;
  }

 private:
  // Visible ASCII without quote and backslash, eight bytes at a time: a byte is told by its high bit
  // after an addition or a subtraction that cannot carry into its neighbour once high bits are out.
  static bool is_plain(std::string_view text) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    constexpr uint64_t kHigh = 0x80 * kOnes;
    const auto has_zero = [](uint64_t word) { return (word - kOnes) & ~word & kHigh; };
    const char* p = text.data();
    size_t left = text.size();
    for (; left != 0; p += left < 8 ? left : 8, left -= left < 8 ? left : 8) {
      uint64_t word = 'a' * kOnes;
      std::memcpy(&word, p, left < 8 ? left : 8);
      const uint64_t control = (word - 0x20 * kOnes) & kHigh;
      const uint64_t del = has_zero(word ^ (0x7f * kOnes));
      const uint64_t quote = has_zero(word ^ ('"' * kOnes));
      const uint64_t backslash = has_zero(word ^ ('\\' * kOnes));
      if ((word & kHigh) != 0 || (control | del | quote | backslash) != 0) return false;
    }
    return true;
  }
  void escaped(std::string_view text) {
    std::string quoted;
    json_append_string(&quoted, text);
    raw(quoted);
  }
  bool room(size_t bytes) {
    if (kBytes - size_ >= bytes) return true;
    failed_ = true;
    return false;
  }
  std::array<char, kBytes> buffer_;  // not initialised: only what was written is read
  size_t size_ = 0;
  bool failed_ = false;
};

}  // namespace weir
