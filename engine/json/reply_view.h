// What a scan of a provider's reply finds (reply_scan.h). Views borrow from the text.
#pragma once

#include <cstdint>
#include <string_view>

#include <weir/types.h>

namespace weir {

struct ReplyView {
  bool is_object = false;
  bool has_choices = false;       // "choices" is an array
  bool choices_empty = false;     // ... with no element
  bool has_data = false;          // "data" is present (embeddings, lists)
  bool has_error = false;         // "error" present, not null or false; or {"object":"error",...}
  uint32_t choice_count = 0;      // elements of choices
  uint32_t finished_choices = 0;  // elements whose finish_reason is a non-empty string
  uint64_t finished_mask = 0;     // bit `index` (0..63) of each finished choice
  uint64_t seen_mask = 0;         // bit `index` of each choice in this text
  // Unescaped bytes of content, reasoning, refusal and tool arguments of choices[].delta (and
  // .message), and of choices[].text: for counting.
  uint32_t delta_text_bytes = 0;
  bool has_usage = false;         // "usage" is an object
  Usage usage;                    // source kProvider when it has a count of tokens
  std::string_view model;         // raw text between the quotes; empty when absent
  // Of the error object, else of the top level (which is all of it for bodies without "error");
  // filled when there is an error or a message; unescaped where needed into scratch that lives
  // until the next scan. A list counts as its first element; is_object stays false then.
  std::string_view error_message;
  std::string_view error_type;
  std::string_view error_code;    // a string, or the digits of a number
  std::string_view error_param;
  // status, code or status_code of "error", else of the top level, when a number in 400..599.
  int error_status = 0;

  bool operator==(const ReplyView&) const = default;
};

}  // namespace weir
