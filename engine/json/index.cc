#include "json/index.h"

#include <simdjson.h>

#include "base/check.h"
#include "json/escape_check.h"
#include "json/text.h"

namespace weir {

namespace {

// Capacity starts here, grows in powers of two and shrink() returns to nothing above it.
constexpr size_t kFirstCapacity = 64 * 1024;
constexpr size_t kLargestText = size_t{1} << 30;
// Below this even an index of nothing but brackets is small.
constexpr size_t kDepthCheckBytes = 128 * 1024;

}  // namespace

struct JsonIndex::State {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

JsonIndex::JsonIndex() : state_(std::make_unique<State>()) {}
JsonIndex::~JsonIndex() = default;

JsonIndex::Status JsonIndex::build(std::string_view text, const Options& options) {
  count_ = 0;
  if (text.empty()) return fail(Status::kEmpty, 0);
  if (text.size() > kLargestText) return fail(Status::kTooLarge, 0);
  if (text.size() > kDepthCheckBytes && !depth_plausible(text, options.max_depth)) {
    return fail(Status::kTooDeep, 0);
  }
  if (!reserve(text.size())) return fail(Status::kNoMemory, 0);
  auto& parser = *state_->parser;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  switch (parser.stage1(bytes, text.size(), simdjson::stage1_mode::regular)) {
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
  positions_ = parser.structural_indexes.get();
  count_ = parser.n_structural_indexes;
  WEIR_DCHECK(positions_[count_] == text.size());
  WEIR_DCHECK(positions_[count_ + 1] == text.size());
  return Status::kOk;
}

JsonIndex::Status JsonIndex::fail(Status status, size_t offset) {
  error_offset_ = offset;
  return status;
}

bool JsonIndex::reserve(size_t bytes) {
  if (state_->parser != nullptr && state_->parser->capacity() >= bytes) return true;
  size_t capacity = kFirstCapacity;
  while (capacity < bytes) capacity *= 2;
  if (state_->parser != nullptr) return state_->parser->allocate(capacity, 1) == simdjson::SUCCESS;
  const auto* implementation = simdjson::get_active_implementation().operator->();
  return implementation->create_dom_parser_implementation(capacity, 1, state_->parser) ==
         simdjson::SUCCESS;
}

void JsonIndex::shrink() {
  if (state_->parser != nullptr && state_->parser->capacity() > kFirstCapacity) {
    state_->parser.reset();
    positions_ = nullptr;
    count_ = 0;
  }
}

size_t JsonIndex::held_bytes() const {
  return state_->parser == nullptr ? 0 : state_->parser->capacity() * sizeof(uint32_t);
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
