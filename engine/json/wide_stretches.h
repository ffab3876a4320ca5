// Where a text has bytes above 0x7F: only there UTF-8 is checked.
//
// Stretches without wide bytes need no check; short ones are cheaper checked than left out. A
// character never lies in two stretches, because all its bytes are wide. One thread.
#pragma once

#include <cstddef>

#include "json/escape_vectors.h"
#include "json/index.h"

#if defined(__x86_64__)

namespace weir {

class WideStretches {
 public:
  // The block at `block` has wide bytes; the blocks come in their order.
  WEIR_INLINE void note(const char* block) {
    if (from_ == nullptr) {
      from_ = block;
    } else if (block - to_ > kShortGap) {
      all_utf8_ &= is_utf8({from_, static_cast<size_t>(to_ - from_)});
      from_ = block;
    }
    to_ = block + kVectorBlock;
  }
  // Whether all of it was UTF-8, in a text up to `end`.
  [[nodiscard]] WEIR_INLINE bool are_utf8(const char* end) const {
    if (from_ == nullptr) return true;
    const char* const to = to_ < end ? to_ : end;
    const bool last_is = is_utf8({from_, static_cast<size_t>(to - from_)});
    return all_utf8_ && last_is;
  }

 private:
  static constexpr ptrdiff_t kShortGap = 512;

  // The last stretch; what was before it is checked.
  const char* from_ = nullptr;
  const char* to_ = nullptr;
  bool all_utf8_ = true;
};

}  // namespace weir

#endif
