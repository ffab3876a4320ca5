#include "json/reply_scan.h"

#include <cstring>
#include <new>

#include "base/arena.h"
#include "json/fault_text.h"
#include "json/index.h"
#include "json/key_name.h"
#include "json/reply_error.h"
#include "json/reply_pattern.h"
#include "json/request_scan.h"
#include "json/text.h"
#include "json/walk.h"

namespace weir {

struct ReplyScanner::State {
  JsonIndex index;
  Arena scratch;
  FaultText fault;
};

namespace {

constexpr uint32_t kMaxDepth = JsonCursor::kMaxDepth;

// What a visitor did with a member: kUnknown leaves the value where it is.
enum class Seen : uint8_t { kUnknown, kRead, kFault };

constexpr Seen seen(bool read) { return read ? Seen::kRead : Seen::kFault; }

// One walk. Each read_… stands before a value and consumes it, whatever it is; the depth of the
// functions is that of the reply's known shape, everything else is skipped without recursion.
class ReplyWalk {
 public:
  // `marks`: null when nobody learns from this reply.
  ReplyWalk(JsonCursor cursor, Arena& scratch, ReplyView* view, ReplyMarks* marks)
      : cursor_(cursor), scratch_(scratch), view_(view), marks_(marks) {}

  [[nodiscard]] bool run();
  [[nodiscard]] const JsonCursor& cursor() const { return cursor_; }

 private:
  bool read_root();
  Seen read_root_member(const char* name);
  Seen read_error_place(const char* name);
  bool read_choices();
  bool read_choice(uint32_t position);
  bool read_message();
  bool read_tool_calls();
  bool read_function();
  bool read_usage();
  Seen read_usage_member(const char* name, Usage* usage, int64_t* cached_beside);
  bool read_tokens(int64_t* to, ReplySpot spot);
  bool read_count(int64_t* to);
  bool read_any_count(int64_t* to);
  template <KeyName wanted>
  bool read_detail_tokens(int64_t* to, ReplySpot spot);
  bool read_error();
  Seen read_error_part(const char* name, ErrorParts* parts);
  bool read_code(ErrorParts* parts);
  bool read_status(ErrorParts* parts);
  template <KeyName wanted>
  bool read_first_text(std::string_view* to);
  bool read_text(std::string_view* raw);
  bool read_text(std::string_view* raw, ReplySpot spot);
  bool count_text();
  void finish_error();

  // visit(const char* name) -> Seen, with the name's letters and its closing quote, to be compared
  // with key_is(); an unknown member is skipped, and so is a value that is no object.
  template <typename Visit>
  [[gnu::always_inline]] bool members(Visit visit) {
    if (cursor_.peek() != '{') return cursor_.skip_value();
    return cursor_.each_key([&](const char* key) {
      const char* name = key + 1;
      for (;;) {
        const Seen result = visit(name);
        if (result != Seen::kUnknown) return result == Seen::kRead;
        if (name != key + 1 || !may_have_escape(name, cursor_.key_end())) break;
        name = plain_name({name, cursor_.key_end() - 1});
      }
      return skip_unknown();
    });
  }
  template <typename Visit>
  bool elements(Visit visit) {
    if (cursor_.peek() != '[') return cursor_.skip_value();
    return cursor_.each_element(visit);
  }
  bool skip_unknown();
  std::string_view plain(std::string_view raw);
  const char* plain_name(std::string_view raw);

  JsonCursor cursor_;
  Arena& scratch_;
  ReplyView* view_;
  ReplyMarks* marks_;
  ErrorTexts texts_;
  ErrorParts inner_;
  ErrorParts outer_;
};

bool ReplyWalk::run() {
  const char first = cursor_.peek();
  view_->is_object = first == '{';
  bool whole = false;
  if (first == '[') {
    // Some providers wrap their error object in a list.
    uint32_t count = 0;
    whole = elements([&] { return count++ == 0 ? read_root() : cursor_.skip_value(); });
  } else {
    whole = read_root();
  }
  if (!whole || !cursor_.at_end()) return false;
  finish_error();
  return true;
}

bool ReplyWalk::read_root() {
  return members([this](const char* name) { return read_root_member(name); });
}

// By the first letter, as in all that follow: few names share one.
Seen ReplyWalk::read_root_member(const char* name) {
  switch (name[0]) {
    case 'c':
      if (key_is<"choices">(name)) return seen(read_choices());
      return read_error_place(name);
    case 'u':
      return key_is<"usage">(name) ? seen(read_usage()) : Seen::kUnknown;
    case 'm':
      if (key_is<"model">(name)) return seen(read_text(&view_->model, ReplySpot::kModel));
      return read_error_place(name);
    case 'd':
      if (!key_is<"data">(name)) return read_error_place(name);
      view_->has_data = true;
      return seen(cursor_.skip_value());
    case 'o':
      if (!key_is<"object">(name)) return Seen::kUnknown;
      if (cursor_.peek() == '"' && key_is<"error">(cursor_.here() + 1)) view_->has_error = true;
      return seen(cursor_.skip_value());
    case 'e':
    case 'p':
    case 's':
    case 't':
      return read_error_place(name);
    default: return Seen::kUnknown;
  }
}

Seen ReplyWalk::read_error_place(const char* name) {
  if (key_is<"error">(name)) return seen(read_error());
  if (key_is<"message">(name)) return seen(read_text(&texts_.message));
  if (key_is<"errors">(name)) return seen(read_first_text<"message">(&texts_.errors_message));
  if (key_is<"errorMessage">(name)) return seen(read_text(&texts_.error_message_camel));
  if (key_is<"detail">(name)) return seen(read_first_text<"msg">(&texts_.detail));
  if (key_is<"title">(name)) return seen(read_text(&texts_.title));
  return read_error_part(name, &outer_);
}

bool ReplyWalk::read_choices() {
  // Where the key comes twice the last one counts, as for most readers of the reply.
  view_->finished_choices = 0;
  view_->finished_mask = 0;
  view_->seen_mask = 0;
  view_->has_choices = cursor_.peek() == '[';
  uint32_t count = 0;
  const bool whole = elements([&] { return read_choice(count++); });
  view_->choice_count = count;
  view_->choices_empty = view_->has_choices && count == 0;
  return whole;
}

bool ReplyWalk::read_choice(uint32_t position) {
  int64_t index = position;
  bool finished = false;
  const bool whole = members([&](const char* name) {
    switch (name[0]) {
      case 'd': return key_is<"delta">(name) ? seen(read_message()) : Seen::kUnknown;
      case 'm': return key_is<"message">(name) ? seen(read_message()) : Seen::kUnknown;
      case 't': return key_is<"text">(name) ? seen(count_text()) : Seen::kUnknown;
      case 'i': return key_is<"index">(name) ? seen(read_count(&index)) : Seen::kUnknown;
      case 'f':
        if (!key_is<"finish_reason">(name)) return Seen::kUnknown;
        finished = cursor_.peek() == '"' && cursor_.here()[1] != '"';
        return seen(cursor_.skip_value());
      default: return Seen::kUnknown;
    }
  });
  if (!whole) return false;
  const uint64_t bit = index >= 0 && index < 64 ? uint64_t{1} << index : 0;
  view_->seen_mask |= bit;
  if (finished) {
    ++view_->finished_choices;
    view_->finished_mask |= bit;
  }
  return true;
}

bool ReplyWalk::read_message() {
  return members([this](const char* name) {
    switch (name[0]) {
      case 'c': return key_is<"content">(name) ? seen(count_text()) : Seen::kUnknown;
      case 'r':
        if (key_is<"refusal">(name) || key_is<"reasoning_content">(name) ||
            key_is<"reasoning">(name)) {
          return seen(count_text());
        }
        return Seen::kUnknown;
      case 't': return key_is<"tool_calls">(name) ? seen(read_tool_calls()) : Seen::kUnknown;
      case 'f': return key_is<"function_call">(name) ? seen(read_function()) : Seen::kUnknown;
      default: return Seen::kUnknown;
    }
  });
}

bool ReplyWalk::read_tool_calls() {
  return elements([this] {
    return members([this](const char* name) {
      return key_is<"function">(name) ? seen(read_function()) : Seen::kUnknown;
    });
  });
}

bool ReplyWalk::read_function() {
  return members([this](const char* name) {
    return key_is<"arguments">(name) ? seen(count_text()) : Seen::kUnknown;
  });
}

bool ReplyWalk::read_usage() {
  if (cursor_.peek() != '{') return cursor_.skip_value();
  // Of two the last one counts.
  if (view_->has_usage && marks_ != nullptr) marks_->refuse();
  Usage usage;
  int64_t cached_beside = -1;
  const bool whole = members(
      [&](const char* name) { return read_usage_member(name, &usage, &cached_beside); });
  if (!whole) return false;
  if (usage.cached_tokens < 0) usage.cached_tokens = cached_beside;
  const bool counts =
      usage.prompt_tokens >= 0 || usage.completion_tokens >= 0 || usage.total_tokens >= 0;
  usage.source = counts ? UsageSource::kProvider : UsageSource::kNone;
  view_->has_usage = true;
  view_->usage = usage;
  return true;
}

Seen ReplyWalk::read_usage_member(const char* name, Usage* usage, int64_t* cached_beside) {
  switch (name[0]) {
    case 'p':
      if (key_is<"prompt_tokens">(name)) {
        return seen(read_tokens(&usage->prompt_tokens, ReplySpot::kPromptTokens));
      }
      if (key_is<"prompt_tokens_details">(name)) {
        return seen(read_detail_tokens<"cached_tokens">(&usage->cached_tokens,
                                                        ReplySpot::kCachedTokens));
      }
      // The cached tokens are found in two other places too, of other providers.
      if (key_is<"prompt_cache_hit_tokens">(name)) return seen(read_count(cached_beside));
      return Seen::kUnknown;
    case 'c':
      if (key_is<"completion_tokens">(name)) {
        return seen(read_tokens(&usage->completion_tokens, ReplySpot::kCompletionTokens));
      }
      if (key_is<"completion_tokens_details">(name)) {
        return seen(read_detail_tokens<"reasoning_tokens">(&usage->reasoning_tokens,
                                                           ReplySpot::kReasoningTokens));
      }
      if (key_is<"cached_tokens">(name)) return seen(read_count(cached_beside));
      return Seen::kUnknown;
    case 't':
      if (key_is<"total_tokens">(name)) {
        return seen(read_tokens(&usage->total_tokens, ReplySpot::kTotalTokens));
      }
      return Seen::kUnknown;
    default: return Seen::kUnknown;
  }
}

// One of the counts of `usage`.
bool ReplyWalk::read_tokens(int64_t* to, ReplySpot spot) {
  const uint32_t begin = cursor_.offset();
  if (!read_count(to)) return false;
  if (marks_ != nullptr) marks_->add(begin, cursor_.offset(), spot);
  return true;
}

// Most counts are a few digits and nothing else; all other values take the long way.
bool ReplyWalk::read_count(int64_t* to) {
  constexpr ptrdiff_t kFewDigits = 9;
  if (cursor_.peek() == '\0') return read_any_count(to);
  const char* at = cursor_.here();
  const char* const next = cursor_.next();
  if (next - at > kFewDigits || (*at == '0' && next - at > 1)) return read_any_count(to);
  uint32_t value = 0;
  do {
    const uint32_t digit = static_cast<uint32_t>(*at) - '0';
    if (digit > 9) return read_any_count(to);
    value = value * 10 + digit;
  } while (++at != next);
  *to = value;
  cursor_.step();
  return true;
}

bool ReplyWalk::read_any_count(int64_t* to) {
  ByteRange range;
  if (!cursor_.take_value(&range)) return false;
  *to = whole_number(cursor_.view(range));
  return true;
}

template <KeyName wanted>
bool ReplyWalk::read_detail_tokens(int64_t* to, ReplySpot spot) {
  return members([&](const char* name) {
    return key_is<wanted>(name) ? seen(read_tokens(to, spot)) : Seen::kUnknown;
  });
}

bool ReplyWalk::read_error() {
  const char first = cursor_.peek();
  if (first != 'n' && first != 'f') view_->has_error = true;
  if (first == '"') return read_text(&texts_.error_text);
  return members([this](const char* name) {
    if (key_is<"message">(name)) return seen(read_text(&texts_.error_message));
    return read_error_part(name, &inner_);
  });
}

Seen ReplyWalk::read_error_part(const char* name, ErrorParts* parts) {
  switch (name[0]) {
    case 't': return key_is<"type">(name) ? seen(read_text(&parts->type)) : Seen::kUnknown;
    case 'p': return key_is<"param">(name) ? seen(read_text(&parts->param)) : Seen::kUnknown;
    case 'c': return key_is<"code">(name) ? seen(read_code(parts)) : Seen::kUnknown;
    case 's':
      if (!key_is<"status">(name) && !key_is<"status_code">(name)) return Seen::kUnknown;
      return seen(read_status(parts));
    default: return Seen::kUnknown;
  }
}

bool ReplyWalk::read_code(ErrorParts* parts) {
  if (cursor_.peek() == '"') return read_text(&parts->code);
  ByteRange range;
  if (!cursor_.take_value(&range)) return false;
  const std::string_view token = cursor_.view(range);
  if (whole_number(token) >= 0) parts->code = token;
  note_status(token, parts);
  return true;
}

bool ReplyWalk::read_status(ErrorParts* parts) {
  ByteRange range;
  if (!cursor_.take_value(&range)) return false;
  note_status(cursor_.view(range), parts);
  return true;
}

// A string, or a list whose first element is a string or an object with the text as a member.
template <KeyName wanted>
bool ReplyWalk::read_first_text(std::string_view* to) {
  const auto read_one = [&] {
    if (cursor_.peek() == '"') return read_text(to);
    return members([&](const char* name) {
      return key_is<wanted>(name) ? seen(read_text(to)) : Seen::kUnknown;
    });
  };
  if (cursor_.peek() != '[') return read_one();
  uint32_t count = 0;
  return elements([&] { return count++ == 0 ? read_one() : cursor_.skip_value(); });
}

bool ReplyWalk::read_text(std::string_view* raw) {
  const bool is_text = cursor_.peek() == '"';
  ByteRange range;
  if (!cursor_.take_value(&range)) return false;
  *raw = is_text ? cursor_.view({range.begin + 1, range.end - 1}) : std::string_view{};
  return true;
}

// One that differs from reply to reply.
bool ReplyWalk::read_text(std::string_view* raw, ReplySpot spot) {
  const uint32_t begin = cursor_.offset();
  const bool is_text = cursor_.peek() == '"';
  if (!read_text(raw)) return false;
  if (is_text && marks_ != nullptr) marks_->add(begin, cursor_.offset(), spot);
  return true;
}

bool ReplyWalk::skip_unknown() {
  const uint32_t begin = cursor_.offset();
  if (!cursor_.skip_value()) return false;
  if (marks_ != nullptr) marks_->add(begin, cursor_.offset(), ReplySpot::kAny);
  return true;
}

bool ReplyWalk::count_text() {
  std::string_view raw;
  if (!read_text(&raw, ReplySpot::kText)) return false;
  view_->delta_text_bytes += static_cast<uint32_t>(unescaped_size(raw));
  return true;
}

std::string_view ReplyWalk::plain(std::string_view raw) {
  if (raw.empty() || std::memchr(raw.data(), '\\', raw.size()) == nullptr) return raw;
  char* to = scratch_.allocate(raw.size());
  const Unescaped result = unescape_json(raw, LoneSurrogate::kReplace, to);
  return {to, result.size};
}

// A quote in the plain form would end the name too early, but then it is none that anybody knows.
const char* ReplyWalk::plain_name(std::string_view raw) {
  char* to = scratch_.allocate(raw.size() + kReadable);
  const Unescaped result = unescape_json(raw, LoneSurrogate::kReplace, to);
  const size_t size = std::memchr(to, '"', result.size) == nullptr ? result.size : 0;
  std::memset(to + size, '"', kReadable);
  return to;
}

void ReplyWalk::finish_error() {
  std::string_view message = first_of(texts_.error_message, texts_.error_text);
  message = first_of(message, texts_.message);
  message = first_of(message, texts_.errors_message);
  message = first_of(message, texts_.error_message_camel);
  message = first_of(message, texts_.detail);
  message = first_of(message, texts_.title);
  if (message.empty() && !view_->has_error) return;
  view_->error_message = plain(message);
  view_->error_type = plain(first_of(inner_.type, outer_.type));
  view_->error_code = plain(first_of(inner_.code, outer_.code));
  view_->error_param = plain(first_of(inner_.param, outer_.param));
  view_->error_status = inner_.status != 0 ? inner_.status : outer_.status;
}

}  // namespace

ReplyScanner::ReplyScanner() : state_(std::make_unique<State>()) {}
ReplyScanner::~ReplyScanner() = default;

Result<void> ReplyScanner::scan(std::string_view text, ReplyView* view, ReplyPattern* pattern) {
  if (pattern != nullptr && pattern->match(text, view)) return {};
  State& state = *state_;
  state.scratch.reset();
  new (view) ReplyView{};
  const auto invalid = [](std::string_view message) {
    return std::unexpected(Error{Errc::kInvalidJson, message});
  };
  constexpr std::string_view kReply = "The provider's reply";
  const JsonIndex::Options options{.escapes = true, .max_depth = kMaxDepth};
  const JsonIndex::Status status = state.index.build(text, options);
  if (status != JsonIndex::Status::kOk) {
    return invalid(state.fault.write(kReply, status, state.index.error_offset()));
  }
  const bool learns = pattern != nullptr && pattern->wants_to_learn();
  ReplyMarks marks;
  ReplyWalk walk(JsonCursor(text, state.index, kMaxDepth, true), state.scratch, view,
                 learns ? &marks : nullptr);
  if (!walk.run()) return invalid(state.fault.write(kReply, walk.cursor()));
  if (learns) pattern->learn(text, {state.index.positions(), state.index.count()}, marks, *view);
  return {};
}

void ReplyScanner::shrink() {
  state_->index.shrink();
  state_->scratch.release();
}

}  // namespace weir
