// The first pass over a JSON text: where its tokens begin, and that its bytes are legal.
//
// build() checks UTF-8, raw control characters in strings and, when asked, every backslash escape,
// and stores the offset of each bracket, colon, comma, opening quote and scalar. The grammar is
// walk.h's part. The caller keeps 64 readable bytes behind the text. One thread; the memory of the
// index (4 bytes per byte of the largest text, touched only as far as tokens reach) is reused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "json/escape_check.h"

namespace weir {

class JsonIndex {
 public:
  static constexpr size_t kLargestText = size_t{1} << 30;

  struct Options {
    bool escapes = true;
    uint32_t max_depth = 512;
  };
  enum class Status : uint8_t {
    kOk,
    kEmpty,
    kTooLarge,
    kTooDeep,
    kBadUtf8,
    kControlCharacter,
    kOpenString,
    kBadEscape,
    kNoMemory,
  };

  // `level` is at most vector_level(); all levels find the same.
  explicit JsonIndex(VectorLevel level = vector_level());
  ~JsonIndex();
  JsonIndex(const JsonIndex&) = delete;
  JsonIndex& operator=(const JsonIndex&) = delete;

  [[nodiscard]] Status build(std::string_view text, const Options& options);

  // Of the text of the last successful build(). Two more entries behind count() hold text.size(),
  // so that a walk may look two tokens ahead without asking.
  [[nodiscard]] const uint32_t* positions() const { return positions_; }
  [[nodiscard]] uint32_t count() const { return count_; }
  // Where the fault is, for kBadUtf8 and kBadEscape; else 0.
  [[nodiscard]] size_t error_offset() const { return error_offset_; }

  // Gives the memory back when it is more than an ordinary text needs.
  void shrink();
  [[nodiscard]] size_t held_bytes() const;

 private:
  [[nodiscard]] bool reserve(size_t bytes);
  [[nodiscard]] Status build_exactly(std::string_view text, const Options& options);
  [[nodiscard]] Status fail(Status status, size_t offset);

  struct State;
  std::unique_ptr<State> state_;
  const uint32_t* positions_ = nullptr;
  uint32_t count_ = 0;
  size_t error_offset_ = 0;
};

// Whether all of `text` is UTF-8. Needs no padding.
[[nodiscard]] bool is_utf8(std::string_view text);

// What to tell the person who sent the text, one sentence without the offset.
[[nodiscard]] std::string_view describe(JsonIndex::Status status);

}  // namespace weir
