// The last heads of a provider's answers, so that the next one like them is compared and not read:
// what differs from answer to answer are values, those of ids, dates, limits and lengths.
//
// Kept are the patterns (head_pattern.h) of two heads, such as of whole answers and of streams,
// with the values of the fields that frame a message and keep its connection; no other value. The
// outcome is what read_response_head would give. In doubt nothing is recalled. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "base/patience.h"
#include "http/parser.h"

namespace weir {

class ResponseMemo {
 public:
  ResponseMemo();
  ~ResponseMemo();
  ResponseMemo(const ResponseMemo&) = delete;
  ResponseMemo& operator=(const ResponseMemo&) = delete;

  // The size of the head at the front of `bytes` when it is recalled, else 0, and `out` is of no
  // use. Views of `out` borrow from `bytes`. Of the limits only `max_bytes` may have changed since
  // the heads were kept.
  [[nodiscard]] size_t find(std::string_view bytes, const HeadLimits& limits, ResponseHead* out);
  // `head` was complete, and accepted as `parsed`, an answer to anything but HEAD. Where nothing is
  // recalled for long, few heads are kept.
  void keep(std::string_view head, const ResponseHead& parsed);

 private:
  struct Entry;
  static bool fill(Entry* entry, std::string_view head, const ResponseHead& parsed);
  static size_t match(const Entry& entry, std::string_view bytes, ResponseHead* out);

  std::array<std::unique_ptr<Entry>, 2> entries_;
  size_t newest_ = 0;  // was found or kept last
  Patience patience_;
};

}  // namespace weir
