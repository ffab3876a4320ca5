// The x-ratelimit-* lines of one unit, as they are written into answers.
//
// They hardly differ from one answer to the next: the limit and all but the last digits of what is
// left stay, and so, for a second or a millisecond, does the time of the reset. Such text is kept,
// with the numbers that it is of, and copied as long as these are the same; what is written depends
// on the arguments alone. Each worker has one of each unit. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "limit/limit_set.h"

namespace weir {

class LimitLines {
 public:
  // What write() may write to.
  static constexpr size_t kRoom = 256;

  explicit LimitLines(BucketUnit unit) : unit_(unit) {}

  // The lines of a bucket with that capacity, in which `left` are left and which will be full after
  // `wait`, at `to`, where kRoom bytes are free; returns one past the last.
  [[nodiscard]] char* write(char* to, uint64_t capacity, uint64_t left, Nanos wait);

 private:
  // Text that is copied at its longest, whatever its length: a few stores.
  class Kept {
   public:
    void clear() { size_ = 0; }
    void add(std::string_view text);
    void add(uint64_t number);
    [[nodiscard]] size_t size() const { return size_; }
    [[nodiscard]] char* copy_to(char* to) const;

   private:
    static constexpr size_t kInline = 64;  // what compilers copy without a call
    static constexpr size_t kMost = 112;
    char text_[kMost] = {};
    size_t size_ = 0;
  };
  static constexpr uint64_t kTail = 10'000;  // of what is left the last four digits are not kept
  static constexpr uint64_t kNone = UINT64_MAX;

  // Apart, so that write() needs no stack for them.
  [[gnu::noinline]] void keep_front(uint64_t capacity, uint64_t leading);
  [[gnu::noinline]] void keep_reset(uint64_t ms);

  const BucketUnit unit_;
  uint64_t capacity_ = kNone;
  uint64_t leading_ = kNone;   // left / kTail
  size_t leading_size_ = 0;    // its digits; 0 when there are none
  uint64_t reset_ms_ = kNone;
  Kept front_;                 // up to the leading digits of what is left
  Kept reset_;                 // from there to the end, or to where what is left comes again
};

}  // namespace weir
