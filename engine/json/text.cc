#include "json/text.h"

#include <cstring>

namespace weir {

namespace {

constexpr uint32_t kReplacement = 0xFFFD;

uint8_t byte_at(std::string_view text, size_t i) { return static_cast<uint8_t>(text[i]); }

bool is_tail(std::string_view text, size_t i) { return (byte_at(text, i) & 0xC0) == 0x80; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool read_hex4(std::string_view text, uint32_t* code) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    const int digit = hex_value(text[i]);
    if (digit < 0) return false;
    value = value << 4 | static_cast<uint32_t>(digit);
  }
  *code = value;
  return true;
}

// The plain character of a two-byte escape; 0 when there is no such escape.
char plain_character(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/': return letter;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
  }
}

bool is_high_surrogate(uint32_t code) { return code >= 0xD800 && code < 0xDC00; }
bool is_low_surrogate(uint32_t code) { return code >= 0xDC00 && code < 0xE000; }

// One escape at the start of `text`, or the two that make a surrogate pair. Returns the bytes
// consumed, 0 when the text is no escape.
size_t decode_escape(std::string_view text, uint32_t* code, bool* lone) {
  const size_t first = escape_size(text, code);
  *lone = false;
  if (first != 6) return first;
  if (is_low_surrogate(*code)) {
    *lone = true;
    return first;
  }
  if (!is_high_surrogate(*code)) return first;
  uint32_t second = 0;
  const std::string_view rest = text.substr(first);
  const bool paired = rest.starts_with("\\u") && escape_size(rest, &second) == 6;
  if (!paired || !is_low_surrogate(second)) {
    *lone = true;
    return first;
  }
  *code = 0x10000 + ((*code - 0xD800) << 10) + (second - 0xDC00);
  return first + 6;
}

}  // namespace

size_t utf8_sequence_size(std::string_view text) {
  if (text.empty()) return 0;
  const uint8_t lead = byte_at(text, 0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;  // a tail byte, an overlong form or beyond U+10FFFF
  const size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    if (!is_tail(text, i)) return 0;
  }
  const uint8_t second = byte_at(text, 1);
  if (lead == 0xE0 && second < 0xA0) return 0;   // overlong
  if (lead == 0xED && second >= 0xA0) return 0;  // surrogates
  if (lead == 0xF0 && second < 0x90) return 0;   // overlong
  if (lead == 0xF4 && second >= 0x90) return 0;  // beyond U+10FFFF
  return size;
}

size_t utf8_error_offset(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t word = 0;
    if (text.size() - at >= sizeof(word)) {
      std::memcpy(&word, text.data() + at, sizeof(word));
      if ((word & 0x8080808080808080U) == 0) {
        at += sizeof(word);
        continue;
      }
    }
    const size_t size = utf8_sequence_size(text.substr(at));
    if (size == 0) return at;
    at += size;
  }
  return at;
}

char* write_utf8(char* to, uint32_t code) {
  const auto tail = [&](uint32_t shift) {
    *to++ = static_cast<char>(0x80 | ((code >> shift) & 0x3F));
  };
  if (code < 0x80) {
    *to++ = static_cast<char>(code);
  } else if (code < 0x800) {
    *to++ = static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    *to++ = static_cast<char>(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    *to++ = static_cast<char>(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
  return to;
}

size_t escape_size(std::string_view text, uint32_t* code) {
  if (text.size() < 2 || text[0] != '\\') return 0;
  uint32_t value = 0;
  if (text[1] == 'u') {
    if (text.size() < 6 || !read_hex4(text.substr(2, 4), &value)) return 0;
    if (code != nullptr) *code = value;
    return 6;
  }
  const char plain = plain_character(text[1]);
  if (plain == 0) return 0;
  if (code != nullptr) *code = static_cast<uint32_t>(plain);
  return 2;
}

Unescaped unescape_json(std::string_view raw, LoneSurrogate lone, char* to) {
  char* out = to;
  size_t at = 0;
  while (at < raw.size()) {
    const size_t slash = raw.find('\\', at);
    const size_t end = slash == std::string_view::npos ? raw.size() : slash;
    if (end != at) std::memcpy(out, raw.data() + at, end - at);
    out += end - at;
    at = end;
    if (at == raw.size()) break;
    uint32_t code = 0;
    bool is_lone = false;
    const size_t used = decode_escape(raw.substr(at), &code, &is_lone);
    if (used == 0) return {};
    if (is_lone && lone == LoneSurrogate::kRefuse) return {};
    if (is_lone && lone == LoneSurrogate::kReplace) code = kReplacement;
    out = write_utf8(out, code);
    at += used;
  }
  return {true, static_cast<size_t>(out - to)};
}

size_t unescaped_size(std::string_view raw) {
  size_t size = raw.size();
  for (size_t at = raw.find('\\'); at != std::string_view::npos; at = raw.find('\\', at)) {
    // Nearly all escapes are those of two bytes for one.
    if (raw.size() - at >= 2 && plain_character(raw[at + 1]) != 0) {
      --size;
      at += 2;
      continue;
    }
    uint32_t code = 0;
    bool is_lone = false;
    const size_t used = decode_escape(raw.substr(at), &code, &is_lone);
    if (used == 0) return size;
    char plain[4];
    const char* end = write_utf8(plain, code);
    size -= used - static_cast<size_t>(end - plain);
    at += used;
  }
  return size;
}

}  // namespace weir
