#include "text_pool.h"

#include <array>

namespace weir::mock {
namespace {

constexpr std::array<std::string_view, 16> kWords = {
    "river", "stone", "carries", "a",     "quiet", "message", "over",   "the",
    "wide",  "gate",  "while",   "water", "turns", "slow",    "wheels", "below"};
constexpr std::array<std::string_view, 8> kWideWords = {
    "\xC5\x99"
    "eka",
    "\xE6\xB2\xB3",
    "\xE7\x9F\xB3\xE9\xA0\xAD",
    "\xF0\x9F\x8C\x8A",
    "na\xC3\xAFve",
    "\xD0\xB2\xD0\xBE\xD0\xB4\xD0\xB0",
    "\xF0\x9F\xAA\xA8",
    "\xE2\x82\xAC"
    "5"};

std::string_view word_at(std::size_t i, bool utf8) {
  return utf8 ? kWideWords[i % kWideWords.size()] : kWords[i % kWords.size()];
}

std::string pool_make(bool utf8) {
  std::string pool;
  pool.reserve(kPoolBytes + 16);
  for (std::size_t i = 0; pool.size() + 16 < kPoolBytes; ++i) {
    pool += word_at(i, utf8);
    pool += ' ';
  }
  return pool;
}

}  // namespace

std::string_view pool_text(bool utf8) {
  static const std::string ascii = pool_make(false);
  static const std::string wide = pool_make(true);
  return utf8 ? wide : ascii;
}

std::string make_text(std::size_t len, bool utf8) {
  std::string out;
  out.reserve(len);
  const std::string_view pool = pool_text(utf8);
  while (out.size() + pool.size() < len) out += pool;
  if (len > out.size()) out += slice_characters(pool, 0, len - out.size());
  return out;
}

std::string make_words(std::size_t count, bool utf8) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ' ';
    out += word_at(i, utf8);
  }
  return out;
}

}  // namespace weir::mock
