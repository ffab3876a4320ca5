#include "http/sse.h"

#include <cstring>

#include "http/bytes.h"

namespace weir {

namespace {

constexpr std::string_view kBom = "\xef\xbb\xbf";

// The data lines of one event: a view of the only one, or several joined with LF in the scratch.
class DataLines {
 public:
  explicit DataLines(std::span<char> scratch) : scratch_(scratch) {}

  // False when the scratch is too small.
  [[nodiscard]] bool add(std::string_view line) {
    ++count_;
    if (count_ == 1) {
      first_ = line;
      return true;
    }
    if (count_ == 2 && !append(first_)) return false;
    return append("\n") && append(line);
  }
  void store(SseEvent* event) const {
    event->has_data = count_ != 0;
    event->multi_line = count_ > 1;
    event->data = count_ > 1 ? std::string_view(scratch_.data(), used_) : first_;
  }

 private:
  [[nodiscard]] bool append(std::string_view text) {
    if (text.size() > scratch_.size() - used_) return false;
    if (!text.empty()) std::memcpy(scratch_.data() + used_, text.data(), text.size());
    used_ += text.size();
    return true;
  }

  std::span<char> scratch_;
  std::string_view first_;
  size_t used_ = 0;
  size_t count_ = 0;
};

// What stands behind `name` and its colon in `line`, without one leading space; a line that is
// only the name has an empty value. False when the field is another one.
bool field_read(std::string_view line, std::string_view name, std::string_view* value) {
  if (line.empty() || line.front() != name.front() || !line.starts_with(name)) return false;
  line.remove_prefix(name.size());
  if (!line.empty() && line.front() != ':') return false;
  if (!line.empty()) line.remove_prefix(1);
  if (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  *value = line;
  return true;
}

}  // namespace

size_t SseBoundary::next(std::string_view input) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const char* p = begin;
  if (state_ < State::kLineStart) p = skip_bom(p, end);
  while (p != end) {
    if (state_ == State::kLine) {
      p = line_end_find(p, end);
      if (p == end) break;
      state_ = *p == '\r' ? State::kLineStartCr : State::kLineStart;
      ++p;
      continue;
    }
    const State at = state_;
    const char c = *p;
    if (c == '\n') {
      ++p;
      state_ = State::kLineStart;
      // The second half of a CRLF ends no line; behind an event it completes what was reported.
      if (at == State::kLineStartCr) continue;
      return static_cast<size_t>(p - begin);
    }
    if (c == '\r') {
      ++p;
      state_ = State::kEventEndCr;
      if (p != end && *p == '\n') {
        ++p;
        state_ = State::kLineStart;
      }
      return static_cast<size_t>(p - begin);
    }
    state_ = State::kLine;
  }
  return 0;
}

const char* SseBoundary::skip_bom(const char* p, const char* end) {
  for (; p != end && state_ < State::kLineStart; ++p) {
    const auto matched = static_cast<size_t>(state_);
    if (*p != kBom[matched]) {
      state_ = matched == 0 ? State::kLineStart : State::kLine;
      return p;
    }
    state_ = static_cast<State>(matched + 1);
  }
  return p;
}

Result<SseEvent> sse_read_event(std::string_view raw, std::span<char> scratch) {
  SseEvent event;
  DataLines data(scratch);
  if (raw.starts_with(kBom)) raw.remove_prefix(kBom.size());
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while (p != end) {
    const char* const line_end = line_end_find(p, end);
    const std::string_view line(p, static_cast<size_t>(line_end - p));
    std::string_view value;
    if (field_read(line, "data", &value)) {
      if (!data.add(value)) {
        return std::unexpected(
            Error{Errc::kUpstreamUnavailable, "an event of several data lines is too large"});
      }
    } else if (field_read(line, "event", &value)) {
      event.event = value;
    }
    // CR and LF of one CRLF may count as two ends here: the blank line between changes nothing.
    p = line_end == end ? end : line_end + 1;
  }
  data.store(&event);
  return event;
}

bool sse_is_done(std::string_view data) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!data.empty() && is_blank(data.front())) data.remove_prefix(1);
  while (!data.empty() && is_blank(data.back())) data.remove_suffix(1);
  return data == "[DONE]";
}

}  // namespace weir
