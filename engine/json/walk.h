// A walk over the tokens of an indexed JSON text: the grammar half of validation.
//
// The cursor stands before a value; skip_value() checks it whole, however deep, without recursion;
// each_member() and each_element() enter it and hand every part to a visitor, which must consume
// exactly one value. Everything returns false at the first fault, and stays there.
// The index and the text must outlive the cursor. One thread.
// Invariant: at_ is at most one entry behind the tokens, where the index still has two to read.
// Nothing asks for the end before each token: each value and each separator is asked, and between
// two such questions at most two tokens are read. A walk that ran over the end is refused at the
// next question.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// One past the number or literal at `at`, or null when there is none; never beyond `end`.
[[nodiscard]] const char* scalar_end(const char* at, const char* end);

// True when a number or literal and then white space or nothing stands between `at` and `end`,
// which is the next token. The index has no entry for a letter that touches a number or literal, so
// what follows must be looked at.
[[nodiscard]] inline bool scalar_valid(const char* at, const char* end) {
  const char* done = at;
  // Most numbers are a few digits and nothing else.
  while (done != end && is_digit(*done)) ++done;
  if (done == end && *at != '0') return true;
  done = scalar_end(at, end);
  return done != nullptr && (done == end || is_json_space(*done));
}

class JsonCursor {
 public:
  static constexpr uint32_t kMaxDepth = 512;

  // `check_nested` false: skip_value() only pairs the brackets of nested values.
  JsonCursor(std::string_view text, const JsonIndex& index, uint32_t max_depth, bool check_nested)
      : text_(text.data()),
        at_(index.positions()),
        end_(index.positions() + index.count()),
        max_depth_(max_depth < kMaxDepth ? max_depth : kMaxDepth),
        check_nested_(check_nested) {}

  // First byte of the value here; 0 at the end of the text.
  [[nodiscard]] char peek() const { return at_ < end_ ? text_[*at_] : '\0'; }
  // The text from the value here on, and where the next token begins; only where peek() is not 0.
  [[nodiscard]] const char* here() const { return text_ + *at_; }
  [[nodiscard]] const char* next() const { return text_ + at_[1]; }
  // Consumes a value that the caller found to be good and no object or list.
  void step() { ++at_; }

  [[nodiscard]] bool skip_value() {
    if (peek() != '"') return skip_other();
    ++at_;
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
    return each_key([&](const char* key) {
      const auto begin = static_cast<uint32_t>(key - text_);
      return visit(ByteRange{begin, token_end(at_[-1])});
    });
  }
  // visit(const char* key) -> bool, with the key's first quote; key_end() is behind its last one.
  template <typename Visit>
  [[nodiscard]] bool each_key(Visit visit) {
    if (!enter('{')) return false;
    if (accept('}')) return leave();
    do {
      const char* key = here();
      if (*key != '"' || text_[at_[1]] != ':') return fail_key();
      at_ += 2;
      if (!visit(key)) return stop();
    } while (accept(','));
    return close('}');
  }
  // Only first thing in a visit.
  [[nodiscard]] const char* key_end() const { return text_ + token_end(at_[-1]); }
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
  [[nodiscard]] uint32_t offset() const { return *at_; }
  [[nodiscard]] uint32_t end_of_last() const {
    const uint32_t last = at_[-1];
    const char first = text_[last];
    return first == '}' || first == ']' ? last + 1 : token_end(*at_);
  }
  // For a visitor that finds a key's escapes broken; returns false.
  bool refuse_key(ByteRange key) {
    fault_ = WalkFault::kEscape;
    fault_offset_ = key.begin;
    at_ = end_;
    return false;
  }
  // True when nothing follows.
  [[nodiscard]] bool at_end() { return at_ == end_ || fail(WalkFault::kTrailing, at_); }

  [[nodiscard]] WalkFault fault() const { return fault_; }
  [[nodiscard]] uint32_t fault_offset() const { return fault_offset_; }

 private:
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool enter(char bracket) {
    if (depth_ == max_depth_) return fail(WalkFault::kDepth, at_);
    if (!accept(bracket)) return fail(WalkFault::kValue, at_);
    ++depth_;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }
  bool close(char bracket) {
    if (!accept(bracket)) return fail(WalkFault::kSeparator, at_);
    return leave();
  }
  bool stop() { return fault_ == WalkFault::kNone ? fail(WalkFault::kStopped, at_) : false; }
  bool fail_key() {
    const bool has_key = at_ < end_ && text_[*at_] == '"';
    return fail(WalkFault::kKey, has_key ? at_ + 1 : at_);
  }
  // The end of a token that is no closing bracket, from where the next one begins. In what the
  // index and the walk let pass only white space is that small.
  [[nodiscard]] uint32_t token_end(uint32_t next) const {
    while (static_cast<uint8_t>(text_[next - 1]) <= ' ') --next;
    return next;
  }
  bool move_to(const uint32_t* at) {
    at_ = at;
    return true;
  }
  bool skip_other();
  [[gnu::noinline]] bool skip_container();
  [[gnu::noinline]] bool skip_pairs();
  bool fail(WalkFault fault, const uint32_t* at);

  const char* text_;
  const uint32_t* at_;
  const uint32_t* end_;
  uint32_t max_depth_;
  uint32_t depth_ = 0;
  bool check_nested_;
  WalkFault fault_ = WalkFault::kNone;
  uint32_t fault_offset_ = 0;
};

}  // namespace weir
