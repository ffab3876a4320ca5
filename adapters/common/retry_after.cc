#include "adapters/common/retry_after.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "adapters/common/json_walk.h"

namespace weir {

namespace {

// Days between 1970-01-01 and a day of the proleptic Gregorian calendar: years are counted from
// March, so that the leap day is the last of its year.
constexpr int64_t days_since_epoch(int64_t year, int64_t month, int64_t day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t month_from_march = (month + 9) % 12;
  const int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
  return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}
static_assert(days_since_epoch(1970, 1, 1) == 0);
static_assert(days_since_epoch(2000, 3, 1) == 11017);

int64_t month_of(std::string_view name) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (name.size() != 3) return 0;
  const size_t at = kMonths.find(name);
  return at == std::string_view::npos || at % 3 != 0 ? 0 : static_cast<int64_t>(at / 3 + 1);
}

int64_t seconds_of_day(std::string_view clock) {
  if (clock.size() != 8 || clock[2] != ':' || clock[5] != ':') return -1;
  const int64_t hours = json_integer(clock.substr(0, 2), -1);
  const int64_t minutes = json_integer(clock.substr(3, 2), -1);
  const int64_t seconds = json_integer(clock.substr(6, 2), -1);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return -1;
  if (seconds < 0 || seconds > 60) return -1;
  return hours * 3600 + minutes * 60 + seconds;
}

// A year of two digits means the century that makes it the nearest to our days.
int64_t year_of(std::string_view digits) {
  const int64_t year = json_integer(digits, -1);
  if (digits.size() == 4) return year;
  if (digits.size() != 2 || year < 0) return -1;
  return year < 70 ? 2000 + year : 1900 + year;
}

int64_t date_of(std::string_view year, std::string_view month, std::string_view day,
                std::string_view clock) {
  const int64_t y = year_of(year);
  const int64_t m = month_of(month);
  const int64_t d = json_integer(day, -1);
  const int64_t seconds = seconds_of_day(clock);
  if (y < 1970 || m == 0 || d < 1 || d > 31 || seconds < 0) return -1;
  return days_since_epoch(y, m, d) * 86400 + seconds;
}

// A number of `unit`s, perhaps with a fraction, in milliseconds; -1 when it is none.
int64_t number_read(std::string_view text, double unit_ms) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size()) return -1;
  if (!(number >= 0)) return -1;
  return static_cast<int64_t>(std::min(number * unit_ms, static_cast<double>(kMaxRetryAfterMs)));
}

}  // namespace

int64_t http_date_read(std::string_view text) {
  std::array<std::string_view, 6> words{};
  size_t count = 0;
  size_t at = 0;
  while (at < text.size()) {
    const size_t begin = text.find_first_not_of(" ,", at);
    if (begin == std::string_view::npos) break;
    at = std::min(text.find_first_of(" ,", begin), text.size());
    if (count == words.size()) return -1;
    words[count++] = text.substr(begin, at - begin);
  }
  // Sun, 06 Nov 1994 08:49:37 GMT
  if (count == 6 && words[5] == "GMT") return date_of(words[3], words[2], words[1], words[4]);
  // Sun Nov  6 08:49:37 1994
  if (count == 5) return date_of(words[4], words[1], words[2], words[3]);
  // Sunday, 06-Nov-94 08:49:37 GMT
  const std::string_view date = words[1];
  if (count != 4 || words[3] != "GMT" || date.size() != 9) return -1;
  return date_of(date.substr(7), date.substr(3, 3), date.substr(0, 2), words[2]);
}

int64_t retry_after_read(const Reply& reply, int64_t now_unix_ms) {
  if (const int64_t ms = number_read(json_trim(reply.retry_after_ms), 1); ms >= 0) return ms;
  const std::string_view text = json_trim(reply.retry_after);
  if (const int64_t ms = number_read(text, 1000); ms >= 0) return ms;
  const int64_t date = http_date_read(text);
  if (date < 0) return -1;
  return std::clamp<int64_t>(date * 1000 - now_unix_ms, 0, kMaxRetryAfterMs);
}

}  // namespace weir
