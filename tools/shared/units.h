// Reads the small values of scripts and command lines: durations ("20ms", "1.5s", a bare number is
// milliseconds) and sizes ("4096", "64k", "1m"). Shared by both tools; pure functions, any thread.
// On bad text they throw std::invalid_argument with a message that quotes the text.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace weir::tools {

inline double parse_number(std::string_view text, std::string_view* rest) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value) || value < 0) {
    throw std::invalid_argument("not a number: '" + std::string(text) + "'");
  }
  *rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return value;
}

inline std::uint64_t parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end != last) {
    throw std::invalid_argument("not a whole number: '" + std::string(text) + "'");
  }
  return value;
}

inline double parse_duration_ms(std::string_view text) {
  std::string_view unit;
  const double value = parse_number(text, &unit);
  if (unit.empty() || unit == "ms") return value;
  if (unit == "us") return value / 1000;
  if (unit == "s") return value * 1000;
  if (unit == "m") return value * 60'000;
  if (unit == "h") return value * 3'600'000;
  throw std::invalid_argument("not a duration: '" + std::string(text) + "'");
}

inline std::uint64_t parse_size(std::string_view text) {
  std::string_view unit;
  const double value = parse_number(text, &unit);
  if (value > 1e12) throw std::invalid_argument("too large: '" + std::string(text) + "'");
  if (unit.empty()) return static_cast<std::uint64_t>(value);
  if (unit == "k" || unit == "K") return static_cast<std::uint64_t>(value * 1024);
  if (unit == "m" || unit == "M") return static_cast<std::uint64_t>(value * 1024 * 1024);
  throw std::invalid_argument("not a size: '" + std::string(text) + "'");
}

}  // namespace weir::tools
