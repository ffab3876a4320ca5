#include "json/request_scan.h"

#include <array>
#include <cstring>
#include <utility>

#include "base/arena.h"
#include "json/fault_text.h"
#include "json/index.h"
#include "json/key_name.h"
#include "json/key_set.h"
#include "json/request_pattern.h"
#include "json/text.h"
#include "json/walk.h"

namespace weir {

namespace {

constexpr std::string_view kBody = "The request body";
constexpr size_t kMaxModelBytes = RequestScanner::kMaxModelBytes;
constexpr size_t kMaxNamedBytes = 128;

constexpr std::array<std::string_view, RequestView::kFields> kNames = {
    "model", "stream", "stream_options", "max_tokens", "max_completion_tokens",
    "messages", "prompt", "input", "n", "user",
    "tools", "parallel_tool_calls", "encoding_format", "router", "cache"};

constexpr uint32_t bit_of(Field field) { return uint32_t{1} << static_cast<uint32_t>(field); }

// Fields whose null means the same as leaving them out.
constexpr uint32_t kNullable = bit_of(Field::kStream) | bit_of(Field::kStreamOptions) |
                               bit_of(Field::kMaxTokens) | bit_of(Field::kMaxCompletionTokens) |
                               bit_of(Field::kN);

std::string_view name_of(Field field) { return kNames[static_cast<size_t>(field)]; }

// kCount when Weir has no use for the key. `letters` are those of the body, up to the quote; by the
// first of them, since few keys share one.
Field find_field(const char* letters) {
  switch (letters[0]) {
    case 'm':
      if (key_is<"model">(letters)) return Field::kModel;
      if (key_is<"messages">(letters)) return Field::kMessages;
      if (key_is<"max_tokens">(letters)) return Field::kMaxTokens;
      if (key_is<"max_completion_tokens">(letters)) return Field::kMaxCompletionTokens;
      return Field::kCount;
    case 's':
      if (key_is<"stream">(letters)) return Field::kStream;
      return key_is<"stream_options">(letters) ? Field::kStreamOptions : Field::kCount;
    case 'p':
      if (key_is<"prompt">(letters)) return Field::kPrompt;
      return key_is<"parallel_tool_calls">(letters) ? Field::kParallelToolCalls : Field::kCount;
    case 'i': return key_is<"input">(letters) ? Field::kInput : Field::kCount;
    case 'n': return key_is<"n">(letters) ? Field::kN : Field::kCount;
    case 'u': return key_is<"user">(letters) ? Field::kUser : Field::kCount;
    case 't': return key_is<"tools">(letters) ? Field::kTools : Field::kCount;
    case 'e': return key_is<"encoding_format">(letters) ? Field::kEncodingFormat : Field::kCount;
    case 'r': return key_is<"router">(letters) ? Field::kRouter : Field::kCount;
    case 'c': return key_is<"cache">(letters) ? Field::kCache : Field::kCount;
    default: return Field::kCount;
  }
}

// The same for a name in its plain form, which the client had written with escapes.
Field find_plain_field(std::string_view name) {
  size_t field = 0;
  while (field < kNames.size() && kNames[field] != name) ++field;
  return static_cast<Field>(field);
}

std::string_view inside_quotes(std::string_view token) {
  return {token.data() + 1, token.size() - 2};
}

bool has_escape(std::string_view raw) {
  return !raw.empty() && std::memchr(raw.data(), '\\', raw.size()) != nullptr;
}

std::unexpected<Error> refuse(Field field, std::string_view message) {
  return std::unexpected(Error{Errc::kInvalidField, message, name_of(field)});
}

// False for text with a backslash or a control character; at times, and when it is short, for
// other text too.
bool surely_printable(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101U;
  constexpr size_t kWord = sizeof(uint64_t);
  if (text.size() < kWord) return false;
  uint64_t found = 0;
  const auto look_at = [&](size_t at) {
    const uint64_t word = load_word(text.data() + at);
    const uint64_t slash = word ^ kOnes * '\\';
    const uint64_t del = word ^ kOnes * 0x7F;
    found |= ((slash - kOnes) & ~slash) | ((del - kOnes) & ~del) | ((word - kOnes * 0x20) & ~word);
  };
  for (size_t at = 0; at + kWord < text.size(); at += kWord) look_at(at);
  look_at(text.size() - kWord);
  return (found & kOnes << 7) == 0;
}

bool has_control_character(std::string_view text) {
  uint8_t found = 0;
  for (const char c : text) found |= static_cast<uint8_t>(c) < 0x20 || c == 0x7F ? 1 : 0;
  return found != 0;
}

// A JSON number that is a plain positive integer; -1 when it is anything else or too large.
int64_t positive_integer(std::string_view token) {
  const int64_t value = whole_number(token);
  return value > 0 ? value : -1;
}

}  // namespace

struct RequestScanner::State {
  RequestPatterns patterns;
  JsonIndex index;
  KeySet keys;
  Arena scratch;
  FaultText fault;
};

namespace {

// One scan. First the walk, which records members and remembers the first key that comes twice;
// what the members hold is judged only when the whole text is known to be JSON.
class Pass {
 public:
  Pass(KeySet& keys, Arena& scratch, JsonCursor cursor, RequestView* view)
      : keys_(keys), scratch_(scratch), cursor_(cursor), view_(view) {}

  // False when the text is not JSON; the cursor knows why.
  [[nodiscard]] bool walk() {
    view_->root.begin = cursor_.offset();
    const bool whole =
        cursor_.each_member([this](ByteRange key) { return on_member(key); }) && cursor_.at_end();
    if (!whole) return false;
    view_->root.end = cursor_.end_of_last();
    return true;
  }
  [[nodiscard]] Result<void> check();
  [[nodiscard]] const JsonCursor& cursor() const { return cursor_; }

 private:
  bool on_member(ByteRange key);
  bool on_other_member(std::string_view name);
  bool read_stream_options();
  bool plain_key(JsonCursor& cursor, ByteRange key, std::string_view* name);
  void remember(Error error) {
    if (error_.message.empty()) error_ = error;
  }
  Result<void> check_model();
  Result<void> check_stream();
  Result<void> check_caps();
  bool read_count(Field field, int64_t most, int64_t* to);

  KeySet& keys_;
  Arena& scratch_;
  JsonCursor cursor_;
  RequestView* view_;
  uint32_t seen_ = 0;
  Error error_{Errc::kInvalidField, {}};
};

// Static texts, one per field: an Error outlives the pass.
std::string_view duplicate_message(Field field) {
  if (field == Field::kModel) return "\"model\" is given twice; send it once.";
  if (field == Field::kStream) return "\"stream\" is given twice; send it once.";
  return "This field is given twice at the top level of the body; send it once.";
}

bool Pass::on_member(ByteRange key) {
  ++view_->member_count;
  std::string_view name = inside_quotes(cursor_.view(key));
  Field field = find_field(name.data());
  if (field == Field::kCount && may_have_escape(name.data(), name.data() + name.size())) {
    if (!plain_key(cursor_, key, &name)) return false;
    field = find_plain_field(name);
  }
  if (field == Field::kCount) return on_other_member(name);
  const uint32_t bit = bit_of(field);
  if (field == Field::kStreamOptions && cursor_.peek() == '{' && !read_stream_options()) {
    return false;
  }
  const bool is_null = cursor_.peek() == 'n';
  Member member{key, {}};
  if (!cursor_.take_value(&member.value)) return false;
  if ((seen_ & bit) != 0) {
    remember({Errc::kInvalidField, duplicate_message(field), name_of(field)});
    return true;
  }
  seen_ |= bit;
  if (is_null) view_->null_mask |= bit & kNullable;
  view_->members[static_cast<size_t>(field)] = member;
  return true;
}

bool Pass::on_other_member(std::string_view name) {
  const KeySet::Added added = keys_.add(name);
  if (added == KeySet::Added::kDuplicate) {
    // The name lives in the body or in the scanner's scratch; a monstrous one is not repeated.
    const bool fits = name.size() <= kMaxNamedBytes;
    remember({Errc::kInvalidField, duplicate_message(Field::kCount),
              fits ? name : std::string_view{}});
  } else if (added == KeySet::Added::kFull) {
    remember({Errc::kInvalidField, "The body has more than 1024 top-level fields; send fewer."});
  }
  return cursor_.skip_value();
}

// Looks ahead with a cursor of its own; the caller then takes the object as a whole.
bool Pass::read_stream_options() {
  JsonCursor inner = cursor_;
  const bool whole = inner.each_member([&](ByteRange key) {
    std::string_view name;
    ByteRange value;
    if (!plain_key(inner, key, &name) || !inner.take_value(&value)) return false;
    if (name == "include_usage") view_->include_usage = inner.view(value) == "true";
    return true;
  });
  if (!whole) cursor_ = inner;
  return whole;
}

bool Pass::plain_key(JsonCursor& cursor, ByteRange key, std::string_view* name) {
  const std::string_view raw = inside_quotes(cursor.view(key));
  *name = raw;
  if (!has_escape(raw)) return true;
  char* to = scratch_.allocate(raw.size());
  const Unescaped plain = unescape_json(raw, LoneSurrogate::kKeep, to);
  if (!plain.ok) return cursor.refuse_key(key);
  *name = {to, plain.size};
  return true;
}

Result<void> Pass::check() {
  if (!error_.message.empty()) return std::unexpected(error_);
  if (auto model = check_model(); !model) return model;
  if (auto stream = check_stream(); !stream) return stream;
  if (auto caps = check_caps(); !caps) return caps;
  if (view_->has(Field::kMessages) && view_->value(Field::kMessages)[0] != '[') {
    return refuse(Field::kMessages,
                  "\"messages\" must be a list of messages, such as [{\"role\": \"user\", "
                  "\"content\": \"Hello\"}].");
  }
  const std::string_view user = view_->value(Field::kUser);
  if (user.starts_with('"')) view_->user = inside_quotes(user);
  return {};
}

Result<void> Pass::check_model() {
  const std::string_view token = view_->value(Field::kModel);
  if (token.empty()) {
    return refuse(Field::kModel,
                  "\"model\" is missing; send the name of a model, as in \"model\": \"name\".");
  }
  if (token[0] != '"') {
    return refuse(Field::kModel, "\"model\" must be a string: the name of a model.");
  }
  std::string_view name = inside_quotes(token);
  if (name.empty()) {
    return refuse(Field::kModel, "\"model\" is empty; send the name of a model.");
  }
  if (name.size() <= kMaxModelBytes && surely_printable(name)) {
    view_->model = name;
    return {};
  }
  // No escape is longer than six bytes per byte of plain text.
  bool fits = name.size() <= kMaxModelBytes * 6;
  if (fits && has_escape(name)) {
    char* to = scratch_.allocate(name.size());
    const Unescaped plain = unescape_json(name, LoneSurrogate::kRefuse, to);
    if (!plain.ok) {
      return refuse(Field::kModel,
                    "\"model\" holds an escape that stands for no character; send plain text.");
    }
    name = {to, plain.size};
  }
  fits = fits && name.size() <= kMaxModelBytes;
  if (!fits) {
    return refuse(Field::kModel, "\"model\" is longer than 512 bytes; send a shorter name.");
  }
  // UTF-8 it is already: as part of the body, or because no escape of it was a lone surrogate.
  if (has_control_character(name)) {
    return refuse(Field::kModel, "\"model\" holds a control character; send printable text.");
  }
  view_->model = name;
  return {};
}

Result<void> Pass::check_stream() {
  if (view_->has(Field::kStream)) {
    const std::string_view token = view_->value(Field::kStream);
    if (token != "true" && token != "false") {
      return refuse(Field::kStream, "\"stream\" must be true, false or null.");
    }
    view_->stream = token == "true";
  }
  if (view_->has(Field::kStreamOptions) && view_->value(Field::kStreamOptions)[0] != '{') {
    return refuse(Field::kStreamOptions,
                  "\"stream_options\" must be an object or null, such as "
                  "{\"include_usage\": true}.");
  }
  return {};
}

Result<void> Pass::check_caps() {
  int64_t max_tokens = -1;
  int64_t max_completion = -1;
  if (!read_count(Field::kMaxTokens, INT64_MAX, &max_tokens)) {
    return refuse(Field::kMaxTokens, "\"max_tokens\" must be a positive whole number or null.");
  }
  if (!read_count(Field::kMaxCompletionTokens, INT64_MAX, &max_completion)) {
    return refuse(Field::kMaxCompletionTokens,
                  "\"max_completion_tokens\" must be a positive whole number or null.");
  }
  if (!read_count(Field::kN, INT32_MAX, &view_->n)) {
    return refuse(Field::kN,
                  "\"n\" must be a positive whole number (up to 2147483647) or null.");
  }
  view_->output_cap = max_completion > 0 ? max_completion : max_tokens;
  return {};
}

// True also when the field is absent; `to` keeps its value then.
bool Pass::read_count(Field field, int64_t most, int64_t* to) {
  if (!view_->has(field)) return true;
  *to = positive_integer(view_->value(field));
  return *to > 0 && *to <= most;
}

// Member by member, because the compiler makes of one large clear an instruction that takes longer
// to start than all the rest.
void clear_view(std::string_view body, RequestView* view) {
  [view]<size_t... i>(std::index_sequence<i...>) {
    ((view->members[i] = Member{}), ...);
  }(std::make_index_sequence<RequestView::kFields>{});
  view->body = body;
  view->root = {};
  view->member_count = 0;
  view->null_mask = 0;
  view->model = {};
  view->user = {};
  view->stream = false;
  view->include_usage = false;
  view->output_cap = -1;
  view->n = -1;
}

}  // namespace

RequestScanner::RequestScanner() : state_(std::make_unique<State>()) {}
RequestScanner::~RequestScanner() = default;

Result<void> RequestScanner::scan(std::string_view body, const ScanOptions& options,
                                  RequestView* view) {
  State& state = *state_;
  const bool full = options.validation == ScanOptions::Validation::kFull;
  if (full && body.size() <= JsonIndex::kLargestText &&
      state.patterns.match(body, options.max_depth, view)) {
    return {};
  }
  state.scratch.reset();
  state.keys.clear();
  clear_view(body, view);
  const auto invalid = [](std::string_view message) {
    return std::unexpected(Error{Errc::kInvalidJson, message});
  };
  if (!body.empty() && body[0] == '\xEF' && body.starts_with("\xEF\xBB\xBF")) {
    return invalid("The request body starts with a byte order mark; send the JSON without it.");
  }
  const JsonIndex::Status status =
      state.index.build(body, {.escapes = full, .max_depth = options.max_depth});
  if (status != JsonIndex::Status::kOk) {
    return invalid(state.fault.write(kBody, status, state.index.error_offset()));
  }
  const JsonCursor cursor(body, state.index, options.max_depth, full);
  if (cursor.peek() != '{') {
    return invalid("The request body must be a JSON object, such as {\"model\": \"name\"}.");
  }
  Pass pass(state.keys, state.scratch, cursor, view);
  if (!pass.walk()) return invalid(state.fault.write(kBody, pass.cursor()));
  const Result<void> good = pass.check();
  if (good && full && state.patterns.wants_to_learn()) {
    const std::span tokens(state.index.positions(), state.index.count());
    state.patterns.learn(body, options.max_depth, tokens, *view);
  }
  return good;
}

void RequestScanner::shrink() {
  state_->index.shrink();
  state_->scratch.release();
}

size_t RequestScanner::held_bytes() const {
  const State& state = *state_;
  return sizeof(State) + state.patterns.held_bytes() + state.index.held_bytes() +
         state.scratch.held_bytes();
}

}  // namespace weir
