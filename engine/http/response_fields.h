// What the fields of a response head mean, for those who read it and for the memo of heads.
//
// Private to engine/http. Any thread.
#pragma once

#include <string_view>

#include "http/bytes.h"
#include "http/parser.h"

namespace weir {

// The member that holds the value of a field of that name; null: there is none.
[[nodiscard, gnu::always_inline]] inline std::string_view ResponseHead::*response_member(
    std::string_view name) {
  switch (name.size()) {
    case 4: return equals_folded(name, "date") ? &ResponseHead::date : nullptr;
    case 11: return equals_folded(name, "retry-after") ? &ResponseHead::retry_after : nullptr;
    case 12: return equals_folded(name, "content-type") ? &ResponseHead::content_type : nullptr;
    case 14:
      if (equals_folded(name, "retry-after-ms")) return &ResponseHead::retry_after_ms;
      return equals_folded(name, "x-should-retry") ? &ResponseHead::should_retry : nullptr;
    case 16:
      return equals_folded(name, "content-encoding") ? &ResponseHead::content_encoding : nullptr;
    default: return nullptr;
  }
}

// Whether the field is one that a client gets to see. `name` lies in a head: a colon and two line
// ends are behind it.
[[nodiscard]] bool response_keeps(std::string_view name);

inline void response_keep(ResponseHead* out, std::string_view name, std::string_view value) {
  if (out->kept_count != ResponseHead::kMaxKept) out->kept[out->kept_count++] = {name, value};
}

// Of several fields of one name the first that says something counts.
inline void response_take(ResponseHead* out, std::string_view ResponseHead::*member,
                          std::string_view value) {
  if ((out->*member).empty()) out->*member = value;
}

}  // namespace weir
