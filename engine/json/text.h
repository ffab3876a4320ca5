// Characters of JSON text: UTF-8 sequences and backslash escapes, one at a time.
//
// The slow and exact half of the JSON code; the whole-body passes (index.h, escape_check.h) keep
// the common case away from it. Nothing here reads outside the views it is given. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

[[nodiscard]] constexpr bool is_json_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// Bytes of the well-formed UTF-8 sequence that `text` starts with (1 to 4); 0 when there is none.
[[nodiscard]] size_t utf8_sequence_size(std::string_view text);

// The value of a token of up to kWholeDigits digits and nothing else; -1 of any other.
constexpr uint8_t kWholeDigits = 18;
[[nodiscard]] inline int64_t whole_number(std::string_view token) {
  if (token.empty() || token.size() > kWholeDigits) return -1;
  int64_t value = 0;
  for (const char c : token) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

// Offset of the first byte that is not UTF-8; text.size() when there is none.
[[nodiscard]] size_t utf8_error_offset(std::string_view text);

// Writes the UTF-8 form of `code` (up to 4 bytes, surrogates as 3); returns one past the last.
char* write_utf8(char* to, uint32_t code);

// Bytes of the escape that `text` (which starts with a backslash) begins with: 2, or 6 for a \u
// escape; 0 when RFC 8259 knows no such escape. `code` gets the UTF-16 unit it stands for.
[[nodiscard]] size_t escape_size(std::string_view text, uint32_t* code = nullptr);

// What becomes of a surrogate escape without its other half, which no UTF-8 text can hold.
enum class LoneSurrogate : uint8_t {
  kReplace,  // U+FFFD, for people and providers
  kKeep,     // three bytes of their own, so that different keys stay different
  kRefuse,
};

struct Unescaped {
  bool ok = false;
  size_t size = 0;
};

// Writes the plain form of `raw`, the text between the quotes of a string token, to `to`, which has
// room for raw.size() bytes (the plain form is never longer). Not ok when an escape is wrong.
[[nodiscard]] Unescaped unescape_json(std::string_view raw, LoneSurrogate lone, char* to);

// Bytes that unescape_json would write for a valid `raw`.
[[nodiscard]] size_t unescaped_size(std::string_view raw);

}  // namespace weir
