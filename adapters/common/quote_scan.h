// The cheap search that comes before any parsing: visits each quotation mark of a JSON text, eight
// bytes at a time, so that a caller can compare what follows with the few keys it looks for.
//
// `"usage"` with both its quotes cannot stand inside a string, where quotes are escaped; it is a
// key when a colon follows and a value otherwise. So a hit is exact, though at any depth. Any
// thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "adapters/common/json_walk.h"

namespace weir {

// visit(size_t at), with text[at] == '"'.
template <typename Visit>
void for_each_quote(std::string_view text, Visit visit) {
  constexpr uint64_t kQuotes = 0x2222222222222222u;
  constexpr uint64_t kLowBits = 0x7f7f7f7f7f7f7f7fu;
  size_t at = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (; at + 8 <= text.size(); at += 8) {
      uint64_t word;
      std::memcpy(&word, text.data() + at, 8);
      const uint64_t x = word ^ kQuotes;
      // The high bit of each byte that is zero in x, and of no other.
      uint64_t hits = ~(((x & kLowBits) + kLowBits) | x | kLowBits);
      for (; hits != 0; hits &= hits - 1) {
        visit(at + static_cast<size_t>(std::countr_zero(hits)) / 8);
      }
    }
  }
  for (; at < text.size(); ++at) {
    if (text[at] == '"') visit(at);
  }
}

[[nodiscard]] inline bool text_at(std::string_view text, size_t at, std::string_view token) {
  return text.size() - at >= token.size() &&
         std::memcmp(text.data() + at, token.data(), token.size()) == 0;
}

// Index of the value behind a key token that ends at `at`; 0 when no colon and value follow.
[[nodiscard]] inline size_t value_behind(std::string_view text, size_t at) {
  if (at >= text.size() || text[at] != ':') {
    at = json_skip_space(text, at);
    if (at >= text.size() || text[at] != ':') return 0;
  }
  at = json_skip_space(text, at + 1);
  return at < text.size() ? at : 0;
}

}  // namespace weir
