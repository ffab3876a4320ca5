// The sentence that tells somebody why a text is not JSON, in a buffer of its own: a scanner keeps
// one, so that Error::message lives until its next scan. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "json/index.h"
#include "json/walk.h"

namespace weir {

class FaultText {
 public:
  // `subject` is the beginning of the sentence, such as "The request body".
  [[nodiscard]] std::string_view write(std::string_view subject, JsonIndex::Status status,
                                       size_t offset);
  [[nodiscard]] std::string_view write(std::string_view subject, const JsonCursor& cursor);

 private:
  void append(std::string_view text);
  void append_offset(size_t offset);

  size_t size_ = 0;
  std::array<char, 224> text_;
};

}  // namespace weir
