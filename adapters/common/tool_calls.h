// The tool calls of one stream, as far as they have come: which are open, and which still have no
// arguments. Lives in the attempt's arena; bounded. Worker thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/arena.h"

namespace weir {

struct OpenCall {
  int64_t choice = 0;
  int64_t index = 0;
  std::string_view id;     // in the arena
  bool arguments = false;  // some have come
};

class OpenCalls {
 public:
  static constexpr size_t kMax = 128;

  [[nodiscard]] OpenCall* find(int64_t choice, int64_t index);
  [[nodiscard]] OpenCall* find_id(int64_t choice, std::string_view id);
  // Null when there are kMax already.
  [[nodiscard]] OpenCall* open(int64_t choice, int64_t index, std::string_view id, Arena& arena);
  // The highest index of a choice, -1 when it has no call.
  [[nodiscard]] int64_t last_index(int64_t choice) const;
  [[nodiscard]] size_t count() const { return count_; }
  [[nodiscard]] OpenCall& at(size_t i) { return calls_[i]; }

 private:
  size_t count_ = 0;
  std::array<OpenCall, kMax> calls_;
};

}  // namespace weir
