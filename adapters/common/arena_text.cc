#include "adapters/common/arena_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "json/json_write.h"

namespace weir {

void ArenaText::grow(size_t more) {
  const size_t capacity = std::max(capacity_ * 2, size_ + more);
  char* larger = arena_.allocate(capacity);
  std::memcpy(larger, data_, size_);
  data_ = larger;
  capacity_ = capacity;
}

ArenaText& ArenaText::add_number(int64_t value) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  return add({digits, static_cast<size_t>(end - digits)});
}

ArenaText& ArenaText::add_quoted(std::string_view plain) {
  return add(json_quote(plain, arena_));
}

ArenaText& ArenaText::add_float(float value) {
  if (!std::isfinite(value)) return add("0");
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
  return add({digits, static_cast<size_t>(end - digits)});
}

ArenaText& ArenaText::add_base64(std::string_view bytes) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t length = (bytes.size() + 2) / 3 * 4;
  if (capacity_ - size_ < length) grow(length);
  char* to = data_ + size_;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < have ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    }
    *to++ = kAlphabet[group >> 18];
    *to++ = kAlphabet[group >> 12 & 63];
    *to++ = have > 1 ? kAlphabet[group >> 6 & 63] : '=';
    *to++ = have > 2 ? kAlphabet[group & 63] : '=';
  }
  size_ += length;
  return *this;
}

}  // namespace weir
