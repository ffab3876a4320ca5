// The description of the API as an OpenAPI 3.1 document, made from the table of routes and from
// short notes on what bodies and answers hold. The result never changes while a process runs.
// Any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace weir {

// An object's members, separated by blanks: `name:type`, with `!` behind a name that is always
// there. A type is string, integer, number, boolean, object, any, date (Unix seconds), or the name
// of another schema; `[]` behind it makes a list.
struct ApiSchema {
  std::string_view name;
  std::string_view members;
};
[[nodiscard]] std::span<const ApiSchema> api_schemas();

[[nodiscard]] std::string openapi_document();

}  // namespace weir
