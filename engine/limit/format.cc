#include "limit/format.h"

#include <algorithm>

#include "base/decimal.h"

namespace weir {

namespace {

constexpr uint64_t kMillisPerSecond = 1000;
constexpr uint64_t kSecondsPerMinute = 60;
constexpr uint64_t kMillisPerMinute = kMillisPerSecond * kSecondsPerMinute;
constexpr uint64_t kMinutesPerHour = 60;

constexpr uint64_t divide_up(uint64_t n, uint64_t by) { return n == 0 ? 0 : (n - 1) / by + 1; }

// ".5", ".05" or nothing: the part of a second without zeros at its end.
char* put_fraction(char* to, uint64_t millis) {
  if (millis == 0) return to;
  *to++ = '.';
  for (uint64_t unit = kMillisPerSecond / 10; millis != 0; unit /= 10) {
    *to++ = static_cast<char>('0' + millis / unit);
    millis %= unit;
  }
  return to;
}

char* put(char* to, uint64_t number, char unit) {
  to = write_number(to, number);
  *to++ = unit;
  return to;
}

char* put_duration(char* to, uint64_t millis) {
  if (millis != 0 && millis < kMillisPerSecond) {
    to = put(to, millis, 'm');
    *to++ = 's';
    return to;
  }
  if (millis < kMillisPerMinute) {
    to = put_fraction(write_number(to, millis / kMillisPerSecond), millis % kMillisPerSecond);
    *to++ = 's';
    return to;
  }
  const uint64_t seconds = millis / kMillisPerSecond;
  const uint64_t minutes = seconds / kSecondsPerMinute;
  if (minutes >= kMinutesPerHour) to = put(to, minutes / kMinutesPerHour, 'h');
  to = put(to, minutes % kMinutesPerHour, 'm');
  return put(to, seconds % kSecondsPerMinute, 's');
}

}  // namespace

uint64_t shown_ms(Nanos wait_ns) {
  const uint64_t millis = divide_up(wait_ns, kNanosPerMilli);
  if (millis < kMillisPerMinute) return millis;
  return divide_up(millis, kMillisPerSecond) * kMillisPerSecond;
}

LimitText duration_text(uint64_t shown_ms) {
  LimitText text;
  text.len = static_cast<size_t>(put_duration(text.bytes, shown_ms) - text.bytes);
  return text;
}

uint64_t retry_after_s(Nanos wait_ns) {
  const uint64_t seconds = divide_up(wait_ns, kNanosPerMilli * kMillisPerSecond);
  return std::clamp<uint64_t>(seconds, 1, kLongestRetryS);
}

}  // namespace weir
