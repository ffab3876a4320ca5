// Arguments of tool calls that some models write as JSON within JSON: a string whose text is a
// string whose text is the object. Worker thread; pure.
#pragma once

#include <string_view>

#include <weir/adapter.h>

namespace weir::watsonx {

// What the first character that is no space says about arguments, given as the text between the
// quotes of a JSON string.
enum class ArgumentsForm : uint8_t { kBlank, kPlain, kQuoted };
[[nodiscard]] ArgumentsForm arguments_form(std::string_view escaped);

// The inner text of arguments of the form kQuoted, escaped again for one string; empty when it is
// no JSON object, so that they must stay as they are. In the scratch.
[[nodiscard]] std::string_view arguments_unwrap(Call& call, std::string_view escaped);

// Whether the text is one JSON value, or one object. It is copied with the padding that the scanner
// needs, so it may lie anywhere.
[[nodiscard]] bool json_is_whole(Call& call, std::string_view text, bool object);

}  // namespace weir::watsonx
