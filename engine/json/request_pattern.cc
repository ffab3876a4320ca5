#include "json/request_pattern.h"

#include <algorithm>
#include <new>

#include "json/key_name.h"
#include "json/request_scan.h"

namespace weir {

namespace {

// With more there are too many places, or too much between them.
constexpr size_t kMaxTokens = 16 * TextPattern::kMaxSpots;

std::string_view inside_quotes(std::string_view token) {
  return {token.data() + 1, token.size() - 2};
}

std::string_view between(const char* from, const char* to) {
  return {from, static_cast<size_t>(to - from)};
}

// A name that check_model() of the scan takes as it stands: of control characters a string may only
// hold the last.
bool is_plain_model(const TextPattern::Found& found) {
  const std::string_view name = between(found.begin, found.end);
  return !found.escaped && !name.empty() && name.size() <= RequestScanner::kMaxModelBytes &&
         name.find('\x7F') == std::string_view::npos;
}

// Values from short lists, which say what the rest means; compared faster than read.
bool is_kind(const char* key) { return key_is<"role">(key + 1) || key_is<"type">(key + 1); }

}  // namespace

bool RequestPattern::match(std::string_view body, RequestView* view, size_t* read) const {
  uint32_t moves[TextPattern::kMaxSpots + 1];  // by how much each stretch lies further behind
  moves[0] = 0;
  size_t stretch = 0;
  TextPattern::Found model{};
  *read = 0;
  const bool known = pattern_.match(body, [&](size_t i, const TextPattern::Found& found) {
    stretch = i + 1;
    *read = static_cast<size_t>(found.end - body.data());
    moves[stretch] = static_cast<uint32_t>(*read) - begins_[stretch];
    if (i == model_spot_) model = found;
  });
  if (!known || !is_plain_model(model)) return false;
  new (view) RequestView(view_);
  view->body = body;
  view->root.end += moves[stretch];
  for (size_t i = 0; i < place_count_; ++i) {
    const Place place = places_[i];
    Member& member = view->members[static_cast<size_t>(place.field)];
    const uint32_t move = moves[place.begin];
    member.key.begin += move;
    member.key.end += move;
    member.value.begin += move;
    member.value.end += moves[place.end];
  }
  view->model = between(model.begin, model.end);
  const std::string_view user = view->value(Field::kUser);
  if (user.starts_with('"')) view->user = inside_quotes(user);
  return true;
}

bool RequestPattern::learn(std::string_view body, std::span<const uint32_t> tokens,
                           const RequestView& view) {
  pattern_.clear();
  begins_[0] = 0;
  if (tokens.size() > kMaxTokens || !read(body, tokens, view)) {
    pattern_.clear();
    return false;
  }
  view_ = view;
  view_.body = view_.model = view_.user = {};
  place_count_ = 0;
  for (size_t i = 0; i < RequestView::kFields; ++i) {
    const auto field = static_cast<Field>(i);
    if (!view.present(field)) continue;
    const ByteRange value = view.member(field).value;
    places_[place_count_++] = {field, stretch_of(value.begin), stretch_of(value.end)};
  }
  return true;
}

bool RequestPattern::read(std::string_view body, std::span<const uint32_t> tokens,
                          const RequestView& view) {
  const char* const text = body.data();
  const char* const end = text + body.size();
  const uint32_t model = view.member(Field::kModel).value.begin;
  const char* from = text;  // what lies before is kept
  for (size_t i = 1; i + 1 < tokens.size(); ++i) {
    const char* const at = text + tokens[i];
    if (*at != '"' || text[tokens[i + 1]] == ':') continue;
    if (text[tokens[i - 1]] == ':' && is_kind(text + tokens[i - 2])) continue;
    const char* const quote = string_end(at + 1, end).quote;
    if (quote == nullptr || !pattern_.add(between(from, at + 1), 0)) return false;
    if (tokens[i] == model) model_spot_ = pattern_.spot_count() - 1;
    begins_[pattern_.spot_count()] = static_cast<uint32_t>(quote - text);
    from = quote;
  }
  return pattern_.close(between(from, end));
}

uint8_t RequestPattern::stretch_of(uint32_t offset) const {
  const auto end = begins_.begin() + static_cast<ptrdiff_t>(pattern_.spot_count()) + 1;
  return static_cast<uint8_t>(std::upper_bound(begins_.begin(), end, offset) - begins_.begin() - 1);
}

bool RequestPatterns::match(std::string_view body, uint32_t max_depth, RequestView* view) {
  Entry* const newest = entries_[newest_].get();
  if (newest != nullptr && try_one(newest, body, max_depth, view)) return true;
  for (size_t i = 0; i < kCount; ++i) {
    Entry* const entry = entries_[i].get();
    if (entry == nullptr || entry == newest || !try_one(entry, body, max_depth, view)) continue;
    newest_ = i;
    return true;
  }
  return false;
}

bool RequestPatterns::try_one(Entry* entry, std::string_view body, uint32_t max_depth,
                              RequestView* view) {
  if (entry->tries == 0 || entry->max_depth != max_depth) return false;
  size_t read = 0;
  if (!entry->pattern.match(body, view, &read)) {
    if (read > kCheapBytes) --entry->tries;
    return false;
  }
  // Those that are known for long tell nothing about the next one.
  if (entry->hits < kWorthHits && ++entry->hits == kWorthHits) patience_.paid();
  entry->tries = kTries;
  entry->used = ++uses_;
  return true;
}

// In the place of the one that was of no use for longest.
void RequestPatterns::learn(std::string_view body, uint32_t max_depth,
                            std::span<const uint32_t> tokens, const RequestView& view) {
  const auto rank = [](const std::unique_ptr<Entry>& entry) {
    return entry == nullptr || entry->tries == 0 ? 0 : entry->used;
  };
  auto& oldest = *std::ranges::min_element(entries_, {}, rank);
  if (oldest == nullptr) oldest = std::make_unique<Entry>();
  oldest->max_depth = max_depth;
  oldest->tries = oldest->pattern.learn(body, tokens, view) ? kTries : 0;
  oldest->hits = 0;
  oldest->used = ++uses_;
}

size_t RequestPatterns::held_bytes() const {
  return sizeof(Entry) * static_cast<size_t>(std::ranges::count_if(
                             entries_, [](const auto& entry) { return entry != nullptr; }));
}

}  // namespace weir
