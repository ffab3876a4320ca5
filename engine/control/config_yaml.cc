#include "control/config_yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>

namespace weir {

namespace {

FilePosition position_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {mark.line + 1, mark.column + 1};
}

// Thrown by the handler to stop the parser; carries one problem.
struct Refusal {
  FilePosition at;
  std::string text;
};

// Builds the tree from the parser's events. Values are moved into their parents when complete, so
// that no pointer into a growing vector is kept.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(ConfigProblems* problems) : problems_(problems) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw Refusal{position_of(mark), "a second document is not allowed"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(node_make(mark, ConfigNode::Kind::kNull), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refusal{position_of(mark), "an alias may not stand inside its own anchor"};
    }
    alias_nodes_ += count_of(found->second);
    if (alias_nodes_ > ConfigNode::kMaxAliasNodes) {
      throw Refusal{position_of(mark), "aliases expand to too many values"};
    }
    ConfigNode copy = found->second;
    copy.at = position_of(mark);
    add(std::move(copy), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    tag_check(mark, tag);
    ConfigNode node = node_make(mark, ConfigNode::Kind::kScalar);
    node.quoted = tag == "!";
    node.text = value;
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, ConfigNode::Kind::kList);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, ConfigNode::Kind::kMap);
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] bool complete() const { return has_root_ && open_.empty(); }
  [[nodiscard]] ConfigNode take_root() { return std::move(root_); }

 private:
  struct Open {
    ConfigNode node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    std::string key;
    FilePosition key_at;
    std::map<std::string, FilePosition, std::less<>> keys;
  };

  static void tag_check(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    throw Refusal{position_of(mark), "tags are not allowed"};
  }

  static size_t count_of(const ConfigNode& node) {
    size_t count = 1;
    for (const ConfigNode& item : node.items) count += count_of(item);
    for (const ConfigMember& member : node.members) count += 1 + count_of(member.value);
    return count;
  }

  ConfigNode node_make(const YAML::Mark& mark, ConfigNode::Kind kind) {
    if (++nodes_ > ConfigNode::kMaxNodes) {
      throw Refusal{position_of(mark), "the file holds too many values"};
    }
    ConfigNode node;
    node.kind = kind;
    node.at = position_of(mark);
    return node;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            ConfigNode::Kind kind) {
    tag_check(mark, tag);
    if (open_.size() >= ConfigNode::kMaxDepth) {
      throw Refusal{position_of(mark), "nested deeper than " +
                                           std::to_string(ConfigNode::kMaxDepth) + " levels"};
    }
    if (!open_.empty() && open_.back().node.kind == ConfigNode::Kind::kMap &&
        !open_.back().has_key) {
      throw Refusal{position_of(mark), "a key must be plain text"};
    }
    Open next;
    next.node = node_make(mark, kind);
    next.anchor = anchor;
    open_.push_back(std::move(next));
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.node), done.anchor);
  }

  void add(ConfigNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      has_root_ = true;
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == ConfigNode::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.has_key) {
      member_add(parent, std::move(node));
    } else {
      key_take(parent, std::move(node));
    }
  }

  static void member_add(Open& parent, ConfigNode node) {
    parent.has_key = false;
    // A missing value has no place of its own that a reader would recognise; its key has.
    if (node.kind == ConfigNode::Kind::kNull) node.at = parent.key_at;
    parent.node.members.push_back({std::move(parent.key), parent.key_at, std::move(node)});
  }

  void key_take(Open& parent, ConfigNode node) {
    if (node.kind != ConfigNode::Kind::kScalar) {
      throw Refusal{node.at, "a key must be plain text"};
    }
    const auto [first, is_new] = parent.keys.emplace(node.text, node.at);
    if (!is_new) {
      problems_->error(node.at, "",
                       "duplicate key " + message_quote(node.text) + ", first at line " +
                           std::to_string(first->second.line));
    }
    parent.has_key = true;
    parent.key = std::move(node.text);
    parent.key_at = node.at;
  }

  ConfigProblems* problems_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, ConfigNode> anchors_;
  ConfigNode root_;
  bool has_root_ = false;
  int documents_ = 0;
  size_t nodes_ = 0;
  size_t alias_nodes_ = 0;
};

// yaml-cpp's message may quote the file; it is made one printable line.
std::string text_clean(const std::string& text) {
  std::string quoted = message_quote(text);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

std::optional<ConfigNode> yaml_parse(std::string_view text, ConfigProblems* problems) {
  if (text.find('\0') != std::string_view::npos) {
    problems->error({}, "", "the file holds a zero byte");
    return std::nullopt;
  }
  TreeBuilder builder(problems);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refusal& refusal) {
    problems->error(refusal.at, "", refusal.text);
    return std::nullopt;
  } catch (const YAML::Exception& problem) {
    problems->error(position_of(problem.mark), "", "not YAML: " + text_clean(problem.msg));
    return std::nullopt;
  } catch (const std::exception& problem) {
    problems->error({}, "", "not YAML: " + text_clean(problem.what()));
    return std::nullopt;
  }
  if (!builder.complete()) {
    problems->error({1, 1}, "", "the file is empty");
    return std::nullopt;
  }
  if (problems->has_errors()) return std::nullopt;
  return builder.take_root();
}

}  // namespace weir
