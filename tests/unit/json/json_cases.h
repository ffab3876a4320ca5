// What the JSON tests share: texts with the padding the scanners ask for, a slow reference checker
// written from the grammar alone, and random documents with mutations of them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>

namespace weir::testing {

// A copy in memory of exactly size + 64 bytes, so that the address sanitizer sees a read too far.
// The padding holds `filler`, which must never matter.
class Padded {
 public:
  explicit Padded(std::string_view text, char filler = '}')
      : size_(text.size()), bytes_(new char[text.size() + 64]) {
    std::memcpy(bytes_.get(), text.data(), text.size());
    std::memset(bytes_.get() + text.size(), filler, 64);
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

// Recursive and byte by byte; as different from the scanner as can be.
class ReferenceJson {
 public:
  ReferenceJson(std::string_view text, int max_depth) : text_(text), max_depth_(max_depth) {}

  [[nodiscard]] bool valid() {
    if (!utf8()) return false;
    space();
    if (!value(0)) return false;
    space();
    return at_ == text_.size();
  }

 private:
  [[nodiscard]] int peek() const {
    return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : -1;
  }
  bool take(char c) {
    if (peek() != static_cast<unsigned char>(c)) return false;
    ++at_;
    return true;
  }
  void space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }
  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  bool value(int depth) {
    switch (peek()) {
      case '{': return object(depth + 1);
      case '[': return array(depth + 1);
      case '"': return string();
      case 't': return word("true");
      case 'f': return word("false");
      case 'n': return word("null");
      default: return number();
    }
  }
  bool object(int depth) {
    if (depth > max_depth_) return false;
    ++at_;
    space();
    if (take('}')) return true;
    for (;;) {
      space();
      if (peek() != '"' || !string()) return false;
      space();
      if (!take(':')) return false;
      space();
      if (!value(depth)) return false;
      space();
      if (take('}')) return true;
      if (!take(',')) return false;
    }
  }
  bool array(int depth) {
    if (depth > max_depth_) return false;
    ++at_;
    space();
    if (take(']')) return true;
    for (;;) {
      space();
      if (!value(depth)) return false;
      space();
      if (take(']')) return true;
      if (!take(',')) return false;
    }
  }
  bool string() {
    ++at_;
    while (peek() != '"') {
      if (peek() < 0x20) return false;
      if (!take('\\')) {
        ++at_;
        continue;
      }
      const int letter = peek();
      if (letter < 0 || std::strchr("\"\\/bfnrtu", letter) == nullptr || letter == 0) return false;
      ++at_;
      for (int i = 0; letter == 'u' && i < 4; ++i, ++at_) {
        if (peek() < 0 || std::isxdigit(peek()) == 0) return false;
      }
    }
    ++at_;
    return true;
  }
  bool digits() {
    const size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ != begin;
  }
  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    return true;
  }
  // By decoding every code point and comparing with the length its value needs.
  [[nodiscard]] bool utf8() const {
    for (size_t i = 0; i < text_.size();) {
      const auto lead = static_cast<unsigned char>(text_[i]);
      const size_t size = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
      if ((lead >= 0x80 && lead < 0xC0) || lead > 0xF7 || i + size > text_.size()) return false;
      uint32_t code = size == 1 ? lead : lead & (0xFFU >> (size + 1));
      for (size_t k = 1; k < size; ++k) {
        const auto tail = static_cast<unsigned char>(text_[i + k]);
        if (tail / 64 != 2) return false;
        code = code * 64 + tail % 64;
      }
      const size_t needed = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      if (needed != size || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
      i += size;
    }
    return true;
  }

  std::string_view text_;
  int max_depth_;
  size_t at_ = 0;
};

inline bool reference_valid(std::string_view text, int max_depth = 512) {
  return ReferenceJson(text, max_depth).valid();
}

// The seed of a random test: WEIR_TEST_SEED when set, to repeat a failure.
inline uint64_t test_seed() {
  const char* wanted = std::getenv("WEIR_TEST_SEED");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
}

class RandomJson {
 public:
  explicit RandomJson(uint64_t seed) : random_(seed) {}

  [[nodiscard]] size_t below(size_t limit) { return random_() % limit; }
  template <size_t n>
  std::string_view pick(const std::string_view (&from)[n]) {
    return from[below(n)];
  }
  std::string space() {
    static constexpr std::string_view kSpaces[] = {"", "", "", " ", "\n  ", "\t", "\r\n"};
    return std::string(pick(kSpaces));
  }
  std::string string() {
    static constexpr std::string_view kPieces[] = {
        "a",    "text ", "\\n",     "\\\"",   "\\\\",         "\\/",    "\\t",          "\\u0041",
        "{",    "}",     "[",       "]",      ",",            ":",      "ü",            "漢",
        "\\b", "\\f", "\\r", "\\ud800", "\\ud83d\\ude00", "😀", "\\\\\\\\\\\\", "\\uABcd",
        "a long run of plain text that fills more than one block of the vector pass over it"};
    std::string text = "\"";
    for (size_t left = below(6); left > 0; --left) text += pick(kPieces);
    return text + '"';
  }
  std::string scalar() {
    static constexpr std::string_view kScalars[] = {
        "0",     "-0",   "1",    "12345678901234567890123", "1.5",  "-0.25", "1e9",
        "1E-07", "2e+3", "true", "false",                   "null", "\"\"",  "0.0e0"};
    return below(3) == 0 ? string() : std::string(pick(kScalars));
  }
  std::string value(size_t depth) {
    const size_t kind = below(depth > 5 ? 3 : 6);
    if (kind < 3) return scalar();
    const bool object = kind < 5;
    std::string text = object ? "{" : "[";
    const size_t count = below(5);
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) text += space() + ",";
      text += space();
      if (object) text += string() + space() + ":" + space();
      text += value(depth + 1);
    }
    return text + space() + (object ? "}" : "]");
  }
  // One to three small damages, most of which make the text invalid.
  std::string mutate(std::string text) {
    static constexpr std::string_view kJunk[] = {
        "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "u", " ", "\n", "\x01",
        "\x0C", "\x1A", "\xC3", "\xED\xA0\x80", "\xEF\xBB\xBF", "\x80", "t", "null",
        "\\u12", "\x7F"};
    for (size_t left = 1 + below(3); left > 0 && !text.empty(); --left) {
      const size_t at = below(text.size());
      switch (below(5)) {
        case 0: text.erase(at, 1 + below(3)); break;
        case 1: text.insert(at, pick(kJunk)); break;
        case 2: text.replace(at, 1, pick(kJunk)); break;
        case 3: text.resize(at); break;
        default: std::swap(text[at], text[below(text.size())]); break;
      }
    }
    return text;
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace weir::testing
