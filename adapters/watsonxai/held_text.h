// Text in an arena that waits for its rest; the memory is used again after clear(). Zeroed memory
// is an empty one. One thread.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/arena.h"

namespace weir::watsonx {

struct HeldText {
  char* data = nullptr;
  size_t size = 0;
  size_t capacity = 0;

  [[nodiscard]] std::string_view view() const { return {data, size}; }
  void clear() { size = 0; }
  void add(std::string_view text, Arena& arena) {
    if (text.empty()) return;
    if (capacity - size < text.size()) {
      capacity = std::max<size_t>({256, capacity * 2, size + text.size()});
      char* larger = arena.allocate(capacity);
      if (size != 0) std::memcpy(larger, data, size);
      data = larger;
    }
    std::memcpy(data + size, text.data(), text.size());
    size += text.size();
  }
};

}  // namespace weir::watsonx
