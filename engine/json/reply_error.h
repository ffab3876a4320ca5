// What a scan of a reply notes of an error, before it is known which of the places counts. Plain
// values whose views borrow from the text.
#pragma once

#include <cstdint>
#include <string_view>

#include "json/text.h"

namespace weir {

// The places where a provider may say what went wrong; raw text between quotes, null when absent.
struct ErrorTexts {
  std::string_view error_message;
  std::string_view error_text;  // "error" itself is a string
  std::string_view message;
  std::string_view errors_message;
  std::string_view error_message_camel;
  std::string_view detail;
  std::string_view title;
};

// The short members of an error, once inside "error" and once at the top level.
struct ErrorParts {
  std::string_view type;
  std::string_view code;
  std::string_view param;
  int status = 0;
};

// Only an HTTP status that means failure counts.
inline void note_status(std::string_view token, ErrorParts* parts) {
  const int64_t value = whole_number(token);
  if (value >= 400 && value <= 599) parts->status = static_cast<int>(value);
}

[[nodiscard]] inline std::string_view first_of(std::string_view a, std::string_view b) {
  return a.empty() ? b : a;
}

}  // namespace weir
