// YAML text as a plain tree with the place of every value. The only user of yaml-cpp, and the only
// file with exceptions: none leaves it.
//
// Refused with a problem: what yaml-cpp refuses, a second document, duplicate or non-scalar keys,
// tags, nesting over kMaxDepth, and more than kMaxNodes values after aliases were expanded.
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config_problem.h"

namespace weir {

struct ConfigMember;

struct ConfigNode {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };
  static constexpr size_t kMaxDepth = 32;
  static constexpr size_t kMaxNodes = 500'000;
  static constexpr size_t kMaxAliasNodes = 20'000;  // of them copies made by aliases

  Kind kind = Kind::kNull;
  bool quoted = false;  // a scalar in quotes is text, never a number or a truth value
  FilePosition at;
  std::string text;                   // of a scalar
  std::vector<ConfigNode> items;      // of a list
  std::vector<ConfigMember> members;  // of a map, in the order of the file
};

struct ConfigMember {
  std::string key;
  FilePosition key_at;
  ConfigNode value;
};

// The root of the one document; nothing when a problem was reported.
[[nodiscard]] std::optional<ConfigNode> yaml_parse(std::string_view text, ConfigProblems* problems);

}  // namespace weir
