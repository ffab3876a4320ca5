#include "control/config_reader.h"

#include <algorithm>
#include <charconv>

#include "control/config_units.h"

namespace weir {

namespace {

constexpr int64_t kNanosPerMs = 1'000'000;

bool parse_count(std::string_view text, uint64_t* out) {
  const char* end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, *out);
  return error == std::errc{} && next == end;
}

std::string range_text(const std::string& lowest, const std::string& highest) {
  return "needs to be from " + lowest + " to " + highest;
}

// Bytes of the UTF-8 sequence at the front, or 0 when it is malformed or a control character.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2
                        : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (length == 2 && first == 0xc2 && byte(1) < 0xa0) return 0;  // C1 controls
  if (first == 0xe0 && byte(1) < 0xa0) return 0;                 // overlong
  if (first == 0xed && byte(1) >= 0xa0) return 0;                // surrogates
  if (first == 0xe2 && byte(1) == 0x80 && (byte(2) == 0xa8 || byte(2) == 0xa9)) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) >= 0x90) return 0;
  return length;
}

}  // namespace

const char* name_problem(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > 128) return "is longer than 128 bytes";
  if (name.front() == ' ' || name.back() == ' ') return "begins or ends with a space";
  for (size_t i = 0; i < name.size();) {
    const auto byte = static_cast<unsigned char>(name[i]);
    const size_t length = utf8_length(name.substr(i));
    if (byte < 0x20 || byte == 0x7f || length == 0) return "holds a byte that is not printable";
    i += length;
  }
  return nullptr;
}

ConfigReader::ConfigReader(ConfigContext& context, const ConfigNode& node, std::string path)
    : context_(context), at_(node.at), path_(std::move(path)) {
  if (node.kind == ConfigNode::Kind::kMap) {
    node_ = &node;
  } else if (node.kind != ConfigNode::Kind::kNull) {
    context_.problems->error(node.at, path_, "needs to be a map of fields");
  }
}

const std::vector<ConfigMember>& ConfigReader::members() const {
  static const std::vector<ConfigMember> kNone;
  return node_ != nullptr ? node_->members : kNone;
}

const ConfigNode* ConfigReader::take(std::string_view field) {
  if (std::find(known_.begin(), known_.end(), field) == known_.end()) known_.push_back(field);
  for (const ConfigMember& member : members()) {
    if (member.key == field) return &member.value;
  }
  return nullptr;
}

const ConfigNode* ConfigReader::need(std::string_view field) {
  const ConfigNode* node = take(field);
  if (node == nullptr) {
    error_here("the field \"" + std::string(field) + "\" is missing", std::string(field));
  }
  return node;
}

void ConfigReader::finish() {
  for (const ConfigMember& member : members()) {
    if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
    std::string text = "unknown field " + message_quote(member.key);
    const std::string hint = did_you_mean(member.key, known_);
    if (hint.empty()) {
      text += "; known here:";
      for (size_t i = 0; i < known_.size(); ++i) {
        text += (i == 0 ? " " : ", ") + std::string(known_[i]);
      }
    }
    context_.problems->error(member.key_at, path_, text + hint, member.key);
  }
}

std::string ConfigReader::path_of(std::string_view field) const {
  if (path_.empty()) return std::string(field);
  return path_ + "." + std::string(field);
}

void ConfigReader::error(const ConfigNode& node, std::string_view field, std::string text) {
  context_.problems->error(node.at, path_of(field), std::move(text));
}

void ConfigReader::error_here(std::string text, std::string field) {
  context_.problems->error(at(), path_, std::move(text), std::move(field));
}

void ConfigReader::warn(const ConfigNode& node, std::string_view field, std::string text) {
  context_.problems->warn(node.at, path_of(field), std::move(text));
}

bool ConfigReader::expect_scalar(const ConfigNode& node, std::string_view field,
                                 const char* what) {
  if (node.kind == ConfigNode::Kind::kScalar) return true;
  const bool missing = node.kind == ConfigNode::Kind::kNull;
  error(node, field, missing ? "has no value" : "needs to be " + std::string(what));
  return false;
}

bool ConfigReader::expect_list(const ConfigNode& node, std::string_view field) {
  if (node.kind == ConfigNode::Kind::kList) return true;
  // `models:` with nothing behind it is an empty list.
  if (node.kind != ConfigNode::Kind::kNull) error(node, field, "needs to be a list");
  return false;
}

void ConfigReader::get_text(std::string_view field, std::string* out) {
  const ConfigNode* node = take(field);
  if (node != nullptr && expect_scalar(*node, field, "text")) *out = node->text;
}

void ConfigReader::get_name(std::string_view field, std::string* out) {
  const ConfigNode* node = take(field);
  if (node == nullptr || !expect_scalar(*node, field, "a name")) return;
  if (const char* problem = name_problem(node->text)) {
    error(*node, field, "the name " + std::string(problem));
    return;
  }
  *out = node->text;
}

void ConfigReader::get_flag(std::string_view field, bool* out) {
  const ConfigNode* node = take(field);
  if (node == nullptr || !expect_scalar(*node, field, "true or false")) return;
  if (node->quoted || (node->text != "true" && node->text != "false")) {
    error(*node, field, "needs to be true or false");
    return;
  }
  *out = node->text == "true";
}

void ConfigReader::get_count(std::string_view field, uint64_t lowest, uint64_t highest,
                             uint64_t* out) {
  const ConfigNode* node = take(field);
  if (node == nullptr || !expect_scalar(*node, field, "a whole number")) return;
  uint64_t value = 0;
  if (node->quoted || !parse_count(node->text, &value)) {
    error(*node, field, "needs to be a whole number");
  } else if (value < lowest || value > highest) {
    error(*node, field, range_text(std::to_string(lowest), std::to_string(highest)));
  } else {
    *out = value;
  }
}

void ConfigReader::get_count(std::string_view field, uint64_t lowest, uint64_t highest,
                             uint32_t* out) {
  uint64_t value = *out;
  get_count(field, lowest, std::min<uint64_t>(highest, UINT32_MAX), &value);
  *out = static_cast<uint32_t>(value);
}

void ConfigReader::get_weight(std::string_view field, uint32_t lowest, uint32_t highest,
                              std::optional<uint32_t>* out) {
  constexpr uint64_t kAbsent = UINT64_MAX;
  uint64_t value = kAbsent;
  get_count(field, lowest, highest, &value);
  if (value != kAbsent) *out = static_cast<uint32_t>(value);
}

void ConfigReader::get_size(std::string_view field, uint64_t lowest, uint64_t highest,
                            uint64_t* out) {
  const ConfigNode* node = take(field);
  if (node == nullptr || !expect_scalar(*node, field, "a size")) return;
  const auto value = size_parse(node->text);
  if (!value) {
    error(*node, field, "needs to be a size such as 65536, 64KiB or 32MiB");
  } else if (*value < lowest || *value > highest) {
    error(*node, field, range_text(size_format(lowest), size_format(highest)));
  } else {
    *out = *value;
  }
}

void ConfigReader::get_duration(std::string_view field, uint32_t lowest_ms, uint32_t* out) {
  const ConfigNode* node = take(field);
  if (node == nullptr || !expect_scalar(*node, field, "a duration")) return;
  const auto ns = duration_parse_ns(node->text);
  if (!ns) {
    error(*node, field, "needs to be a duration such as 250ms, 10s or 1h30m");
    return;
  }
  const int64_t ms = (*ns + kNanosPerMs - 1) / kNanosPerMs;
  constexpr int64_t kHighest = 30ll * 86'400'000 / 2;  // 15 days fit a 32-bit count twice over
  if (ms < lowest_ms || ms > kHighest) {
    error(*node, field, range_text(duration_format_ms(lowest_ms), "360h"));
    return;
  }
  *out = static_cast<uint32_t>(ms);
}

void ConfigReader::get_duration_or_seconds(std::string_view field, uint32_t* out) {
  const ConfigNode* node = take(field);
  if (node == nullptr || !expect_scalar(*node, field, "a duration")) return;
  uint64_t seconds = 0;
  if (node->quoted || !parse_count(node->text, &seconds)) {
    get_duration(field, 0, out);
    return;
  }
  if (seconds > 15 * 86'400) {
    error(*node, field, range_text("0s", "360h"));
    return;
  }
  *out = static_cast<uint32_t>(seconds * 1000);
}

void ConfigReader::secret_read(const ConfigNode& node, std::string_view field, Secret* out,
                               bool later) {
  if (!expect_scalar(node, field, "text, env:NAME or file:PATH")) return;
  if (node.text.empty()) {
    error(node, field, "is empty");
    return;
  }
  if (!context_.resolve_secrets) return;
  auto resolved = secret_resolve(node.text, context_.folder);
  if (!resolved) {
    error(node, field, resolved.error());
    return;
  }
  if (!later && resolved->value.empty()) {
    error(node, field, "is needed at once and cannot come from a vault; use env:NAME or file:PATH");
    return;
  }
  for (const char c : resolved->value.reveal()) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      error(node, field, "the value holds a control byte");
      return;
    }
  }
  if (resolved->in_clear) {
    warn(node, field, "a secret in clear; env:NAME or file:PATH keep it out of this file");
  }
  *out = std::move(resolved->value);
}

void ConfigReader::get_secret(std::string_view field, Secret* out, bool later) {
  if (const ConfigNode* node = take(field)) secret_read(*node, field, out, later);
}

void ConfigReader::get_names(std::string_view field, std::vector<std::string>* out) {
  const ConfigNode* list = take(field);
  if (list == nullptr || !expect_list(*list, field)) return;
  for (size_t i = 0; i < list->items.size(); ++i) {
    const ConfigNode& item = list->items[i];
    const std::string place = std::string(field) + "[" + std::to_string(i) + "]";
    if (!expect_scalar(item, place, "a name")) continue;
    if (const char* problem = name_problem(item.text)) {
      error(item, place, "the name " + std::string(problem));
    } else {
      out->push_back(item.text);
    }
  }
}

int ConfigReader::get_choice(std::string_view field,
                             std::initializer_list<std::string_view> names) {
  const ConfigNode* node = take(field);
  if (node == nullptr || !expect_scalar(*node, field, "text")) return -1;
  std::string all;
  int index = 0;
  for (const std::string_view name : names) {
    if (node->text == name) return index;
    all += (index++ == 0 ? "" : ", ") + std::string(name);
  }
  error(*node, field, message_quote(node->text) + " is none of " + all +
                          did_you_mean(node->text, names));
  return -1;
}

}  // namespace weir
