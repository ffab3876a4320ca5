// Walks over JSON text without building anything: the members of an object, the elements of an
// array, each as a view of its exact bytes. For the few places where an adapter must look into or
// rebuild a part of a body; whole bodies are checked by the scanners of engine/json.
//
// Text is expected to be JSON already. Broken text never makes a walk read outside of it: the walk
// just ends, and failed() says so. Keys are compared as written, so an escaped spelling of a key is
// not recognised. No recursion. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <weir/types.h>

namespace weir {

// Index after the value that begins at text[at], or npos when the text ends inside it.
[[nodiscard]] size_t json_skip_value(std::string_view text, size_t at);
[[nodiscard]] size_t json_skip_space(std::string_view text, size_t at);
// The text without white space around it.
[[nodiscard]] std::string_view json_trim(std::string_view text);

class JsonMembers {
 public:
  explicit JsonMembers(std::string_view object);
  // Goes to the next member; false at the end, for anything but an object, and for broken text.
  [[nodiscard]] bool next();
  [[nodiscard]] bool failed() const { return failed_; }
  // Between the quotes, still escaped.
  [[nodiscard]] std::string_view key() const { return key_; }
  // The exact text of the value.
  [[nodiscard]] std::string_view value() const { return value_; }

 private:
  bool stop(bool broken);
  std::string_view text_;
  size_t at_ = 0;
  bool first_ = true;
  bool done_ = false;
  bool failed_ = false;
  std::string_view key_;
  std::string_view value_;
};

class JsonElements {
 public:
  explicit JsonElements(std::string_view array);
  [[nodiscard]] bool next();
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::string_view value() const { return value_; }

 private:
  bool stop(bool broken);
  std::string_view text_;
  size_t at_ = 0;
  bool first_ = true;
  bool done_ = false;
  bool failed_ = false;
  std::string_view value_;
};

// The value of the first member of that name, empty when there is none.
[[nodiscard]] std::string_view json_member(std::string_view object, std::string_view key);

[[nodiscard]] inline bool json_is_string(std::string_view v) {
  return v.size() >= 2 && v[0] == '"';
}
[[nodiscard]] inline bool json_is_object(std::string_view v) {
  return !v.empty() && v[0] == '{';
}
[[nodiscard]] inline bool json_is_array(std::string_view v) {
  return !v.empty() && v[0] == '[';
}
// True for null and for a value that is not there.
[[nodiscard]] inline bool json_is_none(std::string_view v) {
  return v.empty() || v == "null";
}
[[nodiscard]] bool json_is_empty_array(std::string_view v);
// What is between the quotes of a string token, still escaped; empty for anything else.
[[nodiscard]] inline std::string_view json_inner(std::string_view v) {
  return json_is_string(v) ? v.substr(1, v.size() - 2) : std::string_view{};
}
// The integer that the token spells, or `otherwise`.
[[nodiscard]] int64_t json_integer(std::string_view v, int64_t otherwise);

// Token counts of an OpenAI `usage` object. False (and `usage` untouched) without any count.
bool usage_read(std::string_view object, Usage* usage);

}  // namespace weir
