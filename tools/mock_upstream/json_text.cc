#include "json_text.h"

#include <array>
#include <cstring>

namespace weir::mock {
namespace {

std::size_t sequence_len(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t len = first < 0x80   ? 1
                          : first < 0xC2 ? 0
                          : first < 0xE0 ? 2
                          : first < 0xF0 ? 3
                          : first < 0xF5 ? 4
                                         : 0;
  if (len == 0 || len > text.size()) return 0;
  for (std::size_t i = 1; i < len; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return len;
}

std::string_view skip_space(std::string_view text) {
  const std::size_t at = text.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos ? std::string_view{} : text.substr(at);
}

}  // namespace

void json_escape_append(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto stands = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\' &&
           static_cast<unsigned char>(c) < 0x80;
  };
  while (!text.empty()) {
    // Runs of plain ASCII are most of any text; they are copied at once.
    std::size_t run = 0;
    while (run < text.size() && stands(text[run])) ++run;
    out += text.substr(0, run);
    text.remove_prefix(run);
    if (text.empty()) break;
    const char c = text.front();
    std::size_t len = 1;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[(c >> 4) & 15];
      out += kHex[c & 15];
    } else if (len = sequence_len(text); len == 0) {
      // What is not UTF-8 cannot stand in JSON; the digest beside an echo still tells it apart.
      out += "\xEF\xBF\xBD";
      len = 1;
    } else {
      out += text.substr(0, len);
    }
    text.remove_prefix(len);
  }
}

std::string json_quote(std::string_view text) {
  std::string out = "\"";
  json_escape_append(out, text);
  out += '"';
  return out;
}

std::optional<std::string_view> json_find(std::string_view text, std::string_view name) {
  std::array<char, 64> quoted{};
  if (name.size() + 2 > quoted.size()) return std::nullopt;
  quoted[0] = '"';
  std::memcpy(quoted.data() + 1, name.data(), name.size());
  quoted[name.size() + 1] = '"';
  const std::size_t len = name.size() + 2;
  for (;;) {
    const void* hit = memmem(text.data(), text.size(), quoted.data(), len);
    if (hit == nullptr) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(static_cast<const char*>(hit) - text.data()) + len);
    const std::string_view after = skip_space(text);
    if (after.starts_with(':')) return skip_space(after.substr(1));
  }
}

std::string json_find_string(std::string_view text, std::string_view name) {
  const auto value = json_find(text, name);
  std::string out;
  if (!value || !value->starts_with('"')) return out;
  for (std::size_t i = 1; i < value->size() && (*value)[i] != '"'; ++i) {
    if ((*value)[i] == '\\' && i + 1 < value->size()) ++i;
    out += (*value)[i];
  }
  return out;
}

bool json_find_true(std::string_view text, std::string_view name) {
  const auto value = json_find(text, name);
  return value && value->starts_with("true");
}

}  // namespace weir::mock
