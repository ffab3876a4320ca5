#include "json/index.h"

#include <simdjson.h>

#include <new>

#include "base/check.h"
#include "json/escape_check.h"
#include "json/text.h"
#include "json/token_pass.h"

namespace weir {

namespace {

// Capacity starts here, grows in powers of two and shrink() returns to nothing above it.
constexpr size_t kFirstCapacity = 64 * 1024;
// Below this even an index of nothing but brackets is small.
constexpr size_t kDepthCheckBytes = 128 * 1024;

}  // namespace

struct JsonIndex::State {
  VectorLevel level;
  std::unique_ptr<uint32_t[]> positions;
  size_t capacity = 0;
  // For what the pass over good texts cannot do.
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

JsonIndex::JsonIndex(VectorLevel level) : state_(std::make_unique<State>(level)) {}
JsonIndex::~JsonIndex() = default;

JsonIndex::Status JsonIndex::build(std::string_view text, const Options& options) {
  count_ = 0;
  if (text.empty()) return fail(Status::kEmpty, 0);
  if (text.size() > kLargestText) return fail(Status::kTooLarge, 0);
  if (text.size() > kDepthCheckBytes && !depth_plausible(text, options.max_depth)) {
    return fail(Status::kTooDeep, 0);
  }
  if (state_->level == VectorLevel::kNone) return build_exactly(text, options);
  if (!reserve(text.size())) return fail(Status::kNoMemory, 0);
  uint32_t* const positions = state_->positions.get();
  uint32_t* end = token_pass(text, state_->level, options.escapes, positions);
  if (end == nullptr || end == positions) return build_exactly(text, options);
  end[0] = end[1] = static_cast<uint32_t>(text.size());
  positions_ = positions;
  count_ = static_cast<uint32_t>(end - positions);
  return Status::kOk;
}

// Says what is wrong, where something is.
JsonIndex::Status JsonIndex::build_exactly(std::string_view text, const Options& options) {
  auto& parser = state_->parser;
  size_t capacity = kFirstCapacity;
  while (capacity < text.size()) capacity *= 2;
  if (parser == nullptr) {
    const auto* implementation = simdjson::get_active_implementation().operator->();
    const auto made = implementation->create_dom_parser_implementation(capacity, 1, parser);
    if (made != simdjson::SUCCESS) return fail(Status::kNoMemory, 0);
  } else if (parser->capacity() < text.size() &&
             parser->allocate(capacity, 1) != simdjson::SUCCESS) {
    return fail(Status::kNoMemory, 0);
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  switch (parser->stage1(bytes, text.size(), simdjson::stage1_mode::regular)) {
    case simdjson::SUCCESS: break;
    case simdjson::EMPTY: return fail(Status::kEmpty, 0);
    case simdjson::UNESCAPED_CHARS: return fail(Status::kControlCharacter, 0);
    case simdjson::UNCLOSED_STRING: return fail(Status::kOpenString, 0);
    default: return fail(Status::kBadUtf8, utf8_error_offset(text));
  }
  if (options.escapes) {
    const size_t bad = find_bad_escape(text);
    if (bad != text.size()) return fail(Status::kBadEscape, bad);
  }
  positions_ = parser->structural_indexes.get();
  count_ = parser->n_structural_indexes;
  WEIR_DCHECK(positions_[count_] == text.size());
  WEIR_DCHECK(positions_[count_ + 1] == text.size());
  return Status::kOk;
}

JsonIndex::Status JsonIndex::fail(Status status, size_t offset) {
  error_offset_ = offset;
  return status;
}

bool JsonIndex::reserve(size_t bytes) {
  if (state_->capacity >= bytes) return true;
  size_t capacity = kFirstCapacity;
  while (capacity < bytes) capacity *= 2;
  // Behind the last token: two entries, and what the pass may write before it knows better.
  constexpr size_t kSlack = 64;
  state_->positions.reset(new (std::nothrow) uint32_t[capacity + kSlack]);
  state_->capacity = state_->positions == nullptr ? 0 : capacity;
  return state_->positions != nullptr;
}

void JsonIndex::shrink() {
  State& state = *state_;
  if (state.capacity <= kFirstCapacity &&
      (state.parser == nullptr || state.parser->capacity() <= kFirstCapacity)) {
    return;
  }
  state = State{state.level, nullptr, 0, nullptr};
  positions_ = nullptr;
  count_ = 0;
}

size_t JsonIndex::held_bytes() const {
  const size_t parser = state_->parser == nullptr ? 0 : state_->parser->capacity();
  return (state_->capacity + parser) * sizeof(uint32_t);
}

// simdjson asks for its implementation at each call, twice; it is chosen at the first.
bool is_utf8(std::string_view text) {
  static const simdjson::implementation* const kChosen = [] {
    WEIR_CHECK(simdjson::validate_utf8("", 0));
    return simdjson::get_active_implementation().operator->();
  }();
  return kChosen->validate_utf8(text.data(), text.size());
}

std::string_view describe(JsonIndex::Status status) {
  switch (status) {
    case JsonIndex::Status::kOk: return "the text is fine";
    case JsonIndex::Status::kEmpty: return "there is no JSON in it, only white space or nothing";
    case JsonIndex::Status::kTooLarge: return "it is larger than 1 GiB";
    case JsonIndex::Status::kTooDeep: return "objects and arrays are nested too deeply";
    case JsonIndex::Status::kBadUtf8: return "it is not UTF-8; encode the text as UTF-8";
    case JsonIndex::Status::kControlCharacter:
      return "a string holds a raw control character; write it as an escape such as \\n";
    case JsonIndex::Status::kOpenString: return "it ends inside a string; is it cut off?";
    case JsonIndex::Status::kBadEscape:
      return "a backslash starts no JSON escape; write \\\\ for a backslash";
    case JsonIndex::Status::kNoMemory: return "there is no memory to read it";
  }
  return {};
}

}  // namespace weir
