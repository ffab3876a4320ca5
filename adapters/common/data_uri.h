// Takes data URIs apart, in which OpenAI clients put images and files. Pure; any thread.
#pragma once

#include <string_view>

#include "base/arena.h"

namespace weir {

struct DataUri {
  bool valid = false;     // false: no data URI, or one that is broken
  std::string_view mime;  // lower case; "image/jpg" is read as "image/jpeg"; "text/plain" if absent
  std::string_view data;  // base64, safe to stand in a JSON string
};

// `url` is what stands between the quotes of a JSON string, in the memory of that string. What had
// to be made new lies in the arena: white space is taken out of base64, and data without the mark
// `;base64` is percent-decoded and encoded.
[[nodiscard]] DataUri data_uri_read(std::string_view url, Arena& arena);

// True for what begins like a data URI.
[[nodiscard]] bool is_data_uri(std::string_view url);

// The bytes of base64 text, in the arena; decoding ends at the first character that is none.
[[nodiscard]] std::string_view base64_decode(std::string_view text, Arena& arena);

}  // namespace weir
