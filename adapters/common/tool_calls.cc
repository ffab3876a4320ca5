#include "adapters/common/tool_calls.h"

#include <algorithm>

namespace weir {

OpenCall* OpenCalls::find(int64_t choice, int64_t index) {
  for (size_t i = 0; i < count_; ++i) {
    if (calls_[i].choice == choice && calls_[i].index == index) return &calls_[i];
  }
  return nullptr;
}

OpenCall* OpenCalls::find_id(int64_t choice, std::string_view id) {
  for (size_t i = 0; i < count_; ++i) {
    if (calls_[i].choice == choice && calls_[i].id == id) return &calls_[i];
  }
  return nullptr;
}

OpenCall* OpenCalls::open(int64_t choice, int64_t index, std::string_view id, Arena& arena) {
  if (count_ == kMax) return nullptr;
  OpenCall& call = calls_[count_++];
  call = {choice, index, arena.copy(id), false};
  return &call;
}

int64_t OpenCalls::last_index(int64_t choice) const {
  int64_t last = -1;
  for (size_t i = 0; i < count_; ++i) {
    if (calls_[i].choice == choice) last = std::max(last, calls_[i].index);
  }
  return last;
}

}  // namespace weir
