#include "limit/format.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace weir {

namespace {

constexpr uint64_t kMillisPerSecond = 1000;
constexpr uint64_t kSecondsPerMinute = 60;
constexpr uint64_t kMinutesPerHour = 60;

constexpr uint64_t divide_up(uint64_t n, uint64_t by) { return n / by + (n % by != 0 ? 1 : 0); }

void append(LimitText& text, std::string_view piece) {
  for (const char c : piece) text.bytes[text.len++] = c;
}

void append(LimitText& text, uint64_t number) {
  char* end = text.bytes + LimitText::kRoom;
  text.len = static_cast<size_t>(
      std::to_chars(text.bytes + text.len, end, number).ptr - text.bytes);
}

// ".5", ".05" or nothing: the part of a second without zeros at its end.
void append_fraction(LimitText& text, uint64_t millis) {
  if (millis == 0) return;
  append(text, ".");
  for (uint64_t unit = kMillisPerSecond / 10; millis != 0; millis %= unit, unit /= 10) {
    append(text, millis / unit);
  }
}

}  // namespace

LimitText reset_text(Nanos wait_ns) {
  LimitText text;
  const uint64_t millis = divide_up(wait_ns, kNanosPerMilli);
  if (millis != 0 && millis < kMillisPerSecond) {
    append(text, millis);
    append(text, "ms");
    return text;
  }
  if (millis < kMillisPerSecond * kSecondsPerMinute) {
    append(text, millis / kMillisPerSecond);
    append_fraction(text, millis % kMillisPerSecond);
    append(text, "s");
    return text;
  }
  const uint64_t seconds = divide_up(millis, kMillisPerSecond);
  const uint64_t minutes = seconds / kSecondsPerMinute;
  if (minutes >= kMinutesPerHour) {
    append(text, minutes / kMinutesPerHour);
    append(text, "h");
  }
  append(text, minutes % kMinutesPerHour);
  append(text, "m");
  append(text, seconds % kSecondsPerMinute);
  append(text, "s");
  return text;
}

uint64_t retry_after_s(Nanos wait_ns) {
  const uint64_t seconds = divide_up(wait_ns, kNanosPerMilli * kMillisPerSecond);
  return std::clamp<uint64_t>(seconds, 1, kLongestRetryS);
}

}  // namespace weir
