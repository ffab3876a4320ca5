#include "json/walk.h"

#include <cstring>

namespace weir {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

const char* skip_digits(const char* at, const char* end) {
  while (at != end && is_digit(*at)) ++at;
  return at;
}

// Returns one past the number that starts at `at`, or null when its grammar is broken.
const char* number_end(const char* at, const char* end) {
  if (*at == '-') ++at;
  if (at == end || !is_digit(*at)) return nullptr;
  at = *at == '0' ? at + 1 : skip_digits(at, end);
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

// The token may be shorter than the literal; the bytes behind the text are readable.
const char* literal_end(const char* at, const char* end, std::string_view literal) {
  if (static_cast<size_t>(end - at) < literal.size()) return nullptr;
  return std::memcmp(at, literal.data(), literal.size()) == 0 ? at + literal.size() : nullptr;
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

// A scalar runs up to the next token or white space. The index has no entry for a letter that
// touches a number or literal, so what follows must be looked at.
bool JsonCursor::scalar_valid(uint32_t position) const {
  if (position >= count_) return false;
  const char* at = text_ + index_[position];
  const char* end = text_ + index_[position + 1];
  const char* done = nullptr;
  switch (*at) {
    case 't': done = literal_end(at, end, "true"); break;
    case 'f': done = literal_end(at, end, "false"); break;
    case 'n': done = literal_end(at, end, "null"); break;
    default:
      if (*at != '-' && !is_digit(*at)) return false;
      done = number_end(at, end);
  }
  return done != nullptr && (done == end || is_json_space(*done));
}

// One turn of the outer loop per value. Nothing asks for the end of the index before each token:
// values and separators are asked, and between two such questions at most two tokens are read, for
// which the index has entries. A walk that ran over the end is refused at the next question.
bool JsonCursor::skip_container() {
  char closers[kMaxDepth];
  uint32_t depth = 0;
  const uint32_t limit = max_depth_ - depth_;
  uint32_t at = position_;
  char closer = 0;
  const auto key_here = [&] {
    return text_[index_[at]] == '"' && text_[index_[at + 1]] == ':';
  };
  for (;;) {
    if (at >= count_) return fail(WalkFault::kValue, at);
    const char c = text_[index_[at]];
    if (c == '"') {
      ++at;
    } else if (c == '{' || c == '[') {
      if (depth == limit) return fail(WalkFault::kDepth, at);
      closers[depth++] = closer;
      closer = static_cast<char>(c + 2);
      ++at;
      if (text_[index_[at]] != closer) {
        if (c == '[') continue;
        if (!key_here()) return fail(WalkFault::kKey, at);
        at += 2;
        continue;
      }
      ++at;
      closer = closers[--depth];
    } else {
      if (!scalar_valid(at)) return fail(WalkFault::kValue, at);
      ++at;
    }
    while (depth != 0) {
      if (at >= count_) return fail(WalkFault::kSeparator, at);
      const char separator = text_[index_[at++]];
      if (separator == ',') break;
      if (separator != closer) return fail(WalkFault::kSeparator, at - 1);
      closer = closers[--depth];
    }
    if (depth == 0) break;
    if (closer == '}') {
      if (!key_here()) return fail(WalkFault::kKey, at);
      at += 2;
    }
  }
  if (at > count_) return fail(WalkFault::kSeparator, count_);
  position_ = at;
  return true;
}

// Only counts brackets: for bodies whose inside is the provider's to judge.
bool JsonCursor::skip_pairs() {
  const uint32_t limit = max_depth_ - depth_;
  uint32_t depth = 0;
  for (uint32_t at = position_; at < count_; ++at) {
    const char c = text_[index_[at]];
    if (c == '{' || c == '[') {
      if (depth++ == limit) return fail(WalkFault::kDepth, at);
    } else if (c == '}' || c == ']') {
      if (--depth != 0) continue;
      position_ = at + 1;
      return true;
    }
  }
  return fail(WalkFault::kSeparator, count_);
}

bool JsonCursor::fail(WalkFault fault, uint32_t position) {
  fault_ = fault;
  fault_offset_ = index_[position < count_ ? position : count_];
  // Whatever is asked after a fault finds nothing more.
  position_ = count_;
  return false;
}

}  // namespace weir
