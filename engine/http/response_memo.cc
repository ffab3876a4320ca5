#include "http/response_memo.h"

#include "http/bytes.h"
#include "http/head_pattern.h"
#include "http/response_fields.h"

namespace weir {

struct ResponseMemo::Entry {
  // What is done with the value of a hole.
  struct Use {
    std::string_view ResponseHead::*member = nullptr;
    bool kept = false;
  };

  HeadPattern pattern;
  std::array<Use, HeadPattern::kMaxHoles> uses;
  // What the kept values and the status line say.
  int status;
  uint8_t minor_version;
  bool keep_alive;
  Framing framing;
  uint32_t keep_alive_timeout_s;
};

namespace {

HeadPattern::Value value_kind(std::string_view name) {
  using Value = HeadPattern::Value;
  if (equals_folded(name, "content-length")) return Value::kLength;
  const bool frames = equals_folded(name, "transfer-encoding") ||
                      equals_folded(name, "connection") || equals_folded(name, "keep-alive");
  return frames ? Value::kSame : Value::kDiffers;
}

}  // namespace

ResponseMemo::ResponseMemo() = default;
ResponseMemo::~ResponseMemo() = default;

size_t ResponseMemo::match(const Entry& entry, std::string_view bytes, ResponseHead* out) {
  std::construct_at(out);
  out->status = entry.status;
  out->minor_version = entry.minor_version;
  out->keep_alive = entry.keep_alive;
  out->framing = entry.framing;
  out->keep_alive_timeout_s = entry.keep_alive_timeout_s;
  return entry.pattern.match(bytes, [&](size_t hole, const HeadPattern::Found& found) {
    const Entry::Use use = entry.uses[hole];
    if (found.name.empty()) {
      out->content_length = found.length;
    } else if (use.member != nullptr) {
      response_take(out, use.member, blanks_trim(found.value));
    } else if (use.kept) {
      response_keep(out, found.name, blanks_trim(found.value));
    }
  });
}

size_t ResponseMemo::find(std::string_view bytes, const HeadLimits& limits, ResponseHead* out) {
  for (const size_t i : {newest_, 1 - newest_}) {
    const Entry* const entry = entries_[i].get();
    const size_t size = entry == nullptr ? 0 : match(*entry, bytes, out);
    if (size == 0 || size > limits.max_bytes) continue;
    newest_ = i;
    patience_.paid();
    return size;
  }
  return 0;
}

bool ResponseMemo::fill(Entry* entry, std::string_view head, const ResponseHead& parsed) {
  entry->status = parsed.status;
  entry->minor_version = parsed.minor_version;
  entry->keep_alive = parsed.keep_alive;
  entry->framing = parsed.framing;
  entry->keep_alive_timeout_s = parsed.keep_alive_timeout_s;
  const auto same = [](std::string_view, std::string_view) {};
  return entry->pattern.learn(head, value_kind, same, [entry](size_t hole, std::string_view name) {
    entry->uses[hole] = {response_member(name), response_keeps(name)};
  });
}

void ResponseMemo::keep(std::string_view head, const ResponseHead& parsed) {
  if (parsed.status < 200 || !patience_.wants()) return;
  const size_t older = 1 - newest_;
  auto& entry = entries_[older];
  if (entry == nullptr) entry = std::make_unique<Entry>();
  if (!fill(entry.get(), head, parsed)) return entry.reset();
  newest_ = older;
}

}  // namespace weir
