#include "adapters/watsonxai/chat_body.h"

#include "adapters/common/arena_text.h"
#include "adapters/common/body_edits.h"
#include "adapters/common/chat_request.h"
#include "adapters/common/param_policy.h"
#include "adapters/watsonxai/messages.h"
#include "json/json_write.h"
#include "route/target.h"

namespace weir::watsonx {

namespace {

using enum ParamAction;

constexpr std::string_view kNoLegacy = "this provider knows tools, not functions";
constexpr std::string_view kTextOnly = "answers are text only";

constexpr ParamRule kRules[] = {
    {"messages", kMapped},
    {"temperature", kPass},
    {"top_p", kPass},
    {"n", kPass},
    {"seed", kPass},
    {"presence_penalty", kPass},
    {"frequency_penalty", kPass},
    {"logprobs", kPass},
    {"top_logprobs", kPass},
    {"logit_bias", kPass},
    {"response_format", kPass},
    {"max_tokens", kMapped},
    {"max_completion_tokens", kMapped},
    {"stop", kMapped},
    {"tools", kMapped},
    {"tool_choice", kMapped},
    {"tool_choice_option", kPass},
    {"reasoning_effort", kMapped},
    {"include_reasoning", kPass},
    {"chat_template_kwargs", kPass},
    {"time_limit", kPass},
    {"guided_choice", kPass},
    {"guided_regex", kPass},
    {"guided_grammar", kPass},
    {"guided_json", kPass},
    {"repetition_penalty", kPass},
    {"length_penalty", kPass},
    {"context", kPass},
    {"functions", kRefuse, kNoLegacy},
    {"function_call", kRefuse, kNoLegacy},
    {"modalities", kRefuse, kTextOnly, "[\"text\"]"},
    {"audio", kRefuse, kTextOnly},
    {"web_search_options", kRefuse, "it does not search the web"},
};

// Members that the scanner does not note, found in one walk.
struct Found {
  Member stop;
  Member tool_choice;
  Member reasoning_effort;
  bool include_reasoning = false;
  bool template_kwargs = false;
};

class BodyMaker {
 public:
  BodyMaker(Call& call, const Settings& settings)
      : call_(call), settings_(settings), edits_(call.request, call.arena) {}

  Result<void> run(SliceList* out);

 private:
  void find();
  Result<void> scope();
  void cap();
  Result<void> stop();
  Result<void> messages();
  Result<void> tools();
  Result<void> effort();

  std::string_view value(const Member& member) const {
    return call_.request.body.substr(member.value.begin, member.value.size());
  }
  // `"key":value` as a new member.
  void insert(std::string_view key, std::string_view json) {
    ArenaText text(call_.arena, key.size() + json.size() + 4);
    static_cast<void>(
        edits_.insert(text.add("\"").add(key).add("\":").add(json).view()));
  }

  Call& call_;
  const Settings& settings_;
  BodyEdits edits_;
  Found found_;
};

// Edits of a body in which any number of members may change cannot fail.
Result<void> BodyMaker::run(SliceList* out) {
  if (auto done = params_apply(call_, kRules, kDrop, &edits_); !done) return done;
  find();
  for (const Field field : {Field::kStream, Field::kStreamOptions, Field::kRouter, Field::kCache}) {
    static_cast<void>(edits_.remove(field));
  }
  if (auto done = scope(); !done) return done;
  cap();
  if (auto done = stop(); !done) return done;
  if (auto done = messages(); !done) return done;
  if (auto done = tools(); !done) return done;
  if (auto done = effort(); !done) return done;
  if (edits_.build(out)) return {};
  return std::unexpected(Error{Errc::kInternal, "the adapter's request has too many parts"});
}

void BodyMaker::find() {
  BodyMembers members(call_.request);
  while (members.next()) {
    std::string_view key = members.key();
    if (key.find('\\') != std::string_view::npos) {
      const ByteRange quoted = members.member().key;
      key = json_unquote(call_.request.body.substr(quoted.begin, quoted.size()), call_.arena);
    }
    if (key == "stop") found_.stop = members.member();
    if (key == "tool_choice") found_.tool_choice = members.member();
    if (key == "reasoning_effort") found_.reasoning_effort = members.member();
    if (key == "include_reasoning") found_.include_reasoning = true;
    if (key == "chat_template_kwargs") found_.template_kwargs = true;
  }
}

Result<void> BodyMaker::scope() {
  const auto member = scope_member(call_, settings_);
  if (!member) return std::unexpected(member.error());
  if (member->empty()) {
    static_cast<void>(edits_.remove(Field::kModel));
    return {};
  }
  static_cast<void>(edits_.rename(Field::kModel, "\"model_id\""));
  static_cast<void>(edits_.replace(Field::kModel, call_.target.model_json));
  static_cast<void>(edits_.insert(*member));
  return {};
}

// One name for the cap, and one cap: without any the service stops after 1024 tokens.
void BodyMaker::cap() {
  const RequestView& request = call_.request;
  const Field newer = Field::kMaxCompletionTokens;
  const Field older = Field::kMaxTokens;
  const bool has_newer = request.has(newer);
  if (has_newer) static_cast<void>(edits_.rename(newer, "\"max_tokens\""));
  if (!has_newer) static_cast<void>(edits_.remove(newer));
  if (has_newer || !request.has(older)) static_cast<void>(edits_.remove(older));
  if (has_newer || request.has(older) || settings_.default_max_tokens < 0) return;
  ArenaText number(call_.arena, 32);
  insert("max_tokens", number.add_number(settings_.default_max_tokens).view());
}

Result<void> BodyMaker::stop() {
  if (found_.stop.value.empty()) return {};
  const auto list = stop_list(value(found_.stop), call_.arena);
  if (!list) return std::unexpected(list.error());
  if (list->empty()) {
    edits_.remove(found_.stop);
  } else if (*list != value(found_.stop)) {
    edits_.replace(found_.stop, *list);
  }
  return {};
}

Result<void> BodyMaker::messages() {
  const auto changed = messages_rewrite(call_, call_.request.value(Field::kMessages));
  if (!changed) return std::unexpected(changed.error());
  if (!changed->empty()) static_cast<void>(edits_.replace(Field::kMessages, *changed));
  return {};
}

// A word goes by another name than a named function, and never both.
Result<void> BodyMaker::tools() {
  using enum ToolChoice::Mode;
  const std::string_view tools = call_.request.value(Field::kTools);
  ChatFields fields;
  if (!found_.tool_choice.value.empty()) {
    edits_.remove(found_.tool_choice);
    if (value(found_.tool_choice) != "null") fields.tool_choice = value(found_.tool_choice);
  }
  const auto choice = tool_choice_read(fields);
  if (!choice) return std::unexpected(choice.error());
  if (json_is_none(tools) || json_is_empty_array(tools)) {
    static_cast<void>(edits_.remove(Field::kTools));
    return tool_choice_check(*choice, false);
  }
  const auto changed = tools_rewrite(call_, tools, *choice);
  if (!changed) return std::unexpected(changed.error());
  if (!changed->empty()) static_cast<void>(edits_.replace(Field::kTools, *changed));
  if (choice->mode == kAuto) insert("tool_choice_option", "\"auto\"");
  if (choice->mode == kNone) insert("tool_choice_option", "\"none\"");
  if (choice->mode == kRequired) insert("tool_choice_option", "\"required\"");
  if (choice->mode != kNamed) return {};
  ArenaText named(call_.arena, choice->name.size() + 64);
  named.add(R"({"type":"function","function":{"name":")").add(choice->name).add("\"}}");
  insert("tool_choice", named.view());
  return {};
}

// Granite 3 thinks or does not; others take three words for how much.
Result<void> BodyMaker::effort() {
  const Member& member = found_.reasoning_effort;
  if (member.value.empty()) return {};
  if (json_is_none(value(member))) {
    edits_.remove(member);
    return {};
  }
  if (auto known = effort_check(value(member)); !known) return known;
  const std::string_view word = json_inner(value(member));
  if (call_.target.model.starts_with("ibm/granite-3")) {
    edits_.remove(member);
    if (found_.template_kwargs) return {};
    insert("chat_template_kwargs",
           word == "none" ? "{\"thinking\":false}" : "{\"thinking\":true}");
  } else if (word == "none") {
    edits_.remove(member);
    if (!found_.include_reasoning) insert("include_reasoning", "false");
  } else if (word == "minimal") {
    edits_.replace(member, "\"low\"");
  } else if (word == "xhigh" || word == "max") {
    edits_.replace(member, "\"high\"");
  }
  return {};
}

}  // namespace

Result<std::string_view> stop_list(std::string_view stop, Arena& arena) {
  if (json_is_none(stop)) return std::string_view{};
  ChatStops stops(stop);
  ArenaText list(arena, stop.size() + 16);
  list.add("[");
  for (;;) {
    const auto more = stops.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    list.add(list.size() > 1 ? "," : "").add(stops.json());
  }
  if (list.size() == 1) return std::string_view{};
  return list.add("]").view();
}

Result<void> chat_body(Call& call, const Settings& settings, SliceList* out) {
  return BodyMaker(call, settings).run(out);
}

}  // namespace weir::watsonx
