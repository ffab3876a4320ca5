// What the parsers of requests and of responses do alike: the fields that frame a message and say
// whether its connection lives on (RFC 9112 sections 6 and 9), and the ways values are read.
//
// Private to engine/http. Views borrow from the head. One thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "base/check.h"
#include "http/bytes.h"
#include "http/parser.h"

namespace weir {

// Collected field by field; judged once by framing_resolve.
struct FramingFields {
  uint32_t lengths = 0;  // Content-Length fields
  uint32_t codings = 0;  // Transfer-Encoding fields
  std::string_view length;
  std::string_view coding;
  bool close = false;       // Connection: close
  bool keep_alive = false;  // Connection: keep-alive

  // True when the field is one of these and has been noted.
  bool take(std::string_view name, std::string_view value) {
    if (name.size() == 14 && equals_folded(name, "content-length")) {
      ++lengths;
      length = value;
      return true;
    }
    if (name.size() == 17 && equals_folded(name, "transfer-encoding")) {
      ++codings;
      coding = value;
      return true;
    }
    if (name.size() != 10 || !equals_folded(name, "connection")) return false;
    take_connection(value);
    return true;
  }
  void take_connection(std::string_view value);
  // Close wins over keep-alive; without either the version decides.
  [[nodiscard]] bool connection_stays(uint8_t minor_version) const {
    return !close && (keep_alive || minor_version >= 1);
  }
};

struct BodyFraming {
  Framing framing = Framing::kNone;
  uint64_t content_length = 0;
};

// kNone when neither field is there. Refusals: kMalformedRequest and kNotImplemented, as
// parse_request_head documents them.
[[nodiscard]] Result<BodyFraming> framing_resolve(const FramingFields& fields,
                                                  uint8_t minor_version);

// 1*DIGIT that fits in 64 bits; false for anything else.
[[nodiscard]] bool digits_read(std::string_view text, uint64_t* number);

// Calls `each(item)` for every member of a comma separated list, blanks around it trimmed.
template <typename Each>
void list_walk(std::string_view list, Each each) {
  while (true) {
    const size_t comma = list.find(',');
    each(blanks_trim(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// Calls `each(name, value)`, blanks around the value trimmed, for the field lines at `p` that are
// whole and good, at most `max_count`, and returns where the next one begins. What stands there may
// be the empty line, or cut, or wrong: FieldLines says which.
template <typename Each>
[[nodiscard]] const char* lines_read(const char* p, const char* end, uint32_t max_count,
                                     Each each) {
  for (uint32_t count = 0; count != max_count; ++count) {
    const char* const colon = token_skip(p, end);
    if (colon == p || colon == end || *colon != ':') break;
    const char* const cr = value_skip(colon + 1, end);
    if (end - cr < 2 || cr[0] != '\r' || cr[1] != '\n') break;
    each(std::string_view(p, static_cast<size_t>(colon - p)),
         blanks_trim({colon + 1, static_cast<size_t>(cr - colon - 1)}));
    p = cr + 2;
  }
  return p;
}

// Every field line of a complete head that a HeadScanner has passed.
template <typename Each>
void fields_walk(std::string_view head, Each each) {
  const char* const end = head.data() + head.size();
  const char* const lines = byte_find(head.data(), end, '\r') + 2;
  const char* const rest = lines_read(lines, end, UINT32_MAX, each);
  WEIR_DCHECK(end - rest == 2);
}

// host[:port] of a Host field or an absolute target: a registered name, an IPv4 address or a
// bracketed IPv6 address, and a port up to 65535.
[[nodiscard]] bool authority_is_valid(std::string_view authority);

}  // namespace weir
