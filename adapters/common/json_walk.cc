#include "adapters/common/json_walk.h"

#include <charconv>
#include <cstring>

namespace weir {

namespace {

constexpr bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// `at` is behind the opening quote. Jumps from quote to quote, since most strings hold few escapes.
size_t skip_string(std::string_view text, size_t at) {
  const size_t start = at;
  while (at < text.size()) {
    const void* found = std::memchr(text.data() + at, '"', text.size() - at);
    if (found == nullptr) return std::string_view::npos;
    const size_t quote = static_cast<size_t>(static_cast<const char*>(found) - text.data());
    size_t backslashes = 0;
    while (quote - backslashes > start && text[quote - backslashes - 1] == '\\') ++backslashes;
    at = quote + 1;
    if (backslashes % 2 == 0) return at;
  }
  return std::string_view::npos;
}

size_t skip_container(std::string_view text, size_t at) {
  size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at++];
    if (c == '"') {
      at = skip_string(text, at);
      if (at == std::string_view::npos) return at;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth == 0) return at;
    }
  }
  return std::string_view::npos;
}

}  // namespace

size_t json_skip_space(std::string_view text, size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

std::string_view json_trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

size_t json_skip_value(std::string_view text, size_t at) {
  if (at >= text.size()) return std::string_view::npos;
  const char c = text[at];
  if (c == '"') return skip_string(text, at + 1);
  if (c == '{' || c == '[') return skip_container(text, at);
  const size_t start = at;
  while (at < text.size() && !is_space(text[at]) && text[at] != ',' && text[at] != '}' &&
         text[at] != ']' && text[at] != ':' && text[at] != '"') {
    ++at;
  }
  return at == start ? std::string_view::npos : at;
}

JsonMembers::JsonMembers(std::string_view object) : text_(json_trim(object)), at_(1) {
  done_ = !json_is_object(text_);
}

bool JsonMembers::stop(bool broken) {
  failed_ = broken;
  done_ = true;
  return false;
}

bool JsonMembers::next() {
  if (done_) return false;
  at_ = json_skip_space(text_, at_);
  if (at_ >= text_.size()) return stop(true);
  if (text_[at_] == '}') return stop(false);
  if (!first_) {
    if (text_[at_] != ',') return stop(true);
    at_ = json_skip_space(text_, at_ + 1);
  }
  first_ = false;
  if (at_ >= text_.size() || text_[at_] != '"') return stop(true);
  const size_t key_end = skip_string(text_, at_ + 1);
  if (key_end == std::string_view::npos) return stop(true);
  key_ = text_.substr(at_ + 1, key_end - at_ - 2);
  at_ = json_skip_space(text_, key_end);
  if (at_ >= text_.size() || text_[at_] != ':') return stop(true);
  const size_t begin = json_skip_space(text_, at_ + 1);
  const size_t end = json_skip_value(text_, begin);
  if (end == std::string_view::npos) return stop(true);
  value_ = text_.substr(begin, end - begin);
  at_ = end;
  return true;
}

JsonElements::JsonElements(std::string_view array) : text_(json_trim(array)), at_(1) {
  done_ = !json_is_array(text_);
}

bool JsonElements::stop(bool broken) {
  failed_ = broken;
  done_ = true;
  return false;
}

bool JsonElements::next() {
  if (done_) return false;
  at_ = json_skip_space(text_, at_);
  if (at_ >= text_.size()) return stop(true);
  if (text_[at_] == ']') return stop(false);
  if (!first_) {
    if (text_[at_] != ',') return stop(true);
    at_ = json_skip_space(text_, at_ + 1);
  }
  first_ = false;
  const size_t end = json_skip_value(text_, at_);
  if (end == std::string_view::npos) return stop(true);
  value_ = text_.substr(at_, end - at_);
  at_ = end;
  return true;
}

std::string_view json_member(std::string_view object, std::string_view key) {
  JsonMembers members(object);
  while (members.next()) {
    if (members.key() == key) return members.value();
  }
  return {};
}

bool json_is_empty_array(std::string_view v) {
  return json_is_array(v) && json_skip_space(v, 1) == v.size() - 1;
}

int64_t json_integer(std::string_view v, int64_t otherwise) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), number);
  return error == std::errc() && end == v.data() + v.size() ? number : otherwise;
}

bool usage_read(std::string_view object, Usage* usage) {
  Usage found;
  int64_t cached_beside = -1;
  JsonMembers members(object);
  while (members.next()) {
    const std::string_view key = members.key();
    const std::string_view value = members.value();
    if (key == "prompt_tokens") found.prompt_tokens = json_integer(value, -1);
    if (key == "completion_tokens") found.completion_tokens = json_integer(value, -1);
    if (key == "total_tokens") found.total_tokens = json_integer(value, -1);
    if (key == "prompt_tokens_details") {
      found.cached_tokens = json_integer(json_member(value, "cached_tokens"), -1);
    }
    // Two other places where compatible providers put the same count.
    if (key == "cached_tokens" || key == "prompt_cache_hit_tokens") {
      cached_beside = json_integer(value, -1);
    }
    if (key == "completion_tokens_details") {
      found.reasoning_tokens = json_integer(json_member(value, "reasoning_tokens"), -1);
    }
  }
  if (found.cached_tokens < 0) found.cached_tokens = cached_beside;
  if (found.prompt_tokens < 0 && found.completion_tokens < 0 && found.total_tokens < 0)
    return false;
  found.source = UsageSource::kProvider;
  *usage = found;
  return true;
}

}  // namespace weir
