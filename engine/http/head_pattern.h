// A message head that was accepted, without the values that may differ from one to the next: the
// digits of Content-Length and whatever else is not called the same. So no secret is in it.
//
// A head is like it when all its kept bytes are there, each value between holds nothing but bytes
// that a value may hold, and the length is a plain number. Then it has the same names in the same
// order, and would be accepted as well, if those values are kept that decide about that.
//
// Private to engine/http. Plain data; one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/same_bytes.h"
#include "http/bytes.h"
#include "http/head_fields.h"

namespace weir {

struct HeadPattern {
  static constexpr size_t kMaxText = 1024;  // of one head, without what may differ
  static constexpr size_t kMaxHoles = 32;

  // What becomes of a field's value. kForbids: a head with it is not kept.
  enum class Value : uint8_t { kDiffers, kSame, kLength, kForbids };

  // A value that is not kept, behind `text[at - 1]`.
  struct Hole {
    uint16_t at;
    uint8_t name_size;  // of the field, whose name and colon are in front; 0: the length's digits
    bool operator==(const Hole&) const = default;
  };

  // What stands in a hole.
  struct Found {
    std::string_view name;   // empty: the length
    std::string_view value;  // with the blanks around it
    uint64_t length = 0;
  };

  size_t size = 0;
  size_t hole_count = 0;
  std::array<Hole, kMaxHoles> holes;
  char text[kMaxText];

  // Keeps `head`, which a HeadScanner has passed; false when it is too large. Asks
  // kind_of(name) -> Value for each field; calls same(name, value) with views into `text` for those
  // that are kept, and differs(hole, name) for those that are not, but for the length.
  template <typename KindOf, typename Same, typename Differs>
  [[nodiscard]] bool learn(std::string_view head, KindOf kind_of, Same same, Differs differs);

  // The size of the head at the front of `bytes` when it is like this one, else 0. Calls
  // take(hole, found) on the way, also where it turns out to be another; the first time when the
  // bytes in front are known to be the same.
  template <typename Take>
  [[nodiscard]] size_t match(std::string_view bytes, Take take) const;

  bool operator==(const HeadPattern& other) const {
    return size == other.size && hole_count == other.hole_count &&
           std::equal(holes.begin(), holes.begin() + hole_count, other.holes.begin()) &&
           std::memcmp(text, other.text, size) == 0;
  }

 private:
  [[nodiscard]] bool add(std::string_view bytes) {
    if (bytes.size() > kMaxText - size) return false;
    std::memcpy(text + size, bytes.data(), bytes.size());
    size += bytes.size();
    return true;
  }
  [[nodiscard]] bool add_hole(size_t name_size) {
    if (hole_count == kMaxHoles || name_size > UINT8_MAX) return false;
    holes[hole_count++] = {static_cast<uint16_t>(size), static_cast<uint8_t>(name_size)};
    return true;
  }
  // 1*DIGIT, few enough not to overflow; null for anything else. What follows is not looked at.
  [[nodiscard]] static const char* length_read(const char* p, const char* end, uint64_t* length) {
    constexpr ptrdiff_t kMaxDigits = 18;
    const char* const begin = p;
    const char* const stop = p + std::min(end - p, kMaxDigits);
    uint64_t number = 0;
    for (; p != stop; ++p) {
      const auto digit = static_cast<unsigned>(*p - '0');
      if (digit > 9) break;
      number = number * 10 + digit;
    }
    *length = number;
    return p == begin ? nullptr : p;
  }
};

template <typename KindOf, typename Same, typename Differs>
bool HeadPattern::learn(std::string_view head, KindOf kind_of, Same same, Differs differs) {
  size = hole_count = 0;
  const char* copied = head.data();  // up to here
  bool fits = true;
  fields_walk(head, [&](std::string_view name, std::string_view value) {
    const Value kind = kind_of(name);
    const char* const colon = name.data() + name.size();
    const char* const value_end = value.data() + value.size();
    const char* const hole = kind == Value::kLength ? value.data() : colon + 1;
    const char* const stop = kind == Value::kSame ? value_end : hole;
    fits = fits && kind != Value::kForbids && add({copied, static_cast<size_t>(stop - copied)});
    if (!fits) return;
    copied = stop;
    if (kind == Value::kSame) {
      const char* const end = text + size;
      same(std::string_view(end - (value_end - name.data()), name.size()),
           std::string_view(end - value.size(), value.size()));
      return;
    }
    fits = add_hole(kind == Value::kLength ? 0 : name.size());
    if (fits && kind == Value::kDiffers) differs(hole_count - 1, name);
    // The blanks behind a length are compared, those behind another value belong to it.
    copied = kind == Value::kLength ? value_end
                                    : byte_find(value_end, head.data() + head.size(), '\r');
  });
  return fits && add({copied, static_cast<size_t>(head.data() + head.size() - copied)});
}

// Every segment of text behind a hole begins with the end of a line, or with the blanks in front of
// it; so comparing the segment judges the byte that ended the value.
template <typename Take>
[[gnu::always_inline]] inline size_t HeadPattern::match(std::string_view bytes, Take take) const {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  size_t from = 0;
  for (size_t i = 0; i < hole_count; ++i) {
    const Hole hole = holes[i];
    const size_t same = hole.at - from;
    if (static_cast<size_t>(end - p) < same || !same_bytes(p, text + from, same)) return 0;
    p += same;
    from = hole.at;
    const char* const value = p;
    Found found;
    if (hole.name_size == 0) {
      p = length_read(p, end, &found.length);
      if (p == nullptr) return 0;
    } else {
      p = value_skip(p, end);
      found.name = {value - 1 - hole.name_size, hole.name_size};
      found.value = {value, static_cast<size_t>(p - value)};
    }
    take(i, found);
  }
  const size_t same = size - from;
  if (static_cast<size_t>(end - p) < same || !same_bytes(p, text + from, same)) return 0;
  return static_cast<size_t>(p - bytes.data()) + same;
}

}  // namespace weir
