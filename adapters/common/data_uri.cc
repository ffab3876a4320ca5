#include "adapters/common/data_uri.h"

#include <algorithm>

#include "adapters/common/arena_text.h"
#include "json/json_write.h"

namespace weir {

namespace {

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool equal_lower(std::string_view text, std::string_view wanted) {
  return std::equal(text.begin(), text.end(), wanted.begin(), wanted.end(),
                    [](char a, char b) { return lower(a) == b; });
}

constexpr bool is_base64_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/' || c == '=' || c == '-' || c == '_';
}
constexpr bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
// The value of a digit in either alphabet; -1 for anything else.
int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  return c == '/' || c == '_' ? 63 : -1;
}
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// The text without white space; empty when anything else than base64 is left. Text without either
// can be megabytes and is left for the provider to judge: it cannot end a JSON string.
std::string_view base64_clean(std::string_view text, Arena& arena) {
  const auto lacks = [text](char c) { return text.find(c) == std::string_view::npos; };
  if (lacks(' ') && lacks('\n') && lacks('\r') && lacks('\\') && lacks('"')) return text;
  char* to = arena.allocate(text.size());
  size_t size = 0;
  for (const char c : text) {
    if (is_space(c)) continue;
    if (!is_base64_char(c)) return {};
    to[size++] = c;
  }
  return {to, size};
}

std::string_view percent_to_base64(std::string_view text, Arena& arena) {
  char* plain = arena.allocate(text.size() + 1);
  size_t size = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                        hex_digit(text[i + 2]) >= 0;
    plain[size++] =
        escape ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  ArenaText encoded(arena, size / 3 * 4 + 8);
  return encoded.add_base64({plain, size}).view();
}

std::string_view mime_read(std::string_view text, Arena& arena) {
  if (text.empty()) return "text/plain";
  if (equal_lower(text, "image/jpg")) return "image/jpeg";
  char* to = arena.allocate(text.size());
  std::transform(text.begin(), text.end(), to, lower);
  return {to, text.size()};
}

}  // namespace

std::string_view base64_decode(std::string_view text, Arena& arena) {
  char* to = arena.allocate(text.size() / 4 * 3 + 3);
  size_t size = 0;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) break;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    to[size++] = static_cast<char>(bits >> have & 0xff);
  }
  return {to, size};
}

bool is_data_uri(std::string_view url) {
  return equal_lower(url.substr(0, 5), "data:");
}

DataUri data_uri_read(std::string_view url, Arena& arena) {
  DataUri uri;
  if (!is_data_uri(url)) return uri;
  if (url.find('\\') != std::string_view::npos) {
    url = json_unquote({url.data() - 1, url.size() + 2}, arena);
  }
  const size_t comma = url.find(',');
  if (comma == std::string_view::npos) return uri;
  std::string_view head = url.substr(5, comma - 5);
  const std::string_view data = url.substr(comma + 1);
  bool base64 = false;
  const size_t mime_end = std::min(head.find(';'), head.size());
  uri.mime = mime_read(head.substr(0, mime_end), arena);
  if (uri.mime.find_first_of("\"\\") != std::string_view::npos) return uri;
  for (head.remove_prefix(mime_end); !head.empty();) {
    head.remove_prefix(1);
    const size_t end = std::min(head.find(';'), head.size());
    base64 |= equal_lower(head.substr(0, end), "base64");
    head.remove_prefix(end);
  }
  uri.data = base64 ? base64_clean(data, arena) : percent_to_base64(data, arena);
  uri.valid = !uri.data.empty() || data.empty();
  return uri;
}

}  // namespace weir
