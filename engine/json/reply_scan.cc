#include "json/reply_scan.h"

#include <cstring>

#include "base/arena.h"
#include "json/fault_text.h"
#include "json/index.h"
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

// The places where a provider may say what went wrong; raw text between quotes, null when absent.
struct ErrorTexts {
  std::string_view error_message;
  std::string_view error_text;  // "error" itself is a string
  std::string_view message;
  std::string_view errors_message;
  std::string_view error_message_camel;
  std::string_view detail;
  std::string_view title;
};

// The short members of an error, once inside "error" and once at the top level.
struct ErrorParts {
  std::string_view type;
  std::string_view code;
  std::string_view param;
  int status = 0;
};

// Digits only; -1 when it is anything else or does not fit.
int64_t whole_number(std::string_view token) {
  constexpr size_t kMaxDigits = 18;
  if (token.empty() || token.size() > kMaxDigits) return -1;
  int64_t value = 0;
  for (const char c : token) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

// An HTTP status that means failure, 0 for every other number.
int failure_status(std::string_view token) {
  const int64_t value = whole_number(token);
  return value >= 400 && value <= 599 ? static_cast<int>(value) : 0;
}

std::string_view first_of(std::string_view a, std::string_view b) { return a.empty() ? b : a; }

// One walk. Each read_… stands before a value and consumes it, whatever it is; the depth of the
// functions is that of the reply's known shape, everything else is skipped without recursion.
class ReplyWalk {
 public:
  ReplyWalk(JsonCursor cursor, Arena& scratch, ReplyView* view)
      : cursor_(cursor), scratch_(scratch), view_(view) {}

  [[nodiscard]] bool run();
  [[nodiscard]] const JsonCursor& cursor() const { return cursor_; }

 private:
  bool read_root();
  bool read_root_member(std::string_view name);
  bool read_error_place(std::string_view name);
  bool read_choices();
  bool read_choice(uint32_t position);
  bool read_message();
  bool read_tool_calls();
  bool read_function();
  bool read_usage();
  bool read_count(int64_t* to);
  bool read_detail_count(std::string_view wanted, int64_t* to);
  bool read_error();
  bool read_error_part(std::string_view name, ErrorParts* parts);
  bool read_first_text(std::string_view wanted, std::string_view* to);
  bool read_text(std::string_view* raw);
  bool count_text();
  void finish_error();

  // visit(std::string_view name) -> bool; a value that is no object is skipped.
  template <typename Visit>
  bool members(Visit visit) {
    if (cursor_.peek() != '{') return cursor_.skip_value();
    return cursor_.each_member([&](ByteRange key) {
      const std::string_view token = cursor_.view(key);
      return visit(plain(token.substr(1, token.size() - 2)));
    });
  }
  template <typename Visit>
  bool elements(Visit visit) {
    if (cursor_.peek() != '[') return cursor_.skip_value();
    return cursor_.each_element(visit);
  }
  std::string_view plain(std::string_view raw);

  JsonCursor cursor_;
  Arena& scratch_;
  ReplyView* view_;
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
  return members([this](std::string_view name) { return read_root_member(name); });
}

bool ReplyWalk::read_root_member(std::string_view name) {
  if (name == "choices") return read_choices();
  if (name == "usage") return read_usage();
  if (name == "model") {
    std::string_view raw;
    if (!read_text(&raw)) return false;
    view_->model = raw;
    return true;
  }
  if (name == "data") {
    view_->has_data = true;
    return cursor_.skip_value();
  }
  if (name == "object") {
    std::string_view raw;
    if (!read_text(&raw)) return false;
    if (raw == "error") view_->has_error = true;
    return true;
  }
  return read_error_place(name);
}

bool ReplyWalk::read_error_place(std::string_view name) {
  if (name == "error") return read_error();
  if (name == "message") return read_text(&texts_.message);
  if (name == "errors") return read_first_text("message", &texts_.errors_message);
  if (name == "errorMessage") return read_text(&texts_.error_message_camel);
  if (name == "detail") return read_first_text("msg", &texts_.detail);
  if (name == "title") return read_text(&texts_.title);
  return read_error_part(name, &outer_);
}

bool ReplyWalk::read_choices() {
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
  const bool whole = members([&](std::string_view name) {
    if (name == "delta" || name == "message") return read_message();
    if (name == "text") return count_text();
    if (name == "index") return read_count(&index);
    if (name != "finish_reason") return cursor_.skip_value();
    std::string_view reason;
    if (!read_text(&reason)) return false;
    finished = !reason.empty();
    return true;
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
  return members([this](std::string_view name) {
    if (name == "content" || name == "reasoning" || name == "reasoning_content" ||
        name == "refusal") {
      return count_text();
    }
    if (name == "tool_calls") return read_tool_calls();
    if (name == "function_call") return read_function();
    return cursor_.skip_value();
  });
}

bool ReplyWalk::read_tool_calls() {
  return elements([this] {
    return members([this](std::string_view name) {
      return name == "function" ? read_function() : cursor_.skip_value();
    });
  });
}

bool ReplyWalk::read_function() {
  return members([this](std::string_view name) {
    return name == "arguments" ? count_text() : cursor_.skip_value();
  });
}

bool ReplyWalk::read_usage() {
  if (cursor_.peek() != '{') return cursor_.skip_value();
  Usage usage;
  int64_t cached_beside = -1;
  const uint32_t begin = cursor_.offset();
  const bool whole = members([&](std::string_view name) {
    if (name == "prompt_tokens") return read_count(&usage.prompt_tokens);
    if (name == "completion_tokens") return read_count(&usage.completion_tokens);
    if (name == "total_tokens") return read_count(&usage.total_tokens);
    if (name == "prompt_tokens_details") {
      return read_detail_count("cached_tokens", &usage.cached_tokens);
    }
    if (name == "completion_tokens_details") {
      return read_detail_count("reasoning_tokens", &usage.reasoning_tokens);
    }
    // Two other places where compatible providers put the same count.
    if (name == "cached_tokens" || name == "prompt_cache_hit_tokens") {
      return read_count(&cached_beside);
    }
    return cursor_.skip_value();
  });
  if (!whole) return false;
  if (usage.cached_tokens < 0) usage.cached_tokens = cached_beside;
  usage.source = UsageSource::kProvider;
  view_->has_usage = true;
  view_->usage = usage;
  view_->usage_value = {begin, cursor_.end_of_last()};
  return true;
}

bool ReplyWalk::read_count(int64_t* to) {
  ByteRange range;
  if (!cursor_.take_value(&range)) return false;
  *to = whole_number(cursor_.view(range));
  return true;
}

bool ReplyWalk::read_detail_count(std::string_view wanted, int64_t* to) {
  return members([&](std::string_view name) {
    return name == wanted ? read_count(to) : cursor_.skip_value();
  });
}

bool ReplyWalk::read_error() {
  const char first = cursor_.peek();
  if (first != 'n' && first != 'f') view_->has_error = true;
  if (first == '"') return read_text(&texts_.error_text);
  return members([this](std::string_view name) {
    if (name == "message") return read_text(&texts_.error_message);
    return read_error_part(name, &inner_);
  });
}

bool ReplyWalk::read_error_part(std::string_view name, ErrorParts* parts) {
  if (name == "type") return read_text(&parts->type);
  if (name == "param") return read_text(&parts->param);
  const bool is_code = name == "code";
  if (!is_code && name != "status" && name != "status_code") return cursor_.skip_value();
  if (cursor_.peek() == '"') {
    std::string_view raw;
    if (!read_text(&raw)) return false;
    if (is_code) parts->code = raw;
    return true;
  }
  ByteRange range;
  if (!cursor_.take_value(&range)) return false;
  const std::string_view token = cursor_.view(range);
  if (is_code && whole_number(token) >= 0) parts->code = token;
  const int status = failure_status(token);
  if (status != 0) parts->status = status;
  return true;
}

// A string, or a list whose first element is a string or an object with the text as a member.
bool ReplyWalk::read_first_text(std::string_view wanted, std::string_view* to) {
  const auto read_one = [&] {
    if (cursor_.peek() == '"') return read_text(to);
    return members([&](std::string_view name) {
      return name == wanted ? read_text(to) : cursor_.skip_value();
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

bool ReplyWalk::count_text() {
  std::string_view raw;
  if (!read_text(&raw)) return false;
  view_->delta_text_bytes += static_cast<uint32_t>(unescaped_size(raw));
  return true;
}

std::string_view ReplyWalk::plain(std::string_view raw) {
  if (raw.empty() || std::memchr(raw.data(), '\\', raw.size()) == nullptr) return raw;
  char* to = scratch_.allocate(raw.size());
  const Unescaped result = unescape_json(raw, LoneSurrogate::kReplace, to);
  return {to, result.size};
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

Result<void> ReplyScanner::scan(std::string_view text, ReplyView* view) {
  State& state = *state_;
  state.scratch.reset();
  *view = ReplyView{};
  const auto invalid = [](std::string_view message) {
    return std::unexpected(Error{Errc::kInvalidJson, message});
  };
  constexpr std::string_view kReply = "The provider's reply";
  const JsonIndex::Options options{.escapes = true, .max_depth = kMaxDepth};
  const JsonIndex::Status status = state.index.build(text, options);
  if (status != JsonIndex::Status::kOk) {
    return invalid(state.fault.write(kReply, status, state.index.error_offset()));
  }
  ReplyWalk walk(JsonCursor(text, state.index, kMaxDepth, true), state.scratch, view);
  if (!walk.run()) return invalid(state.fault.write(kReply, walk.cursor()));
  return {};
}

void ReplyScanner::shrink() {
  state_->index.shrink();
  state_->scratch.release();
}

}  // namespace weir
