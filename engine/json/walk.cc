#include "json/walk.h"

#include <cstring>

namespace weir {

namespace {

constexpr size_t kWord = sizeof(uint64_t);

uint64_t each_byte(uint8_t byte) { return 0x0101010101010101U * byte; }

// Digits have 3 for their high half, and still have it when 6 is added.
bool eight_digits(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, kWord);
  const uint64_t halves = (word & each_byte(0xF0)) | (((word + each_byte(6)) >> 4) & each_byte(15));
  return halves == each_byte(0x33);
}

const char* skip_digits(const char* at, const char* end) {
  while (end - at >= static_cast<ptrdiff_t>(kWord) && eight_digits(at)) at += kWord;
  while (at != end && is_digit(*at)) ++at;
  return at;
}

// What may follow the whole part of a number; null when its grammar is broken.
const char* fraction_end(const char* at, const char* end) {
  if (at != end && *at == '.') {
    const char* digits = at + 1;
    at = skip_digits(digits, end);
    if (at == digits) return nullptr;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    const char* digits = at;
    at = skip_digits(digits, end);
    if (at == digits) return nullptr;
  }
  return at;
}

const char* number_end(const char* at, const char* end) {
  if (*at == '-') ++at;
  if (at == end || !is_digit(*at)) return nullptr;
  at = *at == '0' ? at + 1 : skip_digits(at + 1, end);
  return at == end ? at : fraction_end(at, end);
}

// The word that is all of "true" or "null", and all of "false" but its first letter.
uint32_t word_of(const char* at) {
  uint32_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

const char* literal_end(const char* at, const char* end, const char* word) {
  return end - at >= 4 && word_of(at) == word_of(word) ? at + 4 : nullptr;
}

}  // namespace

std::string_view describe(WalkFault fault) {
  switch (fault) {
    case WalkFault::kNone: return "the text is fine";
    case WalkFault::kSeparator: return "a comma or a closing bracket is missing";
    case WalkFault::kKey: return "a member must be \"key\": value";
    case WalkFault::kValue: return "this is no JSON value";
    case WalkFault::kTrailing: return "there is text behind the end of the JSON value";
    case WalkFault::kDepth: return "objects and arrays are nested too deeply";
    case WalkFault::kEscape: return "a backslash starts no JSON escape";
    case WalkFault::kStopped: return "the walk was stopped";
  }
  return {};
}

// The token may be shorter than a literal; the bytes behind the text are readable.
const char* scalar_end(const char* at, const char* end) {
  switch (*at) {
    case 't': return literal_end(at, end, "true");
    case 'n': return literal_end(at, end, "null");
    case 'f': return literal_end(at + 1, end, "alse");
    default: return number_end(at, end);
  }
}

bool JsonCursor::skip_other() {
  const char c = peek();
  if (c == '{' || c == '[') return check_nested_ ? skip_container() : skip_pairs();
  if (c == '\0' || !scalar_valid(here(), next())) return fail(WalkFault::kValue, at_);
  ++at_;
  return true;
}

// One turn of the outer loop per value.
bool JsonCursor::skip_container() {
  char closers[kMaxDepth + 1];
  uint32_t depth = 0;
  const uint32_t limit = max_depth_ - depth_;
  const char* const text = text_;
  const uint32_t* const end = end_;
  const uint32_t* at = at_;
  char closer = 0;
  const auto key_here = [&] { return text[at[0]] == '"' && text[at[1]] == ':'; };
  for (;;) {
    if (at >= end) return fail(WalkFault::kValue, at);
    const char c = text[*at++];
    if (c == '"') {
      // Only a separator can follow.
    } else if (c == '{' || c == '[') {
      if (depth == limit) return fail(WalkFault::kDepth, at - 1);
      closers[depth++] = closer;
      closer = static_cast<char>(c + 2);
      if (text[*at] != closer) {
        if (c == '[') continue;
        if (!key_here()) return fail(WalkFault::kKey, at);
        at += 2;
        continue;
      }
      ++at;
      closer = closers[--depth];
      if (depth == 0) break;
    } else if (!scalar_valid(text + at[-1], text + *at)) {
      return fail(WalkFault::kValue, at - 1);
    }
    for (;;) {
      if (at >= end) return fail(WalkFault::kSeparator, at);
      const char separator = text[*at++];
      if (separator == ',') break;
      if (separator != closer) return fail(WalkFault::kSeparator, at - 1);
      closer = closers[--depth];
      if (depth == 0) return move_to(at);
    }
    if (closer == '}') {
      if (!key_here()) return fail(WalkFault::kKey, at);
      at += 2;
    }
  }
  // An empty container may have found its closing bracket in the padding.
  return at > end ? fail(WalkFault::kSeparator, end) : move_to(at);
}

// Only counts brackets: for bodies whose inside is the provider's to judge.
bool JsonCursor::skip_pairs() {
  const uint32_t limit = max_depth_ - depth_;
  uint32_t depth = 0;
  for (const uint32_t* at = at_; at < end_; ++at) {
    const char c = text_[*at];
    if (c == '{' || c == '[') {
      if (depth++ == limit) return fail(WalkFault::kDepth, at);
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return move_to(at + 1);
    }
  }
  return fail(WalkFault::kSeparator, end_);
}

bool JsonCursor::fail(WalkFault fault, const uint32_t* at) {
  // Only a colon of the padding, taken for a key's, leads that far.
  fault_ = at > end_ ? WalkFault::kKey : fault;
  fault_offset_ = *(at < end_ ? at : end_);
  // Whatever is asked after a fault finds nothing more.
  at_ = end_;
  return false;
}

}  // namespace weir
