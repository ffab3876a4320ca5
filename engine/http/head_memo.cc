#include "http/head_memo.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "http/bytes.h"
#include "http/head_fields.h"
#include "http/request_fields.h"

namespace weir {

// A value that is not kept, behind `text[at - 1]`.
struct HeadMemo::Hole {
  uint16_t at;
  uint8_t name_size;  // of the field, whose name and colon are in front; 0: the length's digits
};

struct HeadMemo::Entry {
  RequestHead head;  // views into `text`; what comes from holes is not set
  size_t size = 0;
  size_t hole_count = 0;
  std::array<Hole, kMaxHoles> holes;
  char text[kMaxText];

  [[nodiscard]] bool add(std::string_view bytes) {
    if (bytes.size() > kMaxText - size) return false;
    std::memcpy(text + size, bytes.data(), bytes.size());
    size += bytes.size();
    return true;
  }
  [[nodiscard]] bool add_hole(size_t name_size) {
    if (hole_count == kMaxHoles || name_size > UINT8_MAX) return false;
    holes[hole_count++] = {static_cast<uint16_t>(size), static_cast<uint8_t>(name_size)};
    return true;
  }
  [[nodiscard]] bool same_text(const Entry& other) const {
    return size == other.size && hole_count == other.hole_count &&
           std::equal(holes.begin(), holes.begin() + hole_count, other.holes.begin(),
                      [](const Hole& a, const Hole& b) {
                        return a.at == b.at && a.name_size == b.name_size;
                      }) &&
           std::memcmp(text, other.text, size) == 0;
  }
};

namespace {

enum class Value : uint8_t { kDiffers, kSame, kLength, kForbids };

// kSame: decides something about the connection or the body, or is the same from one program and
// holds nothing private. kForbids: a head with it is not kept.
Value value_kind(std::string_view name) {
  struct Known {
    std::string_view name;
    Value kind;
  };
  static constexpr Known kKnown[] = {
      {"content-length", Value::kLength},
      {"host", Value::kSame},
      {"connection", Value::kSame},
      {"content-type", Value::kSame},
      {"content-encoding", Value::kSame},
      {"accept", Value::kSame},
      {"accept-encoding", Value::kSame},
      {"accept-language", Value::kSame},
      {"user-agent", Value::kSame},
      {"transfer-encoding", Value::kForbids},
      {"expect", Value::kForbids},
      {"upgrade", Value::kForbids},
      {"proxy-connection", Value::kForbids},
  };
  static constexpr std::string_view kSdk = "x-stainless-";
  if (name.size() > kSdk.size() && equals_folded(name.substr(0, kSdk.size()), kSdk)) {
    return Value::kSame;
  }
  for (const Known& known : kKnown) {
    if (equals_folded(name, known.name)) return known.kind;
  }
  return Value::kDiffers;
}

// Anything may stand in a query, and what Weir does not know may be private.
bool query_is_dull(std::string_view query) {
  return query.empty() || ((query.starts_with("version=") || query.starts_with("api-version=")) &&
                           query.find('&') == std::string_view::npos);
}

// 1*DIGIT, few enough not to overflow; null for anything else. What follows is not looked at.
const char* length_read(const char* p, const char* end, uint64_t* length) {
  constexpr ptrdiff_t kMaxDigits = 18;
  const char* const begin = p;
  uint64_t number = 0;
  for (; p != end && *p >= '0' && *p <= '9'; ++p) {
    if (p - begin == kMaxDigits) return nullptr;
    number = number * 10 + static_cast<uint64_t>(*p - '0');
  }
  *length = number;
  return p == begin ? nullptr : p;
}

}  // namespace

HeadMemo::HeadMemo() = default;
HeadMemo::~HeadMemo() = default;

// Every segment of text behind a hole begins with the end of a line, or with the blanks in front of
// it; so comparing the segment judges the byte that ended the value.
size_t HeadMemo::match(const Entry& entry, std::string_view text, RequestHead* out) {
  const char* p = text.data();
  const char* const end = p + text.size();
  size_t from = 0;
  RequestParse parse{.out = out};
  for (size_t i = 0; i < entry.hole_count; ++i) {
    const Hole hole = entry.holes[i];
    const size_t same = hole.at - from;
    if (static_cast<size_t>(end - p) < same) return 0;
    if (std::memcmp(p, entry.text + from, same) != 0) return 0;
    if (from == 0) *out = entry.head;
    p += same;
    from = hole.at;
    if (hole.name_size == 0) {
      p = length_read(p, end, &out->content_length);
      if (p == nullptr) return 0;
      continue;
    }
    const char* const value = p;
    p = value_skip(p, end);
    request_field_take(&parse, {entry.text + hole.at - 1 - hole.name_size, hole.name_size},
                       blanks_trim({value, static_cast<size_t>(p - value)}));
  }
  const size_t same = entry.size - from;
  if (static_cast<size_t>(end - p) < same) return 0;
  if (std::memcmp(p, entry.text + from, same) != 0) return 0;
  return static_cast<size_t>(p - text.data()) + same;
}

size_t HeadMemo::find(std::string_view text, const HeadLimits& limits, Hint* hint,
                      RequestHead* out) {
  const uint8_t tried[] = {hint->entry, newest_};
  for (size_t i = 0; i < (tried[0] == tried[1] ? 1u : 2u); ++i) {
    const Entry* entry = entries_[tried[i]].get();
    const size_t size = entry == nullptr ? 0 : match(*entry, text, out);
    if (size == 0 || size > limits.max_bytes) continue;
    newest_ = tried[i];
    *hint = {tried[i], 0};
    return size;
  }
  return 0;
}

bool HeadMemo::fill(Entry* entry, std::string_view head, const RequestHead& parsed) {
  entry->size = entry->hole_count = 0;
  RequestHead* const kept = &entry->head;
  std::construct_at(kept);
  RequestParse parse{.out = kept};
  const char* copied = head.data();  // up to here
  bool fits = true;
  fields_walk(head, [&](std::string_view name, std::string_view value) {
    const Value kind = value_kind(name);
    const char* const colon = name.data() + name.size();
    const char* const value_end = value.data() + value.size();
    const char* const hole = kind == Value::kLength ? value.data() : colon + 1;
    const char* const stop = kind == Value::kSame ? value_end : hole;
    fits = fits && kind != Value::kForbids &&
           entry->add({copied, static_cast<size_t>(stop - copied)});
    if (!fits) return;
    copied = stop;
    if (kind == Value::kSame) {
      const char* const end = entry->text + entry->size;
      request_field_take(&parse, {end - (value_end - name.data()), name.size()},
                         {end - value.size(), value.size()});
      return;
    }
    fits = entry->add_hole(kind == Value::kLength ? 0 : name.size());
    // The blanks behind a length are compared, those behind another value belong to it.
    copied = kind == Value::kLength ? value_end
                                    : byte_find(value_end, head.data() + head.size(), '\r');
  });
  if (!fits || !entry->add({copied, static_cast<size_t>(head.data() + head.size() - copied)})) {
    return false;
  }
  // The request line is in front of all holes: it lies in `text` as it does in `head`.
  const auto moved = [&](std::string_view view) {
    const bool inside = std::less_equal<>()(head.data(), view.data()) &&
                        std::less<>()(view.data(), head.data() + head.size());
    return inside ? std::string_view(entry->text + (view.data() - head.data()), view.size()) : view;
  };
  kept->method = parsed.method;
  kept->method_name = moved(parsed.method_name);
  kept->target = moved(parsed.target);
  kept->path = moved(parsed.path);
  kept->query = moved(parsed.query);
  kept->minor_version = parsed.minor_version;
  kept->keep_alive = parsed.keep_alive;
  kept->framing = parsed.framing;
  kept->field_count = parsed.field_count;
  return true;
}

void HeadMemo::keep(std::string_view head, const RequestHead& parsed, Hint* hint) {
  if (hint->tries == kMaxTries) return;
  ++hint->tries;
  if (parsed.framing != Framing::kLength || head.starts_with('\r')) return;
  if (!query_is_dull(parsed.query)) return;
  if (spare_ == nullptr) spare_ = std::make_unique<Entry>();
  if (!fill(spare_.get(), head, parsed)) return;
  for (uint8_t i = 0; i < kEntries; ++i) {
    if (entries_[i] == nullptr || !entries_[i]->same_text(*spare_)) continue;
    hint->entry = newest_ = i;
    return;
  }
  std::swap(entries_[oldest_], spare_);
  hint->entry = newest_ = oldest_;
  oldest_ = static_cast<uint8_t>((oldest_ + 1) % kEntries);
}

}  // namespace weir
