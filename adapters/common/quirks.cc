#include "adapters/common/quirks.h"

#include <algorithm>

#include "adapters/common/param_policy.h"
#include "adapters/common/quote_scan.h"
#include "route/target.h"

namespace weir {

namespace {

struct FlagOption {
  std::string_view name;
  bool Quirks::* flag;
};

constexpr FlagOption kFlags[] = {
    {"supports_stream_options", &Quirks::stream_options},
    {"supports_developer_role", &Quirks::developer_role},
    {"content_must_be_string", &Quirks::content_string},
    {"supports_tools", &Quirks::tools},
    {"supports_tool_choice", &Quirks::tool_choice},
    {"supports_parallel_tool_calls", &Quirks::parallel_tool_calls},
    {"strip_null_fields", &Quirks::strip_nulls},
    {"supports_images", &Quirks::images},
};

// False when the option or its value is unknown.
bool option_apply(std::string_view name, std::string_view value, Quirks* quirks) {
  for (const FlagOption& option : kFlags) {
    if (option.name != name) continue;
    quirks->*option.flag = value == "true";
    return value == "true" || value == "false";
  }
  if (name == "max_tokens_field") {
    using enum Quirks::CapField;
    if (value == "max_tokens") quirks->cap_field = kMaxTokens;
    if (value == "max_completion_tokens") quirks->cap_field = kMaxCompletionTokens;
    if (value == "as_sent") quirks->cap_field = kAsSent;
    return value == "max_tokens" || value == "max_completion_tokens" || value == "as_sent";
  }
  if (name == "reasoning_field") {
    quirks->rename_reasoning = value != "reasoning_content";
    return value == "auto" || value == "reasoning" || value == "reasoning_content";
  }
  return false;
}

// Keys of a message that mean nothing when they are null, though clients stumble over some of them.
constexpr std::string_view kNullableKeys[] = {"\"annotations\"", "\"audio\"", "\"function_call\"",
                                              "\"reasoning\"", "\"reasoning_content\""};

constexpr std::string_view kKnownReasons[] = {
    "null", "\"stop\"", "\"length\"", "\"tool_calls\"", "\"content_filter\"", "\"function_call\""};

class QuirkSearch {
 public:
  QuirkSearch(std::string_view json, const Quirks& quirks, bool stream, bool open_calls)
      : json_(json), quirks_(quirks), stream_(stream), open_calls_(open_calls) {}

  bool run() {
    for_each_quote(json_, [this](size_t at) { quote(at); });
    const bool mute = !stream_ && message_ && !content_;
    return found_ || mute || !id_ || !object_ || !created_ || (choices_ && !index_);
  }

 private:
  void quote(size_t at) {
    if (at + 1 >= json_.size()) return;
    switch (json_[at + 1]) {
      case 'a':
      case 'r':
        found_ |= nullable(at) || reasoning(at);
        return;
      case 'c':
        if (is(at, "\"choices\"")) choices_ |= !is_empty(at + 9);
        if (is(at, "\"created\"")) created_ = json_is_number(at + 9);
        content_ |= is(at, "\"content\"");
        return;
      case 'e':
        found_ |= is(at, "\"error\"") && !value_is(at + 7, "null");
        return;
      case 'f':
        found_ |= nullable(at) || reason(at);
        return;
      case 'i':
        if (is(at, "\"index\"")) index_ = true;
        if (is(at, "\"id\"")) id_ |= value_behind(json_, at + 4) != 0 && !missing(at + 4);
        return;
      case 'm':
        message_ |= is(at, "\"message\"");
        return;
      case 'o':
        object_ |= is(at, "\"object\"");
        return;
      case 't':
        found_ |= is(at, "\"tool_calls\"") && value_behind(json_, at + 12) != 0;
        return;
      case 'u':
        found_ |= stream_ && is(at, "\"usage\"") && !value_is(at + 7, "null");
        return;
      default:
        return;
    }
  }

  [[nodiscard]] bool is(size_t at, std::string_view token) const {
    return text_at(json_, at, token);
  }
  [[nodiscard]] bool value_is(size_t key_end, std::string_view token) const {
    const size_t value = value_behind(json_, key_end);
    return value != 0 && is(value, token);
  }
  [[nodiscard]] bool missing(size_t key_end) const {
    return value_is(key_end, "null") || value_is(key_end, "\"\"");
  }
  [[nodiscard]] bool is_empty(size_t key_end) const {
    const size_t value = value_behind(json_, key_end);
    return value == 0 || is(value, "[]");
  }
  [[nodiscard]] bool json_is_number(size_t key_end) const {
    const size_t value = value_behind(json_, key_end);
    return value != 0 && json_[value] >= '0' && json_[value] <= '9';
  }
  [[nodiscard]] bool nullable(size_t at) const {
    if (!quirks_.strip_nulls) return false;
    return std::any_of(std::begin(kNullableKeys), std::end(kNullableKeys),
                       [&](auto key) { return is(at, key) && value_is(at + key.size(), "null"); });
  }
  [[nodiscard]] bool reasoning(size_t at) const {
    return quirks_.rename_reasoning && is(at, "\"reasoning\"") && value_behind(json_, at + 11) != 0;
  }
  [[nodiscard]] bool reason(size_t at) const {
    if (!is(at, "\"finish_reason\"")) return false;
    const size_t value = value_behind(json_, at + 15);
    if (value == 0) return false;
    if (open_calls_ && json_[value] == '"') return true;
    // Where a filter has struck, the message may be missing.
    if (is(value, "\"content_filter\"")) return true;
    return std::none_of(std::begin(kKnownReasons), std::end(kKnownReasons),
                        [&](auto token) { return is(value, token); });
  }

  std::string_view json_;
  const Quirks& quirks_;
  bool stream_;
  bool open_calls_;
  bool found_ = false;
  bool id_ = false;
  bool object_ = false;
  bool created_ = false;
  bool index_ = false;
  bool choices_ = false;
  bool message_ = false;
  bool content_ = false;
};

}  // namespace

Quirks quirks_read(const Provider& provider, const Quirks& base) {
  Quirks quirks = base;
  for (const auto& [name, value] : provider.options) {
    static_cast<void>(option_apply(name, value, &quirks));
  }
  return quirks;
}

Result<void> quirks_check(const Provider& provider, std::span<const std::string_view> also) {
  Quirks quirks;
  for (const auto& [name, value] : provider.options) {
    if (option_apply(name, value, &quirks) || params_option_known(name)) continue;
    if (std::find(also.begin(), also.end(), name) != also.end()) continue;
    return std::unexpected(
        Error{Errc::kConfig,
              "unknown option or value; see the options of the provider's type in docs/adapters.md",
              "options"});
  }
  return {};
}

bool reply_may_have_quirk(std::string_view json, const Quirks& quirks, bool stream,
                          bool open_calls) {
  return QuirkSearch(json, quirks, stream, open_calls).run();
}

}  // namespace weir
