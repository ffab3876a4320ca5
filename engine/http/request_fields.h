// What is gathered from the fields of a request head, one after the other: by the parser, and by
// the memo of heads for those whose values may differ.
//
// Private to engine/http. Views borrow from the head. One thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/head_fields.h"
#include "http/parser.h"

namespace weir {

struct RequestParse {
  RequestHead* out = nullptr;
  std::string_view name = {};  // of the field whose value comes next
  FramingFields framing = {};
  uint32_t hosts = 0;
  uint32_t authorizations = 0;
  uint32_t api_keys = 0;
  bool has_expect = false;
  bool expect_is_known = true;
};

// The only place that knows which fields mean something. `value` without blanks around it.
void request_field_take(RequestParse* parse, std::string_view name, std::string_view value);

}  // namespace weir
