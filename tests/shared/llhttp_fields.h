// A second opinion on message heads: what llhttp finds in one. Responses are read without it, so
// tests and fuzz targets compare. The head must be one that a HeadScanner found complete; what
// llhttp lets through beyond RFC 9112 is not its matter then. One thread.
#pragma once

#include <llhttp.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir {

struct LlhttpFields {
  bool accepted = false;
  int status = 0;
  int minor_version = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // blanks around values trimmed
};

namespace llhttp_fields_detail {

inline std::string trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

// llhttp takes spaces but no tab behind the number of a Content-Length; RFC 9110 5.5 allows both.
inline std::string spaces_at_line_ends(std::string_view head) {
  std::string text(head);
  for (size_t end = text.find('\r'); end != std::string::npos; end = text.find('\r', end + 1)) {
    for (size_t at = end; at != 0 && (text[at - 1] == ' ' || text[at - 1] == '\t'); --at) {
      text[at - 1] = ' ';
    }
  }
  return text;
}

inline int on_field(llhttp_t* parser, const char* at, size_t size) {
  static_cast<LlhttpFields*>(parser->data)->fields.emplace_back(std::string(at, size), "");
  return HPE_OK;
}

inline int on_value(llhttp_t* parser, const char* at, size_t size) {
  static_cast<LlhttpFields*>(parser->data)->fields.back().second = trimmed({at, size});
  return HPE_OK;
}

inline int on_end(llhttp_t*) { return HPE_PAUSED; }

}  // namespace llhttp_fields_detail

[[nodiscard]] inline LlhttpFields llhttp_fields(llhttp_type_t type, std::string_view head) {
  llhttp_settings_t settings{};
  settings.on_header_field = llhttp_fields_detail::on_field;
  settings.on_header_value = llhttp_fields_detail::on_value;
  settings.on_headers_complete = llhttp_fields_detail::on_end;
  LlhttpFields found;
  llhttp_t parser;
  llhttp_init(&parser, type, &settings);
  parser.data = &found;
  const std::string text = llhttp_fields_detail::spaces_at_line_ends(head);
  found.accepted = llhttp_execute(&parser, text.data(), text.size()) == HPE_PAUSED;
  found.status = parser.status_code;
  found.minor_version = parser.http_minor;
  return found;
}

}  // namespace weir
