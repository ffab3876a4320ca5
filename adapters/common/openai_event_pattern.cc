#include "adapters/common/openai_event_pattern.h"

#include <cstring>

#include "json/plain_text.h"

namespace weir {

namespace {

// What stands in front of text; an event that has two of them is not learned.
constexpr std::string_view kTextKeys[] = {"\"content\":\"", "\"reasoning_content\":\"",
                                          "\"reasoning\":\"", "\"arguments\":\"",
                                          "\"text\":\""};

// Where the one text of the event begins; npos when there is none or another.
size_t find_text(std::string_view event) {
  size_t found = std::string_view::npos;
  for (const std::string_view key : kTextKeys) {
    const size_t at = event.find(key);
    if (at == std::string_view::npos) continue;
    const size_t text = at + key.size();
    if (found != std::string_view::npos || event.find(key, text) != std::string_view::npos) {
      return std::string_view::npos;
    }
    found = text;
  }
  return found;
}

// Where the JSON string ends whose inside begins at `p`: at its closing quote. Null when none is
// there before `end`, or a control byte comes first.
const char* string_end(const char* p, const char* end) {
  bool wide = false;
  for (;;) {
    p = plain_text_end(p, end, &wide);
    if (p == end) return nullptr;
    if (*p == '"') return p;
    if (*p != '\\' || end - p < 2 || static_cast<unsigned char>(p[1]) < 0x20) return nullptr;
    p += 2;
  }
}

// Nothing but text came: no usage, no finish, no end, no error, no further choice.
bool only_text_came(const StreamFacts& before, const StreamFacts& after) {
  return after.text_bytes > before.text_bytes && after.seen_choices == before.seen_choices &&
         after.finished_choices == before.finished_choices && after.done == before.done &&
         after.error == before.error && after.usage.source == before.usage.source;
}

}  // namespace

size_t EventPattern::match(std::string_view bytes, size_t* text_bytes) const {
  if (before_size_ == 0 || bytes.size() < before_size_ + after_size_) return 0;
  if (std::memcmp(bytes.data(), bytes_.data(), before_size_) != 0) return 0;
  const char* const text = bytes.data() + before_size_;
  const char* const end = bytes.data() + bytes.size();
  const char* const after = string_end(text, end);
  if (after == nullptr || end - after < static_cast<ptrdiff_t>(after_size_)) return 0;
  if (std::memcmp(after, bytes_.data() + before_size_, after_size_) != 0) return 0;
  *text_bytes = static_cast<size_t>(after - text);
  return before_size_ + *text_bytes + after_size_;
}

size_t EventPattern::match_run(std::string_view bytes, uint64_t* text_bytes) const {
  size_t size = 0;
  size_t here = 0;
  while (const size_t n = match(bytes.substr(size), &here)) {
    size += n;
    *text_bytes += here;
  }
  return size;
}

bool EventPattern::learn(std::string_view event, const StreamFacts& before,
                         const StreamFacts& after) {
  // Behind a CR an LF may follow that belongs to the event.
  if (!only_text_came(before, after) || !event.ends_with('\n')) return false;
  const size_t text = find_text(event);
  if (text == std::string_view::npos) return false;
  size_t end = text;
  while (end < event.size() && event[end] != '"') end += event[end] == '\\' ? 2 : 1;
  if (end >= event.size()) return false;
  // The reading must have counted this very string, or it is not the text we take it for.
  if (after.text_bytes - before.text_bytes != end - text) return false;
  const size_t around = event.size() - (end - text);
  if (around > kMaxBytes) return false;
  std::memcpy(bytes_.data(), event.data(), text);
  std::memcpy(bytes_.data() + text, event.data() + end, event.size() - end);
  before_size_ = text;
  after_size_ = event.size() - end;
  return true;
}

}  // namespace weir
