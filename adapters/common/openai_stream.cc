#include "adapters/common/openai_stream.h"

#include <array>

#include "adapters/common/json_walk.h"
#include "adapters/common/quote_scan.h"
#include "http/sse.h"

namespace weir {

namespace {

// What one pass over the raw bytes of an event found.
struct Glance {
  bool telling = false;  // something is there that only a walk can settle
  bool choices = false;
  uint32_t indexes = 0;
  uint32_t index = 0;
};

class Glancer {
 public:
  Glancer(std::string_view event, StreamFacts* facts) : event_(event), facts_(facts) {}

  // Only what is spelled out here counts; see quote_scan.h.
  Glance run() {
    for_each_quote(event_, [this](size_t at) { quote(at); });
    return glance_;
  }

 private:
  void quote(size_t at) {
    if (at + 1 >= event_.size()) return;
    switch (event_[at + 1]) {
      case 'a':
        return text(at, "\"arguments\"");
      case 'c':
        if (is(at, "\"choices\"")) glance_.choices = true;
        return text(at, "\"content\"");
      case 'e':
        // As a key ("error": ...), or as the value of "object".
        if (is(at, "\"error\"")) glance_.telling |= !is_null(at + 7);
        return;
      case 'f':
        if (is(at, "\"finish_reason\"")) glance_.telling |= !is_null(at + 15);
        return;
      case 'i':
        if (is(at, "\"index\"")) index(at + 7);
        return;
      case 'r':
        text(at, "\"reasoning\"");
        text(at, "\"reasoning_content\"");
        return text(at, "\"refusal\"");
      case 't':
        return text(at, "\"text\"");
      case 'u':
        if (is(at, "\"usage\"")) glance_.telling |= !is_null(at + 7);
        return;
      default:
        return;
    }
  }

  [[nodiscard]] bool is(size_t at, std::string_view token) const {
    return text_at(event_, at, token);
  }
  [[nodiscard]] bool is_null(size_t at) const {
    const size_t value = value_behind(event_, at);
    return value != 0 && is(value, "null");
  }
  void index(size_t at) {
    const size_t value = value_behind(event_, at);
    if (value == 0 || value >= event_.size()) return;
    ++glance_.indexes;
    const char digit = event_[value];
    const char next = value + 1 < event_.size() ? event_[value + 1] : '0';
    if (digit < '0' || digit > '9' || (next >= '0' && next <= '9')) glance_.telling = true;
    glance_.index = static_cast<uint32_t>(digit - '0') & 63;
  }
  void text(size_t at, std::string_view key) {
    if (!is(at, key)) return;
    const size_t value = value_behind(event_, at + key.size());
    if (value == 0 || value >= event_.size() || event_[value] != '"') return;
    const size_t end = json_skip_value(event_, value);
    if (end != std::string_view::npos) facts_->text_bytes += end - value - 2;
  }

  std::string_view event_;
  StreamFacts* facts_;
  Glance glance_;
};

uint64_t choice_bit(int64_t index) {
  return index >= 0 && index < 64 ? uint64_t{1} << index : 0;
}

// Notes the choices; returns how many there are.
size_t choices_read(std::string_view choices, StreamFacts* facts) {
  size_t count = 0;
  JsonElements each(choices);
  while (each.next()) {
    const int64_t position = static_cast<int64_t>(count++);
    const uint64_t bit = choice_bit(json_integer(json_member(each.value(), "index"), position));
    facts->seen_choices |= bit;
    const std::string_view reason = json_member(each.value(), "finish_reason");
    if (!json_inner(reason).empty()) facts->finished_choices |= bit;
  }
  return count;
}

EventVerdict event_walk(std::string_view json, bool usage_asked, StreamFacts* facts) {
  bool has_usage = false;
  size_t choices = 0;
  JsonMembers members(json);
  while (members.next()) {
    const std::string_view key = members.key();
    const std::string_view value = members.value();
    if (key == "choices") choices = choices_read(value, facts);
    if (key == "usage") has_usage = usage_read(value, &facts->usage);
    const bool error = (key == "error" && !json_is_none(value) && value != "false") ||
                       (key == "object" && value == "\"error\"");
    if (error) facts->error = true;
    if (error) return EventVerdict::kError;
  }
  return has_usage && choices == 0 && !usage_asked ? EventVerdict::kHide : EventVerdict::kForward;
}

}  // namespace

EventVerdict openai_observe_event(std::string_view event, bool usage_asked, StreamFacts* facts) {
  std::array<char, 4096> joined;
  std::string_view data;
  // The form that nearly every event has: one line of JSON and a blank line.
  if (event.starts_with("data: {")) data = event.substr(6, event.find('\n') - 6);
  if (data.empty() || data.size() + 8 < event.size() || data.find('\r') != data.npos) {
    const auto read = sse_read_event(event, joined);
    if (!read) return EventVerdict::kForward;
    if (!read->has_data) return EventVerdict::kQuiet;
    data = read->data;
  }
  if (!data.starts_with('{') && sse_is_done(data)) {
    facts->done = true;
    return EventVerdict::kDone;
  }
  const Glance glance = Glancer(data, facts).run();
  if (glance.telling || glance.indexes > 1) return event_walk(data, usage_asked, facts);
  if (glance.choices) facts->seen_choices |= choice_bit(glance.index);
  return EventVerdict::kForward;
}

}  // namespace weir
