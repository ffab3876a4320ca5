#include "control/config_json.h"

#include <algorithm>
#include <set>

#include "json/fault_text.h"
#include "json/index.h"
#include "json/json_write.h"
#include "json/text.h"
#include "json/walk.h"

namespace weir {

namespace {

constexpr size_t kPadding = 64;  // that the index reads behind the text
constexpr std::string_view kSubject = "The request body";

class TreeReader {
 public:
  TreeReader(JsonCursor* cursor, ConfigProblems* problems)
      : cursor_(*cursor), problems_(*problems) {}

  // False: stopped, or the cursor stands at a fault.
  bool value(const std::string& path, ConfigNode* out) {
    if (++nodes_ > kMaxJsonNodes) return stop("", "holds too many values");
    switch (cursor_.peek()) {
      case '{': return map(path, out);
      case '[': return list(path, out);
      default: return scalar(out);
    }
  }

 private:
  bool stop(const std::string& path, std::string text) {
    problems_.error({}, path, std::move(text));
    return false;
  }

  bool map(const std::string& path, ConfigNode* out) {
    out->kind = ConfigNode::Kind::kMap;
    std::set<std::string, std::less<>> seen;
    return cursor_.each_member([&](ByteRange range) {
      ConfigMember member;
      if (!plain(cursor_.view(range), &member.key)) return cursor_.refuse_key(range);
      const std::string place = path.empty() ? member.key : path + "." + member.key;
      if (!seen.insert(member.key).second) return stop(place, "stands here twice");
      if (!value(place, &member.value)) return false;
      if (member.value.kind != ConfigNode::Kind::kNull) out->members.push_back(std::move(member));
      return true;
    });
  }

  bool list(const std::string& path, ConfigNode* out) {
    out->kind = ConfigNode::Kind::kList;
    return cursor_.each_element([&] {
      ConfigNode& item = out->items.emplace_back();
      return value(path + "[" + std::to_string(out->items.size() - 1) + "]", &item);
    });
  }

  bool scalar(ConfigNode* out) {
    ByteRange range;
    if (!cursor_.take_value(&range)) return false;
    const std::string_view token = cursor_.view(range);
    if (token == "null") return true;
    out->kind = ConfigNode::Kind::kScalar;
    out->quoted = token.front() == '"';
    if (out->quoted) return plain(token, &out->text);
    out->text = token;
    return true;
  }

  static bool plain(std::string_view token, std::string* out) {
    const std::string_view raw = token.substr(1, token.size() - 2);
    out->resize(raw.size());
    const Unescaped done = unescape_json(raw, LoneSurrogate::kReplace, out->data());
    out->resize(done.ok ? done.size : 0);
    return done.ok;
  }

  JsonCursor& cursor_;
  ConfigProblems& problems_;
  size_t nodes_ = 0;
};

}  // namespace

std::optional<ConfigNode> json_parse(std::string_view text, ConfigProblems* problems) {
  FaultText fault;
  const auto refuse = [&](std::string_view why) {
    problems->error({}, "", std::string(why));
    return std::nullopt;
  };
  std::string padded(text);
  padded.append(kPadding, ' ');
  const std::string_view body(padded.data(), text.size());
  JsonIndex index;
  const JsonIndex::Options options{.escapes = true, .max_depth = ConfigNode::kMaxDepth};
  if (const auto status = index.build(body, options); status != JsonIndex::Status::kOk) {
    return refuse(fault.write(kSubject, status, index.error_offset()));
  }
  JsonCursor cursor(body, index, ConfigNode::kMaxDepth, true);
  ConfigNode root;
  TreeReader reader(&cursor, problems);
  const size_t before = problems->list.size();
  if (!reader.value("", &root) || !cursor.at_end()) {
    if (problems->list.size() != before) return std::nullopt;
    return refuse(fault.write(kSubject, cursor));
  }
  return root;
}

void json_append_node(std::string* out, const ConfigNode& node) {
  bool first = true;
  const auto separate = [&] {
    if (!first) *out += ',';
    first = false;
  };
  switch (node.kind) {
    case ConfigNode::Kind::kNull: *out += "null"; return;
    case ConfigNode::Kind::kScalar:
      if (node.quoted) return json_append_string(out, node.text);
      *out += node.text;
      return;
    case ConfigNode::Kind::kList:
      *out += '[';
      for (const ConfigNode& item : node.items) {
        separate();
        json_append_node(out, item);
      }
      *out += ']';
      return;
    case ConfigNode::Kind::kMap:
      *out += '{';
      for (const ConfigMember& member : node.members) {
        separate();
        json_append_string(out, member.key);
        *out += ':';
        json_append_node(out, member.value);
      }
      *out += '}';
  }
}

}  // namespace weir
