#include "http/field_lines.h"

#include "http/bytes.h"
#include "http/head_fields.h"

namespace weir {

namespace {

std::string_view name_fault(char c) {
  if (c == ' ' || c == '\t') return "white space before the colon of a header field";
  if (c == '\r' || c == '\n') return "a header line has no colon";
  return "a header field name holds a byte that is not allowed";
}

std::string_view line_start_fault(char c) {
  if (c == ' ' || c == '\t')
    return "a header line begins with white space (folded lines are refused)";
  if (c == ':') return "a header field has no name";
  if (c == '\n') return "a line ends in LF alone; CRLF is required";
  return name_fault(c);
}

std::string_view value_fault(char c) {
  if (c == '\n') return "a line ends in LF alone; CRLF is required";
  return "a header field value holds a control byte";
}

}  // namespace

const char* FieldLines::scan(const char* p, const char* end, uint32_t max_count,
                             std::string_view* why) {
  // Whole lines go at once; what is cut or wrong is looked at byte by byte.
  if (state == State::kLineStart) {
    uint32_t lines = 0;
    p = lines_read(p, end, max_count - count,
                   [&lines](std::string_view, std::string_view) { ++lines; });
    count += lines;
  }
  while (p != end) {
    switch (state) {
      case State::kLineStart:
        if (*p == '\r') {
          ++p;
          state = State::kEndLf;
          break;
        }
        if (!byte_is(*p, kTokenByte)) {
          *why = line_start_fault(*p);
          return nullptr;
        }
        if (count >= max_count) {
          *why = kTooManyFields;
          return nullptr;
        }
        ++count;
        state = State::kName;
        [[fallthrough]];
      case State::kName:
        p = token_skip(p, end);
        if (p == end) break;
        if (*p != ':') {
          *why = name_fault(*p);
          return nullptr;
        }
        ++p;
        state = State::kValue;
        [[fallthrough]];
      case State::kValue:
        p = value_skip(p, end);
        if (p == end) break;
        if (*p != '\r') {
          *why = value_fault(*p);
          return nullptr;
        }
        ++p;
        state = State::kValueLf;
        if (p == end) break;
        [[fallthrough]];
      case State::kValueLf:
      case State::kEndLf:
        if (*p != '\n') {
          *why = "a CR is not followed by LF";
          return nullptr;
        }
        ++p;
        if (state == State::kEndLf) {
          state = State::kDone;
          return p;
        }
        state = State::kLineStart;
        break;
      case State::kDone:
        return p;
    }
  }
  return p;
}

}  // namespace weir
