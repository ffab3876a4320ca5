// A walk over the tokens of an indexed JSON text: the grammar half of validation.
//
// The cursor stands before a value; skip_value() checks it whole, however deep, without recursion;
// each_member() and each_element() enter it and hand every part to a visitor, which must consume
// exactly one value. Everything returns false at the first fault, and stays there.
// The index and the text must outlive the cursor. One thread.
// Invariant: position_ <= count + 1, where the index still has entries to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weir/types.h>

#include "json/index.h"
#include "json/text.h"

namespace weir {

// What is wrong, when a walk failed.
enum class WalkFault : uint8_t {
  kNone,
  kSeparator,  // no comma or closing bracket where one must be
  kKey,        // no "key":
  kValue,      // no value, or a malformed number or literal
  kTrailing,   // something behind the end
  kDepth,
  kEscape,     // found in a key, where the index left escapes unchecked
  kStopped,    // the visitor refused; it knows why
};
[[nodiscard]] std::string_view describe(WalkFault fault);

class JsonCursor {
 public:
  static constexpr uint32_t kMaxDepth = 512;

  // `check_nested` false: skip_value() only pairs the brackets of nested values.
  JsonCursor(std::string_view text, const JsonIndex& index, uint32_t max_depth, bool check_nested)
      : text_(text.data()),
        index_(index.positions()),
        count_(index.count()),
        max_depth_(max_depth < kMaxDepth ? max_depth : kMaxDepth),
        check_nested_(check_nested) {}

  // First byte of the value here; 0 at the end of the text.
  [[nodiscard]] char peek() const { return position_ < count_ ? text_[index_[position_]] : '\0'; }

  [[nodiscard]] bool skip_value() {
    const char c = peek();
    if (c == '{' || c == '[') return check_nested_ ? skip_container() : skip_pairs();
    if (c != '"' && !scalar_valid(position_)) return fail(WalkFault::kValue, position_);
    ++position_;
    return true;
  }
  // Consumes the value and tells its exact range, without white space.
  [[nodiscard]] bool take_value(ByteRange* range) {
    const uint32_t begin = offset();
    if (!skip_value()) return false;
    *range = {begin, end_of_last()};
    return true;
  }
  [[nodiscard]] std::string_view view(ByteRange range) const {
    return {text_ + range.begin, range.size()};
  }

  // visit(ByteRange key) -> bool, with the key's quotes in the range.
  template <typename Visit>
  [[nodiscard]] bool each_member(Visit visit) {
    if (!enter('{')) return false;
    if (accept('}')) return leave();
    do {
      ByteRange key;
      if (!take_key(&key)) return false;
      if (!visit(key)) return stop();
    } while (accept(','));
    return close('}');
  }
  // visit() -> bool.
  template <typename Visit>
  [[nodiscard]] bool each_element(Visit visit) {
    if (!enter('[')) return false;
    if (accept(']')) return leave();
    do {
      if (!visit()) return stop();
    } while (accept(','));
    return close(']');
  }
  // Offset of the value here, and the end of what was consumed last.
  [[nodiscard]] uint32_t offset() const { return index_[position_]; }
  [[nodiscard]] uint32_t end_of_last() const { return end_of(position_ - 1); }
  // For a visitor that finds a key's escapes broken; returns false.
  bool refuse_key(ByteRange key) {
    fault_ = WalkFault::kEscape;
    fault_offset_ = key.begin;
    position_ = count_;
    return false;
  }
  // True when nothing follows.
  [[nodiscard]] bool at_end() {
    return position_ == count_ || fail(WalkFault::kTrailing, position_);
  }

  [[nodiscard]] WalkFault fault() const { return fault_; }
  [[nodiscard]] uint32_t fault_offset() const { return fault_offset_; }

 private:
  bool accept(char c) {
    if (peek() != c) return false;
    ++position_;
    return true;
  }
  bool enter(char bracket) {
    if (depth_ == max_depth_) return fail(WalkFault::kDepth, position_);
    if (!accept(bracket)) return fail(WalkFault::kValue, position_);
    ++depth_;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }
  bool close(char bracket) {
    if (!accept(bracket)) return fail(WalkFault::kSeparator, position_);
    return leave();
  }
  bool stop() { return fault_ == WalkFault::kNone ? fail(WalkFault::kStopped, position_) : false; }
  bool take_key(ByteRange* key) {
    if (peek() != '"') return fail(WalkFault::kKey, position_);
    *key = {index_[position_], end_of(position_)};
    ++position_;
    return accept(':') || fail(WalkFault::kKey, position_);
  }
  // One past the last byte of the token at `position`, which the next token bounds.
  [[nodiscard]] uint32_t end_of(uint32_t position) const {
    const char first = text_[index_[position]];
    if (first == '}' || first == ']') return index_[position] + 1;
    uint32_t end = index_[position + 1];
    while (is_json_space(text_[end - 1])) --end;
    return end;
  }
  [[nodiscard]] bool scalar_valid(uint32_t position) const;
  bool skip_container();
  bool skip_pairs();
  bool fail(WalkFault fault, uint32_t position);

  const char* text_;
  const uint32_t* index_;
  uint32_t count_;
  uint32_t max_depth_;
  uint32_t position_ = 0;
  uint32_t depth_ = 0;
  bool check_nested_;
  WalkFault fault_ = WalkFault::kNone;
  uint32_t fault_offset_ = 0;
};

}  // namespace weir
