#include "jwt/json_record.h"

#include <algorithm>

#include "json/index.h"
#include "json/text.h"
#include "json/walk.h"

namespace weir {

namespace {

constexpr size_t kPadding = 64;  // readable bytes that the index wants behind the text

std::optional<std::string> unquoted(std::string_view token) {
  if (token.size() < 2 || token.front() != '"') return std::nullopt;
  const std::string_view inner = token.substr(1, token.size() - 2);
  std::string out(inner.size(), '\0');
  const Unescaped made = unescape_json(inner, LoneSurrogate::kRefuse, out.data());
  if (!made.ok) return std::nullopt;
  out.resize(made.size);
  return out;
}

// Calls use(cursor) on the one value that `text` (with padding behind it) holds.
template <typename Use>
bool walk(std::string_view text, Use use) {
  JsonIndex index;
  JsonIndex::Options options;
  options.max_depth = JsonRecord::kMaxDepth;
  if (index.build(text, options) != JsonIndex::Status::kOk) return false;
  JsonCursor cursor(text, index, JsonRecord::kMaxDepth, true);
  return use(cursor) && cursor.at_end();
}

}  // namespace

std::optional<JsonRecord> JsonRecord::parse(std::string_view text) {
  JsonRecord out;
  out.text_.reserve(text.size() + kPadding);
  out.text_ = text;
  const bool ok = walk(out.text_, [&out](JsonCursor& cursor) {
    return cursor.each_member([&](ByteRange key) {
      auto name = unquoted(cursor.view(key));
      ByteRange value;
      if (!name || !cursor.take_value(&value)) return false;
      if (out.entries_.size() == kMaxMembers || out.find(*name) != nullptr) return false;
      out.entries_.push_back({std::move(*name), value});
      return true;
    });
  });
  if (!ok) return std::nullopt;
  return out;
}

const JsonRecord::Entry* JsonRecord::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [name](const Entry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

std::string_view JsonRecord::raw(std::string_view name) const {
  const Entry* entry = find(name);
  if (entry == nullptr) return {};
  return std::string_view(text_).substr(entry->value.begin, entry->value.size());
}

std::optional<std::string> JsonRecord::text(std::string_view name) const {
  return unquoted(raw(name));
}

std::optional<int64_t> JsonRecord::number(std::string_view name) const {
  constexpr int64_t kMost = int64_t{1} << 53;
  const std::string_view digits = raw(name);
  if (digits.empty() || !is_digit(digits.front())) return std::nullopt;
  // Times are written without an exponent; one that is not is nothing to guess at.
  if (digits.find_first_of("eE") != std::string_view::npos) return std::nullopt;
  int64_t value = 0;
  for (const char c : digits) {
    if (!is_digit(c)) break;
    value = value * 10 + (c - '0');
    if (value > kMost) return std::nullopt;
  }
  return value;
}

std::optional<std::vector<std::string>> JsonRecord::texts(std::string_view name,
                                                          size_t most) const {
  std::vector<std::string> out;
  if (auto one = text(name)) {
    out.push_back(std::move(*one));
    return out;
  }
  const auto list = json_list(raw(name), most);
  if (!list) return std::nullopt;
  for (const std::string& element : *list) {
    auto plain = unquoted(element);
    if (!plain) return std::nullopt;
    out.push_back(std::move(*plain));
  }
  return out;
}

std::optional<std::vector<std::string>> json_list(std::string_view text, size_t most) {
  std::string padded;
  padded.reserve(text.size() + kPadding);
  padded = text;
  std::vector<std::string> out;
  const bool ok = walk(padded, [&](JsonCursor& cursor) {
    return cursor.each_element([&] {
      ByteRange value;
      if (out.size() == most || !cursor.take_value(&value)) return false;
      out.emplace_back(cursor.view(value));
      return true;
    });
  });
  if (!ok) return std::nullopt;
  return out;
}

}  // namespace weir
