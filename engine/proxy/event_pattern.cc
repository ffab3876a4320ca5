#include "proxy/event_pattern.h"

#include <cstring>

namespace weir {

namespace {

constexpr std::string_view kTextKey = "\"content\":\"";

// True when the bytes are the inside of a JSON string: no bare quote, no control byte, no backslash
// that would take the closing quote with it.
bool is_string_inside(const char* p, const char* end) {
  while (p < end) {
    const auto c = static_cast<unsigned char>(*p);
    if (c == '"' || c < 0x20) return false;
    p += c == '\\' ? 2 : 1;
  }
  return p == end;
}

// Nothing but text came: no usage, no finish, no end, no error, no further choice.
bool only_text_came(const StreamFacts& before, const StreamFacts& after) {
  return after.text_bytes > before.text_bytes && after.seen_choices == before.seen_choices &&
         after.finished_choices == before.finished_choices && after.done == before.done &&
         after.error == before.error && after.usage.source == before.usage.source;
}

}  // namespace

bool EventPattern::matches(std::string_view event, size_t* text_bytes) const {
  const size_t around = before_size_ + after_size_;
  if (before_size_ == 0 || event.size() < around) return false;
  const char* const text = event.data() + before_size_;
  const char* const after = event.data() + event.size() - after_size_;
  if (std::memcmp(event.data(), bytes_.data(), before_size_) != 0) return false;
  if (std::memcmp(after, bytes_.data() + before_size_, after_size_) != 0) return false;
  if (!is_string_inside(text, after)) return false;
  *text_bytes = static_cast<size_t>(after - text);
  return true;
}

void EventPattern::learn(std::string_view event, const StreamFacts& before,
                         const StreamFacts& after) {
  if (!only_text_came(before, after)) return;
  const size_t key = event.find(kTextKey);
  if (key == std::string_view::npos) return;
  const size_t text = key + kTextKey.size();
  if (event.find(kTextKey, text) != std::string_view::npos) return;
  size_t end = text;
  while (end < event.size() && event[end] != '"') end += event[end] == '\\' ? 2 : 1;
  if (end >= event.size()) return;
  // The reading must have counted this very string, or it is not the text we take it for.
  if (after.text_bytes - before.text_bytes != end - text) return;
  const size_t around = event.size() - (end - text);
  if (around > kMaxBytes) return;
  std::memcpy(bytes_.data(), event.data(), text);
  std::memcpy(bytes_.data() + text, event.data() + end, event.size() - end);
  before_size_ = text;
  after_size_ = event.size() - end;
}

}  // namespace weir
