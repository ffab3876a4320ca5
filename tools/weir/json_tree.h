// A JSON answer as a tree, for printing parts of it. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

struct JsonMember;

struct JsonTree {
  enum class Kind : uint8_t { kScalar, kText, kList, kMap };
  Kind kind = Kind::kScalar;
  std::string text;  // of a text without quotes and escapes; of the rest its JSON
  std::vector<JsonTree> items;
  std::vector<JsonMember> members;

  [[nodiscard]] const JsonTree* member(std::string_view name) const;
  // The member as one line for people; empty when it is absent or null.
  [[nodiscard]] std::string text_of(std::string_view name) const;
  [[nodiscard]] std::string shown() const;
};

struct JsonMember {
  std::string name;
  JsonTree value;
};

// Nothing when it is no JSON.
[[nodiscard]] std::optional<JsonTree> json_parse(std::string_view text);

}  // namespace weir::cli
