#include "json/reply_pattern.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "json/index.h"
#include "json/plain_text.h"
#include "json/text.h"
#include "json/walk.h"

namespace weir {

namespace {

// What the walk takes for a count without a second look; an id of digits may be longer.
constexpr size_t kCountDigits = 9;

// Where the member of a count is; null: the spot is none.
int64_t Usage::*count_of(ReplySpot spot) {
  switch (spot) {
    case ReplySpot::kPromptTokens: return &Usage::prompt_tokens;
    case ReplySpot::kCompletionTokens: return &Usage::completion_tokens;
    case ReplySpot::kTotalTokens: return &Usage::total_tokens;
    case ReplySpot::kCachedTokens: return &Usage::cached_tokens;
    case ReplySpot::kReasoningTokens: return &Usage::reasoning_tokens;
    case ReplySpot::kAny:
    case ReplySpot::kModel:
    case ReplySpot::kText: return nullptr;
  }
  return nullptr;
}

// The closing quote of the string whose inside begins at `at`; null when there is no good one.
const char* string_end(const char* at, const char* end, bool* escaped) {
  bool wide = false;
  const char* p = at;
  for (;;) {
    p = plain_text_end(p, end, &wide);
    if (p == end) return nullptr;
    if (*p == '"') break;
    const size_t escape = *p == '\\' ? escape_size({p, static_cast<size_t>(end - p)}) : 0;
    if (escape == 0) return nullptr;
    *escaped = true;
    p += escape;
  }
  return !wide || is_utf8({at, static_cast<size_t>(p - at)}) ? p : nullptr;
}

// Behind the digits at `at`; null when they are no number, or more than `most`.
const char* digits_end(const char* at, const char* end, size_t most) {
  const char* p = at;
  while (p != end && is_digit(*p)) ++p;
  const auto count = static_cast<size_t>(p - at);
  return count == 0 || count > most || (*at == '0' && count > 1) ? nullptr : p;
}

// A name from a list, such as a role: it stays what it is from reply to reply.
bool is_word(std::string_view text) {
  constexpr size_t kLongest = 16;
  return text.size() <= kLongest && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || c == '_' || c == '.';
  });
}

std::string_view between(const char* from, const char* to) {
  return {from, static_cast<size_t>(to - from)};
}

}  // namespace

void ReplyMarks::add(uint32_t begin, uint32_t end, ReplySpot spot) {
  if (count_ == marks_.size()) return refuse();
  marks_[count_++] = {begin, end, spot};
  if (spot == ReplySpot::kAny || spot == ReplySpot::kText) return;
  // Of two members of one name the last one counts.
  const uint32_t bit = uint32_t{1} << static_cast<uint32_t>(spot);
  if ((seen_ & bit) != 0) refuse();
  seen_ |= bit;
}

bool ReplyPattern::match(std::string_view text, ReplyView* view) {
  if (size_ == 0) return false;
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* kept = bytes_.data();
  const auto same = [&](size_t size) {
    if (static_cast<size_t>(end - at) < size || std::memcmp(at, kept, size) != 0) return false;
    at += size;
    kept += size;
    return true;
  };
  new (view) ReplyView(view_);
  for (size_t i = 0; i < spot_count_; ++i) {
    const Spot& spot = spots_[i];
    if (!same(spot.before)) return false;
    const char* const from = at;
    if (spot.is_text) {
      bool escaped = false;
      at = string_end(from, end, &escaped);
      if (at == nullptr) return false;
      const std::string_view raw = between(from, at);
      if (spot.spot == ReplySpot::kModel) view->model = raw;
      if (spot.spot != ReplySpot::kText) continue;
      view->delta_text_bytes += static_cast<uint32_t>(escaped ? unescaped_size(raw) : raw.size());
    } else {
      int64_t Usage::*const count = count_of(spot.spot);
      at = digits_end(from, end, count == nullptr ? kWholeDigits : kCountDigits);
      if (at == nullptr) return false;
      if (count != nullptr) view->usage.*count = whole_number(between(from, at));
    }
  }
  if (static_cast<size_t>(end - at) != tail_ || !same(tail_)) return false;
  patience_ = 1;
  misses_ = 0;
  return true;
}

bool ReplyPattern::wants_to_learn() {
  if (++misses_ < patience_) return false;
  misses_ = 0;
  patience_ = std::min(patience_ * 2, kMaxPatience);
  return true;
}

void ReplyPattern::learn(std::string_view text, std::span<const uint32_t> tokens,
                         const ReplyMarks& marks, const ReplyView& view) {
  size_ = spot_count_ = 0;
  // An error is rare, and embeddings are mostly numbers.
  if (marks.refused() || !view.has_choices || view.has_error || view.has_data) return;
  if (!view.error_message.empty() || !read(text, tokens, marks)) {
    size_ = 0;
    return;
  }
  view_ = view;
  view_.model = {};
  view_.delta_text_bytes = 0;
}

bool ReplyPattern::keep(std::string_view bytes) {
  if (bytes.size() > kMaxBytes - size_) return false;
  std::memcpy(bytes_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  return true;
}

bool ReplyPattern::keep(std::string_view before, ReplySpot spot, bool is_text) {
  if (spot_count_ == kMaxSpots || !keep(before)) return false;
  spots_[spot_count_++] = {static_cast<uint16_t>(before.size()), spot, is_text};
  return true;
}

bool ReplyPattern::read(std::string_view text, std::span<const uint32_t> tokens,
                        const ReplyMarks& marks) {
  const char* const end = text.data() + text.size();
  const char* from = text.data();  // what lies before is kept
  auto mark = marks.all().begin();
  for (size_t i = 0; i < tokens.size(); ++i) {
    while (mark != marks.all().end() && mark->end <= tokens[i]) ++mark;
    if (mark == marks.all().end()) break;
    const char* const at = text.data() + tokens[i];
    if (tokens[i] < mark->begin) continue;
    // Inside of a list or an object where a text or a count was looked for.
    if (mark->spot != ReplySpot::kAny && tokens[i] != mark->begin) continue;
    if (*at == '"') {
      if (i + 1 < tokens.size() && text[tokens[i + 1]] == ':') continue;
      bool escaped = false;
      const char* const quote = string_end(at + 1, end, &escaped);
      if (quote == nullptr || count_of(mark->spot) != nullptr) return false;
      if (mark->spot == ReplySpot::kAny && is_word(between(at + 1, quote))) continue;
      if (!keep(between(from, at + 1), mark->spot, true)) return false;
      from = quote;
    } else if (is_digit(*at)) {
      const char* const behind = digits_end(at, end, kWholeDigits);
      // The rest of a number that is no whole one would have to be looked at.
      if (behind == nullptr || behind == end) continue;
      if (*behind != ',' && *behind != '}' && *behind != ']') continue;
      if (!keep(between(from, at), mark->spot, false)) return false;
      from = behind;
    }
  }
  tail_ = static_cast<size_t>(end - from);
  return keep(between(from, end));
}

}  // namespace weir
