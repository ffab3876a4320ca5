// Known member names, compared as they stand in the text: all letters and the closing quote in one
// or a few words, so that no length has to be known first.
//
// A key that equals a name this way holds no backslash. The caller keeps kReadable readable bytes
// behind the first letter, which the padding of every scanned text grants. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weir {

constexpr size_t kReadable = 32;

template <size_t n>
struct KeyName {
  consteval KeyName(const char (&name)[n]) {
    for (size_t i = 0; i + 1 < n; ++i) text[i] = name[i];
    text[n - 1] = '"';
  }
  char text[kReadable] = {};
  static constexpr size_t kSize = n;
  static_assert(n <= kReadable);
};

[[gnu::always_inline]] inline uint64_t load_word(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// `letters` points behind the key's first quote.
template <KeyName name>
[[nodiscard, gnu::always_inline]] inline bool key_is(const char* letters) {
  constexpr size_t kWord = sizeof(uint64_t);
  if constexpr (name.kSize < kWord) {
    // The bytes behind the quote are somebody else's.
    static constexpr char kOnes[2 * kWord + 1] = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    const uint64_t mask = load_word(kOnes + kWord - name.kSize);
    return (load_word(letters) & mask) == load_word(name.text);
  } else {
    for (size_t at = 0; at + kWord < name.kSize; at += kWord) {
      if (load_word(letters + at) != load_word(name.text + at)) return false;
    }
    constexpr size_t kLast = name.kSize - kWord;
    return load_word(letters + kLast) == load_word(name.text + kLast);
  }
}

// True when a backslash stands between `letters` and `end`; sometimes also when one stands within
// seven bytes behind `end`.
[[nodiscard, gnu::always_inline]] inline bool may_have_escape(const char* letters,
                                                              const char* end) {
  constexpr uint64_t kOnes = 0x0101010101010101U;
  for (; letters < end; letters += sizeof(uint64_t)) {
    const uint64_t word = load_word(letters) ^ (kOnes * '\\');
    if (((word - kOnes) & ~word & (kOnes << 7)) != 0) return true;
  }
  return false;
}

}  // namespace weir
