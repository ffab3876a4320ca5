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
    std::memcpy(buffer_.data() + size_, text.data(), text.size());
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
    char* const begin = buffer_.data() + size_ + 1;
    bool plain = true;
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      plain = plain && c >= ' ' && c < 0x7f && c != '"' && c != '\\';
      begin[i] = c;
    }
    if (!plain) return escaped(text);
    begin[-1] = begin[text.size()] = '"';
    size_ += text.size() + 2;
  }

 private:
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
