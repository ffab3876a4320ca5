#include "control/config_units.h"

#include <charconv>

namespace weir {

namespace {

struct Unit {
  std::string_view name;
  int64_t size;
};
constexpr int64_t kNanosPerSecond = 1'000'000'000;
// "ms" stands before "m": the first that fits is taken.
constexpr Unit kDurationUnits[] = {
    {"ns", 1},         {"us", 1'000},          {"\u00b5s", 1'000},
    {"\u03bcs", 1'000}, {"ms", 1'000'000},      {"s", kNanosPerSecond},
    {"m", 60 * kNanosPerSecond}, {"h", 3600 * kNanosPerSecond}, {"d", 86'400 * kNanosPerSecond}};
constexpr Unit kSizeUnits[] = {{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};
constexpr int64_t kMaxDurationNs = 100ll * 365 * 86'400 * kNanosPerSecond;
constexpr uint64_t kMaxSize = uint64_t{1} << 62;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "12", "12.5" or ".5" from the front of *rest, as a whole part and billionths.
bool number_take(std::string_view* rest, int64_t* whole, int64_t* billionths) {
  const char* begin = rest->data();
  const char* end = begin + rest->size();
  *whole = *billionths = 0;
  const char* at = begin;
  if (at != end && is_digit(*at)) {
    const auto [next, error] = std::from_chars(at, end, *whole);
    if (error != std::errc{}) return false;
    at = next;
  }
  bool any = at != begin;
  if (at != end && *at == '.') {
    int64_t place = kNanosPerSecond / 10;
    for (++at; at != end && is_digit(*at); ++at, place /= 10) {
      *billionths += (*at - '0') * place;
      any = true;
    }
  }
  rest->remove_prefix(static_cast<size_t>(at - begin));
  return any;
}

const Unit* unit_take(std::string_view* rest) {
  for (const Unit& unit : kDurationUnits) {
    if (rest->starts_with(unit.name)) {
      rest->remove_prefix(unit.name.size());
      return &unit;
    }
  }
  return nullptr;
}

}  // namespace

std::optional<int64_t> duration_parse_ns(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  int64_t total = 0;
  while (!text.empty()) {
    int64_t whole = 0, billionths = 0;
    if (!number_take(&text, &whole, &billionths)) return std::nullopt;
    const Unit* unit = unit_take(&text);
    if (unit == nullptr || whole > kMaxDurationNs / unit->size) return std::nullopt;
    // Both factors can be large; doubles are exact enough for the part behind the point.
    const auto fraction = static_cast<int64_t>(static_cast<double>(billionths) *
                                               static_cast<double>(unit->size) / 1e9);
    total += whole * unit->size + fraction;
    if (total > kMaxDurationNs) return std::nullopt;
  }
  return total;
}

std::optional<uint64_t> size_parse(std::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || value > kMaxSize) return std::nullopt;
  const std::string_view suffix(next, static_cast<size_t>(end - next));
  if (suffix.empty()) return value;
  for (const Unit& unit : kSizeUnits) {
    const auto size = static_cast<uint64_t>(unit.size);
    if (suffix != unit.name) continue;
    if (value > kMaxSize / size) return std::nullopt;
    return value * size;
  }
  return std::nullopt;
}

std::string duration_format_ms(uint64_t ms) {
  if (ms % 1000 != 0) return std::to_string(ms) + "ms";
  return std::to_string(ms / 1000) + "s";
}

std::string duration_format_ns(int64_t ns) {
  static constexpr Unit kUnits[] = {{"h", 3'600'000'000'000}, {"m", 60'000'000'000},
                                    {"s", 1'000'000'000},     {"ms", 1'000'000},
                                    {"us", 1'000},            {"ns", 1}};
  if (ns == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (ns % unit.size == 0) return std::to_string(ns / unit.size) + std::string(unit.name);
  }
  return {};
}

std::string size_format(uint64_t bytes) {
  for (const Unit& unit : kSizeUnits) {
    const auto size = static_cast<uint64_t>(unit.size);
    if (unit.size > 1 && bytes != 0 && bytes % size == 0) {
      return std::to_string(bytes / size) + std::string(unit.name);
    }
  }
  return std::to_string(bytes);
}

}  // namespace weir
