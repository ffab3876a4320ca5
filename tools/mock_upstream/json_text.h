// Small JSON helpers of the mock: escaping text, and finding a member by its raw name without
// parsing. The search takes the first `"name"` followed by a colon; inside string values quotes are
// escaped, so text that mentions a name is never hit, but a nested member of that name may be.
// Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::mock {

void json_escape_append(std::string& out, std::string_view text);
std::string json_quote(std::string_view text);

// The raw value after `"name":`, from its first byte to the end of the text.
std::optional<std::string_view> json_find(std::string_view text, std::string_view name);
// The same for a string value, unescaped as far as model names need it.
std::string json_find_string(std::string_view text, std::string_view name);
bool json_find_true(std::string_view text, std::string_view name);

}  // namespace weir::mock
