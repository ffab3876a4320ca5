// JSON text as the tree that the sections of the configuration are read from, so that bodies of the
// management API and the file go through the same reading and checks (config_read.h).
//
// A member whose value is null is left out: it says the same as not writing it. Strings count as
// quoted. Bounded in depth and in values, and a key that stands twice is refused, as in yaml_parse.
// Values have no place in a file. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/config_problem.h"
#include "control/config_yaml.h"

namespace weir {

inline constexpr size_t kMaxJsonNodes = 20'000;

// Nothing when a problem was reported.
[[nodiscard]] std::optional<ConfigNode> json_parse(std::string_view text,
                                                   ConfigProblems* problems);
// The tree as JSON: unquoted scalars as they were written.
void json_append_node(std::string* out, const ConfigNode& node);

}  // namespace weir
