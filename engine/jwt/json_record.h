// One JSON object of a token or a key set, taken apart: bounded, checked to its last byte, and
// refused when a name stands in it twice, so that no two readers can understand it differently.
//
// Owns its text. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weir/types.h>

namespace weir {

class JsonRecord {
 public:
  static constexpr size_t kMaxMembers = 128;
  static constexpr uint32_t kMaxDepth = 8;

  // Nothing: no object, no JSON, or over a bound.
  [[nodiscard]] static std::optional<JsonRecord> parse(std::string_view text);

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  // The value's JSON text; empty when there is none. Until the object is moved or gone.
  [[nodiscard]] std::string_view raw(std::string_view name) const;
  // Nothing: not there, or of another type.
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  // A number from 0 to 2^53, its fraction cut off: a time of RFC 7519.
  [[nodiscard]] std::optional<int64_t> number(std::string_view name) const;
  // A list of texts, or one text as a list of one. Nothing also for more than `most`.
  [[nodiscard]] std::optional<std::vector<std::string>> texts(std::string_view name,
                                                              size_t most) const;

 private:
  struct Entry {
    std::string name;
    ByteRange value;
  };
  [[nodiscard]] const Entry* find(std::string_view name) const;

  std::string text_;
  std::vector<Entry> entries_;
};

// The elements of a JSON list, each as JSON text; nothing when it is none or has more than `most`.
[[nodiscard]] std::optional<std::vector<std::string>> json_list(std::string_view text, size_t most);

}  // namespace weir
