// The words that answers are made of: an endless deterministic text in ASCII, or in UTF-8 with
// characters of two to four bytes. Slices never cut a character. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::mock {

// The text repeats after this many bytes or a little less; no slice is longer than that.
inline constexpr std::size_t kPoolBytes = 1U << 16;

std::string_view pool_text(bool utf8);

// At most `len` bytes of `text` from about `at` on, at least one character.
inline std::string_view slice_characters(std::string_view text, std::size_t at, std::size_t len) {
  const auto inside = [&](std::size_t i) {
    return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
  };
  if (at >= text.size()) return {};
  while (inside(at)) --at;
  std::size_t end = len < text.size() - at ? at + len : text.size();
  while (end > at && inside(end)) --end;
  if (end == at) {
    ++end;
    while (inside(end)) ++end;
  }
  return text.substr(at, end - at);
}

// A text of about `len` bytes, repeating the pool as often as needed.
std::string make_text(std::size_t len, bool utf8);
std::string make_words(std::size_t count, bool utf8);

}  // namespace weir::mock
