// What stays the same from one JSON text to the next: its bytes, but for some strings and numbers.
//
// A text that has the same bytes there, and good strings and numbers in the places between, is JSON
// of the same shape, and says the same about everything but those. Which places those are is for
// the one to say who has read the first text. One thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/same_bytes.h"
#include "json/string_end.h"

namespace weir {

// Behind the digits at `at`; null when they are no whole number, or more than `most`. 16 bytes
// behind `end` can be read.
[[nodiscard, gnu::always_inline]] inline const char* digits_end(const char* at, const char* end,
                                                                size_t most) {
  const char* p = at;
#if defined(__SSE2__)
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
  const __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
  p += std::countr_one(static_cast<uint32_t>(_mm_movemask_epi8(digits)));
#endif
  while (p < end && *p >= '0' && *p <= '9') ++p;
  const auto count = static_cast<size_t>(p - at);
  if (p > end || count == 0 || count > most) return nullptr;
  return *at == '0' && count > 1 ? nullptr : p;
}

class TextPattern {
 public:
  // A text with more around its places, or with more places, has no pattern.
  static constexpr size_t kMaxBytes = 1024;
  static constexpr size_t kMaxSpots = 40;

  // One place: a string, from behind the opening quote to the closing one, or the digits of a
  // number.
  struct Spot {
    uint16_t before = 0;  // bytes that stand between the place before and this one
    uint8_t digits = 0;   // the most there may be; 0: a string
  };
  // What stands in it.
  struct Found {
    const char* begin;
    const char* end;
    bool escaped;  // a string with backslashes
  };

  // Learning: first clear(), then each place in its order with the bytes before it, then the
  // bytes behind the last. False when that is too much; clear() must follow.
  void clear() { size_ = spot_count_ = 0; }
  [[nodiscard]] bool add(std::string_view before, uint8_t digits);
  [[nodiscard]] bool close(std::string_view rest);

  [[nodiscard]] size_t spot_count() const { return spot_count_; }

  // True when `text` is like the learned one; 64 bytes behind it can be read. Calls take(i, found)
  // for each place on the way, also where the text turns out to be another.
  template <typename Take>
  [[nodiscard, gnu::always_inline]] bool match(std::string_view text, Take take) const {
    if (text.size() < size_ || size_ == 0) return false;
    const char* at = text.data();
    const char* const end = at + text.size();
    const char* kept = bytes_.data();
    for (size_t i = 0; i < spot_count_; ++i) {
      const Spot spot = spots_[i];
      if (end - at < spot.before || !same_bytes(at, kept, spot.before)) return false;
      at += spot.before;
      kept += spot.before;
      Found found{at, nullptr, false};
      if (spot.digits == 0) {
        const StringEnd string = string_end(at, end);
        found.end = string.quote;
        found.escaped = string.escaped;
      } else {
        found.end = digits_end(at, end, spot.digits);
      }
      if (found.end == nullptr) return false;
      take(i, found);
      at = found.end;
    }
    const auto rest = static_cast<size_t>(bytes_.data() + size_ - kept);
    return static_cast<size_t>(end - at) == rest && same_bytes(at, kept, rest);
  }

 private:
  [[nodiscard]] bool keep(std::string_view bytes);

  std::array<char, kMaxBytes> bytes_;  // not initialised
  std::array<Spot, kMaxSpots> spots_;
  size_t size_ = 0;  // of bytes_; 0: nothing learned
  size_t spot_count_ = 0;
};

}  // namespace weir
