#include "json_tree.h"

#include "json/index.h"
#include "json/text.h"
#include "json/walk.h"

namespace weir::cli {

namespace {

constexpr uint32_t kMaxDepth = 64;
constexpr size_t kPadding = 64;

std::string plain(std::string_view token) {
  const std::string_view raw = token.substr(1, token.size() - 2);
  std::string out(raw.size(), '\0');
  out.resize(unescape_json(raw, LoneSurrogate::kReplace, out.data()).size);
  return out;
}

bool read(JsonCursor& cursor, JsonTree* out) {
  if (cursor.peek() == '{') {
    out->kind = JsonTree::Kind::kMap;
    return cursor.each_member([&](ByteRange key) {
      out->members.push_back({plain(cursor.view(key)), {}});
      JsonTree& value = out->members.back().value;
      return read(cursor, &value);
    });
  }
  if (cursor.peek() == '[') {
    out->kind = JsonTree::Kind::kList;
    return cursor.each_element([&] { return read(cursor, &out->items.emplace_back()); });
  }
  ByteRange range;
  if (!cursor.take_value(&range)) return false;
  const std::string_view token = cursor.view(range);
  const bool is_text = token.starts_with('"');
  out->kind = is_text ? JsonTree::Kind::kText : JsonTree::Kind::kScalar;
  out->text = is_text ? plain(token) : std::string(token);
  return true;
}

}  // namespace

const JsonTree* JsonTree::member(std::string_view name) const {
  for (const auto& [known, value] : members) {
    if (known == name) return &value;
  }
  return nullptr;
}

std::string JsonTree::text_of(std::string_view name) const {
  const JsonTree* value = member(name);
  return value == nullptr ? std::string() : value->shown();
}

std::string JsonTree::shown() const {
  if (kind == Kind::kText) return text;
  if (kind == Kind::kScalar) return text == "null" ? "" : text;
  std::string out;
  for (const JsonTree& item : items) {
    const bool nested = item.kind == Kind::kMap;
    out += (out.empty() ? "" : ", ") + (nested ? "{" + item.shown() + "}" : item.shown());
  }
  for (const auto& [name, value] : members) {
    const bool nested = value.kind == Kind::kMap;
    out += (out.empty() ? "" : " ") + name + "=" +
           (nested ? "{" + value.shown() + "}" : value.shown());
  }
  return out;
}

std::optional<JsonTree> json_parse(std::string_view text) {
  std::string padded(text);
  padded.append(kPadding, ' ');
  const std::string_view whole(padded.data(), text.size());
  JsonIndex index;
  if (index.build(whole, {.escapes = true, .max_depth = kMaxDepth}) != JsonIndex::Status::kOk) {
    return {};
  }
  JsonCursor cursor(whole, index, kMaxDepth, true);
  JsonTree out;
  if (!read(cursor, &out) || !cursor.at_end()) return {};
  return out;
}

}  // namespace weir::cli
