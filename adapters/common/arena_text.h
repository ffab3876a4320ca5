// Text that grows in an Arena, for bodies and events that an adapter writes itself.
//
// Growing copies, so a good first capacity saves time; old copies stay in the arena until its
// reset. view() is valid until the next append. One thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/arena.h"

namespace weir {

class ArenaText {
 public:
  explicit ArenaText(Arena& arena, size_t capacity = 512)
      : arena_(arena), data_(arena.allocate(capacity)), capacity_(capacity) {}
  ArenaText(const ArenaText&) = delete;
  ArenaText& operator=(const ArenaText&) = delete;

  ArenaText& add(std::string_view text) {
    if (text.empty()) return *this;
    if (capacity_ - size_ < text.size()) grow(text.size());
    std::memcpy(data_ + size_, text.data(), text.size());
    size_ += text.size();
    return *this;
  }
  ArenaText& add_number(int64_t value);
  // With quotes and escapes.
  ArenaText& add_quoted(std::string_view plain);
  // The shortest decimal text that reads back as the same float.
  ArenaText& add_float(float value);
  // Base64 of bytes, RFC 4648 with padding, without quotes.
  ArenaText& add_base64(std::string_view bytes);

  [[nodiscard]] std::string_view view() const { return {data_, size_}; }
  [[nodiscard]] size_t size() const { return size_; }
  void cut(size_t size) { size_ = size; }

 private:
  void grow(size_t more);
  Arena& arena_;
  char* data_;
  size_t size_ = 0;
  size_t capacity_;
};

}  // namespace weir
