#include "http/head_memo.h"

#include <functional>
#include <utility>

#include "http/bytes.h"
#include "http/head_pattern.h"
#include "http/request_fields.h"

namespace weir {

struct HeadMemo::Entry {
  RequestHead head;  // views into the pattern's text; what comes from holes is not set
  HeadPattern pattern;
};

namespace {

using Value = HeadPattern::Value;

// kSame: decides something about the connection or the body, or is the same from one program and
// holds nothing private.
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

}  // namespace

HeadMemo::HeadMemo() = default;
HeadMemo::~HeadMemo() = default;

size_t HeadMemo::match(const Entry& entry, std::string_view text, RequestHead* out) {
  RequestParse parse{.out = out};
  return entry.pattern.match(text, [&](size_t hole, const HeadPattern::Found& found) {
    if (hole == 0) *out = entry.head;
    if (found.name.empty()) {
      out->content_length = found.length;
    } else {
      request_field_take(&parse, found.name, blanks_trim(found.value));
    }
  });
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
  RequestHead* const kept = &entry->head;
  std::construct_at(kept);
  RequestParse parse{.out = kept};
  const auto take = [&parse](std::string_view name, std::string_view value) {
    request_field_take(&parse, name, value);
  };
  if (!entry->pattern.learn(head, value_kind, take, [](size_t, std::string_view) {})) return false;
  // The request line is in front of all holes: it lies in `text` as it does in `head`.
  const auto moved = [&](std::string_view view) {
    const bool inside = std::less_equal<>()(head.data(), view.data()) &&
                        std::less<>()(view.data(), head.data() + head.size());
    if (!inside) return view;
    return std::string_view(entry->pattern.text + (view.data() - head.data()), view.size());
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
    if (entries_[i] == nullptr || !(entries_[i]->pattern == spare_->pattern)) continue;
    hint->entry = newest_ = i;
    return;
  }
  std::swap(entries_[oldest_], spare_);
  hint->entry = newest_ = oldest_;
  oldest_ = static_cast<uint8_t>((oldest_ + 1) % kEntries);
}

}  // namespace weir
