#include "json/reply_pattern.h"

#include <algorithm>
#include <new>

#include "json/text.h"
#include "json/walk.h"

namespace weir {

namespace {

// What the walk takes for a count without a second look; an id of digits may be longer.
constexpr uint8_t kCountDigits = 9;

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

// Of digits that were looked at already.
int64_t value_of(std::string_view digits) {
  int64_t value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
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
  new (view) ReplyView(view_);
  const bool known = pattern_.match(text, [&](size_t i, const TextPattern::Found& found) {
    const ReplySpot spot = spots_[i];
    if (spot == ReplySpot::kAny) return;
    const std::string_view raw = between(found.begin, found.end);
    if (spot == ReplySpot::kModel) {
      view->model = raw;
    } else if (spot == ReplySpot::kText) {
      const size_t size = found.escaped ? unescaped_size(raw) : raw.size();
      view->delta_text_bytes += static_cast<uint32_t>(size);
    } else {
      view->usage.*count_of(spot) = value_of(raw);
    }
  });
  if (!known) return false;
  patience_.paid();
  return true;
}

void ReplyPattern::learn(std::string_view text, std::span<const uint32_t> tokens,
                         const ReplyMarks& marks, const ReplyView& view) {
  pattern_.clear();
  // An error is rare, and embeddings are mostly numbers.
  if (marks.refused() || !view.has_choices || view.has_error || view.has_data) return;
  if (!view.error_message.empty() || !read(text, tokens, marks)) {
    pattern_.clear();
    return;
  }
  view_ = view;
  view_.model = {};
  view_.delta_text_bytes = 0;
}

bool ReplyPattern::add(std::string_view before, ReplySpot spot, bool is_text) {
  const uint8_t digits = count_of(spot) != nullptr ? kCountDigits : kWholeDigits;
  const size_t place = pattern_.spot_count();
  if (!pattern_.add(before, is_text ? 0 : digits)) return false;
  spots_[place] = spot;
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
      const char* const quote = string_end(at + 1, end).quote;
      if (quote == nullptr || count_of(mark->spot) != nullptr) return false;
      if (mark->spot == ReplySpot::kAny && is_word(between(at + 1, quote))) continue;
      if (!add(between(from, at + 1), mark->spot, true)) return false;
      from = quote;
    } else if (is_digit(*at)) {
      const char* const behind = digits_end(at, end, kWholeDigits);
      // The rest of a number that is no whole one would have to be looked at.
      if (behind == nullptr || behind == end) continue;
      if (*behind != ',' && *behind != '}' && *behind != ']') continue;
      if (!add(between(from, at), mark->spot, false)) return false;
      from = behind;
    }
  }
  return pattern_.close(between(from, end));
}

}  // namespace weir
