// Percent-encoding of paths and queries (RFC 3986, section 2.1). Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace weir {

// A malformed escape stays as it is: no id and no number is spelled with one.
[[nodiscard]] std::string percent_decode(std::string_view text);
// Of a path: everything but unreserved characters and slashes becomes an escape.
[[nodiscard]] std::string path_encode(std::string_view path);

}  // namespace weir
