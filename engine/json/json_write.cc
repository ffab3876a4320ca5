#include "json/json_write.h"

#include <array>
#include <cstring>

#include "json/text.h"

namespace weir {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
// A control character becomes six bytes; nothing else grows more.
constexpr size_t kMaxGrowth = 6;

// What each byte is to a string: 0 plain, 1 an ASCII character to escape, 2 part of UTF-8.
constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> classes{};
  for (size_t c = 0; c < 0x20; ++c) classes[c] = 1;
  classes['"'] = 1;
  classes['\\'] = 1;
  for (size_t c = 0x80; c < 256; ++c) classes[c] = 2;
  return classes;
}
constexpr std::array<uint8_t, 256> kClasses = make_classes();

size_t plain_size(std::string_view text) {
  size_t size = 0;
  while (size < text.size() && kClasses[static_cast<uint8_t>(text[size])] == 0) ++size;
  return size;
}

// Writes the escape of `c` to `to`, which has 6 bytes; returns its size.
size_t write_escape(char c, char* to) {
  constexpr std::string_view kPlain = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  to[0] = '\\';
  const size_t known = kPlain.find(c);
  if (known != std::string_view::npos) {
    to[1] = kLetters[known];
    return 2;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  std::memcpy(to + 1, "u00", 3);
  to[4] = kHex[static_cast<uint8_t>(c) >> 4];
  to[5] = kHex[static_cast<uint8_t>(c) & 15];
  return 6;
}

// Calls append(std::string_view) with the escaped pieces of `text` in order.
template <typename Append>
void for_each_piece(std::string_view text, Append append) {
  while (!text.empty()) {
    const size_t plain = plain_size(text);
    if (plain != 0) append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    size_t used = 1;
    if (kClasses[static_cast<uint8_t>(text[0])] == 1) {
      char escape[kMaxGrowth];
      append(std::string_view(escape, write_escape(text[0], escape)));
    } else {
      const size_t size = utf8_sequence_size(text);
      append(size == 0 ? kReplacement : text.substr(0, size));
      used = size == 0 ? 1 : size;
    }
    text.remove_prefix(used);
  }
}

}  // namespace

void json_append_string(std::string* out, std::string_view text) {
  out->push_back('"');
  for_each_piece(text, [&](std::string_view piece) { out->append(piece); });
  out->push_back('"');
}

std::string_view json_quote(std::string_view text, Arena& arena) {
  // Measured first: a worst case of six times the text would be a waste for an ordinary one.
  size_t size = 2;
  for_each_piece(text, [&](std::string_view piece) { size += piece.size(); });
  char* begin = arena.allocate(size);
  char* to = begin;
  *to++ = '"';
  if (size == text.size() + 2) {  // as it is
    text.copy(to, text.size());
    begin[size - 1] = '"';
    return {begin, size};
  }
  for_each_piece(text, [&](std::string_view piece) {
    std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  });
  *to = '"';
  return {begin, size};
}

void append_number(std::string* out, int64_t value) {
  char digits[20];
  // Negated as unsigned, because the smallest value has no positive counterpart.
  uint64_t magnitude = static_cast<uint64_t>(value);
  if (value < 0) {
    out->push_back('-');
    magnitude = 0 - magnitude;
  }
  const char* end = write_number(digits, magnitude);
  out->append(digits, static_cast<size_t>(end - digits));
}

std::string_view json_unquote(std::string_view token, Arena& arena) {
  if (token.size() < 2) return {};
  const std::string_view raw = token.substr(1, token.size() - 2);
  if (raw.find('\\') == std::string_view::npos) return arena.copy(raw);
  char* to = arena.allocate(raw.size());
  const Unescaped plain = unescape_json(raw, LoneSurrogate::kReplace, to);
  if (!plain.ok) return {};
  return {to, plain.size};
}

}  // namespace weir
