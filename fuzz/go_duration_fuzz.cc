// Goal: durations mean what a second reader, slow and exact, says they mean: every digit in 128-bit
// integers. Fractions may differ by a nanosecond each, because the real one rounds with doubles.
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "control/config_units.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

__extension__ using Wide = unsigned __int128;

struct Slow {
  Wide nanos = 0;
  int numbers = 0;
};

Wide unit_of(std::string_view name) {
  constexpr Wide kSecond = 1'000'000'000;
  if (name == "ns") return 1;
  if (name == "us" || name == "\xc2\xb5s" || name == "\xce\xbcs") return 1'000;
  if (name == "ms") return 1'000'000;
  if (name == "s") return kSecond;
  if (name == "m") return 60 * kSecond;
  if (name == "h") return 3600 * kSecond;
  return name == "d" ? 86'400 * kSecond : 0;
}

bool is_number_byte(char c) { return (c >= '0' && c <= '9') || c == '.'; }

// One number with its unit, from the front of *text; nothing when there is none.
std::optional<Wide> part_read(std::string_view* text) {
  size_t end = 0, unit_end = 0;
  while (end < text->size() && is_number_byte((*text)[end])) ++end;
  for (unit_end = end; unit_end < text->size() && !is_number_byte((*text)[unit_end]);) ++unit_end;
  const std::string_view number = text->substr(0, end);
  const Wide unit = unit_of(text->substr(end, unit_end - end));
  text->remove_prefix(unit_end);
  const size_t point = number.find('.');
  if (unit == 0 || number.empty() || number == ".") return {};
  if (point != std::string_view::npos && number.find('.', point + 1) != std::string_view::npos) {
    return {};
  }
  // The real one counts nine digits behind the point.
  Wide value = 0, scale = 1;
  bool behind = false;
  for (const char c : number) {
    if (c == '.') {
      behind = true;
    } else if (!behind || scale < 1'000'000'000) {
      value = value * 10 + static_cast<Wide>(c - '0');
      if (behind) scale *= 10;
      if (value > Wide{1} << 96) return {};
    }
  }
  return value * unit / scale;
}

std::optional<Slow> slow_read(std::string_view text) {
  if (text == "0") return Slow{};
  if (text.empty()) return {};
  Slow out;
  while (!text.empty()) {
    const auto part = part_read(&text);
    if (!part) return {};
    out.nanos += *part;
    if (++out.numbers > 100'000) return {};
  }
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  constexpr Wide kMost = Wide{100} * 365 * 86'400 * 1'000'000'000;
  const auto got = weir::duration_parse_ns(text);
  const auto expected = slow_read(text);
  if (!expected) {
    if (got) std::abort();
    return 0;
  }
  const auto slack = static_cast<Wide>(expected->numbers);
  if (got) {
    const auto value = static_cast<Wide>(*got);
    if (*got < 0 || value > kMost || value + slack < expected->nanos ||
        value > expected->nanos + slack) {
      std::abort();
    }
  } else if (expected->nanos + slack <= kMost) {
    std::abort();
  }
  return 0;
}
