#include "adapters/loopback/rehearsal.h"

#include <charconv>

#include "adapters/common/json_walk.h"

namespace weir {

namespace {

constexpr std::string_view kPrefix = "loopback/";

double unit_ms(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s") return 1000;
  if (unit == "m") return 60'000;
  if (unit == "h") return 3'600'000;
  if (unit == "us") return 0.001;
  if (unit == "ns") return 0.000001;
  return -1;
}

bool bounded(int64_t value, int64_t low, int64_t high) {
  return value >= low && value <= high;
}

// False when the item is unknown or its value is out of bounds.
bool item_apply(std::string_view name, std::string_view value, Rehearsal* out) {
  const auto number = [value] { return json_integer(value, -1); };
  const auto wait_ms = [value] { return duration_read(value, Rehearsal::kMaxWaitMs); };
  if (name == "fail") {
    const int64_t status = number();
    out->fail = static_cast<int>(bounded(status, 400, 599) ? status : 0);
    return out->fail != 0;
  }
  if (name == "retry_after") return (out->retry_after_ms = wait_ms()) >= 0;
  if (name == "stall") return (out->stall_ms = wait_ms()) >= 0;
  if (name == "delay") return (out->delay_ms = wait_ms()) >= 0;
  if (name == "cut") return bounded(out->cut = number(), 0, Rehearsal::kMaxWords);
  if (name == "words") return bounded(out->words = number(), 1, Rehearsal::kMaxWords);
  return false;
}

}  // namespace

int64_t duration_read(std::string_view text, int64_t max_ms) {
  if (text == "0") return 0;
  double total = 0;
  if (text.empty()) return -1;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0)) return -1;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    const double unit = unit_ms(text.substr(0, letters));
    if (unit < 0) return -1;
    total += number * unit;
    if (!(total <= static_cast<double>(max_ms))) return -1;
    text.remove_prefix(letters);
  }
  return static_cast<int64_t>(total);
}

Result<Rehearsal> rehearsal_read(std::string_view model) {
  Rehearsal rehearsal;
  if (model.starts_with(kPrefix)) model.remove_prefix(kPrefix.size());
  while (!model.empty()) {
    const size_t comma = model.find(',');
    const std::string_view item = model.substr(0, comma);
    model = comma == std::string_view::npos ? std::string_view{} : model.substr(comma + 1);
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) continue;
    if (!item_apply(item.substr(0, equals), item.substr(equals + 1), &rehearsal)) {
      return std::unexpected(Error{Errc::kInvalidField,
                                   "unknown rehearsal; use fail=503, retry_after=2s, stall=5s, "
                                   "cut=3, delay=20ms, words=64, joined by commas",
                                   "model"});
    }
  }
  if (rehearsal.fail == 429 && rehearsal.retry_after_ms < 0) rehearsal.retry_after_ms = 1000;
  return rehearsal;
}

}  // namespace weir
