#include "control/config_price.h"

#include <algorithm>

namespace weir {

namespace {

__extension__ using Wide = __int128;  // tokens times a price exceeds 64 bits

constexpr int64_t kMaxPrice = 1'000'000'000'000;         // a dollar for a token
constexpr int64_t kMaxCost = 10'000'000'000'000;          // ten thousand dollars
constexpr int kMaxDigits = 18;

struct Decimal {
  int64_t digits = 0;
  int exponent = 0;  // the value is digits * 10^exponent
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes "e-7" from the end of a number; nothing is left of what was read.
bool exponent_take(std::string_view* text, int* exponent) {
  const size_t at = text->find_first_of("eE");
  if (at == std::string_view::npos) return true;
  std::string_view digits = text->substr(at + 1);
  *text = text->substr(0, at);
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || digits.size() > 2) return false;
  int value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return false;
    value = value * 10 + (c - '0');
  }
  *exponent += negative ? -value : value;
  return true;
}

// A decimal number that is not negative, as JSON and YAML write it.
std::optional<Decimal> decimal_parse(std::string_view text) {
  Decimal out;
  if (!exponent_take(&text, &out.exponent)) return std::nullopt;
  bool fraction = false, any = false;
  int significant = 0;
  for (const char c : text) {
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (!is_digit(c)) return std::nullopt;
    any = true;
    if (significant > 0 || c != '0') ++significant;
    if (significant > kMaxDigits) return std::nullopt;
    out.digits = out.digits * 10 + (c - '0');
    if (fraction) --out.exponent;
  }
  if (!any) return std::nullopt;
  return out;
}

// The decimal times 10^shift as a whole number, halves up; nothing above kMaxPrice.
std::optional<int64_t> decimal_scale(Decimal decimal, int shift) {
  Wide value = decimal.digits;
  int exponent = decimal.exponent + shift;
  for (; exponent > 0 && value != 0 && value <= kMaxPrice; --exponent) value *= 10;
  bool half = false;
  for (; exponent < 0 && (value != 0 || half); ++exponent) {
    half = value % 10 >= 5;
    value /= 10;
  }
  if (half) ++value;
  if (value > kMaxPrice) return std::nullopt;
  return static_cast<int64_t>(value);
}

constexpr std::string_view kFields[] = {"cost", "cost_input", "cost_output", "cost_cached"};

}  // namespace

Result<std::optional<Price>> price_of(const TextPairs& metadata) {
  std::optional<int64_t> found[std::size(kFields)];
  for (const auto& [name, text] : metadata) {
    const auto* field = std::find(std::begin(kFields), std::end(kFields), name);
    if (field == std::end(kFields)) continue;
    // Dollars for 1000 tokens are 10^9 pico-dollars for one, for a million 10^6.
    const int shift = field == std::begin(kFields) ? 9 : 6;
    const auto decimal = decimal_parse(text);
    const auto scaled = decimal ? decimal_scale(*decimal, shift) : std::nullopt;
    if (!scaled) {
      return std::unexpected(Error{Errc::kConfig, "needs to be a price in US dollars, 0 or more, "
                                                  "at most a dollar for each token", *field});
    }
    found[field - std::begin(kFields)] = scaled;
  }
  const auto& [both, input, output, cached] = found;
  if (!both && !input && !output && !cached) return std::nullopt;
  Price price;
  price.input = input.value_or(both.value_or(0));
  price.output = output.value_or(both.value_or(0));
  price.cached = cached.value_or(price.input);
  return price;
}

int64_t cost_of(const Price& price, const Usage& usage) {
  const auto count = [](int64_t tokens) {
    return std::clamp<int64_t>(tokens, 0, kMaxRequestTokens);
  };
  const int64_t prompt = count(usage.prompt_tokens);
  const int64_t cached = std::min(count(usage.cached_tokens), prompt);
  const Wide pico = Wide{prompt - cached} * price.input + Wide{cached} * price.cached +
                    Wide{count(usage.completion_tokens)} * price.output;
  return static_cast<int64_t>(std::min<Wide>((pico + 500) / 1000, kMaxCost));
}

}  // namespace weir
