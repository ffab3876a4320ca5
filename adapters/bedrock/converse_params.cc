#include "adapters/bedrock/converse_params.h"

#include <charconv>

#include "adapters/bedrock/converse_tools.h"
#include "adapters/common/param_policy.h"
#include "route/target.h"

namespace weir {

namespace {

using enum ParamAction;

constexpr ParamRule kRules[] = {
    {"messages", kMapped},
    {"max_tokens", kMapped},
    {"max_completion_tokens", kMapped},
    {"temperature", kMapped},
    {"top_p", kMapped},
    {"top_k", kMapped},
    {"stop", kMapped},
    {"tools", kMapped},
    {"tool_choice", kMapped},
    {"functions", kMapped},
    {"function_call", kMapped},
    {"parallel_tool_calls", kMapped},
    {"response_format", kMapped},
    {"reasoning_effort", kMapped},
    {"thinking", kMapped},
    {"service_tier", kMapped},
    {"anthropic_beta", kMapped},
    {"guardrailConfig", kMapped},
    {"n", kRefuse, "it gives one answer only", "1"},
    {"logprobs", kRefuse, "it does not tell them", "false"},
    {"top_logprobs", kRefuse, "it does not tell them", "0"},
    {"modalities", kRefuse, "it answers with text", R"(["text"])"},
    {"audio", kRefuse, "it answers with text"},
    {"presence_penalty", kDrop, {}, "0"},
    {"frequency_penalty", kDrop, {}, "0"},
    {"logit_bias", kDrop, {}, "{}"},
    {"store", kDrop, {}, "false"},
};

std::unexpected<Error> invalid(std::string_view message, std::string_view param) {
  return std::unexpected(Error{Errc::kInvalidField, message, param});
}

bool number_above(std::string_view text, double bound) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > bound;
}

// Members joined by commas, the first of them without one.
class Members {
 public:
  explicit Members(Arena& arena) : text_(arena, 256) {}
  ArenaText& add(std::string_view name) {
    if (text_.size() != 0) text_.add(",");
    return text_.add("\"").add(name).add("\":");
  }
  // To go on with what add() began.
  ArenaText& text() { return text_; }
  [[nodiscard]] bool empty() const { return text_.size() == 0; }
  [[nodiscard]] std::string_view view() const { return text_.view(); }

 private:
  ArenaText text_;
};

// For models that know three words.
std::string_view nearest_effort(std::string_view effort) {
  if (effort == "minimal") return "low";
  return effort == "xhigh" || effort == "max" ? "high" : effort;
}

int64_t budget_of(std::string_view effort) {
  if (nearest_effort(effort) == "high") return 16384;
  return effort == "medium" ? 4096 : 1024;
}

class ParamWriter {
 public:
  ParamWriter(Call& call, const ConversePlan& plan, ArenaText* out)
      : call_(call),
        plan_(plan),
        fields_(plan.fields),
        traits_(plan.traits),
        out_(*out),
        inference_(call.arena),
        additional_(call.arena) {}

  Result<void> run() {
    for (const auto step : {&ParamWriter::think, &ParamWriter::cap, &ParamWriter::sample,
                            &ParamWriter::stops, &ParamWriter::parallel, &ParamWriter::extras}) {
      if (auto done = (this->*step)(); !done) return done;
    }
    if (!inference_.empty()) out_.add(",\"inferenceConfig\":{").add(inference_.view()).add("}");
    if (auto done = tool_config_write(call_, plan_, parallel_off_, &out_); !done) return done;
    if (!additional_.empty()) {
      out_.add(",\"additionalModelRequestFields\":{").add(additional_.view()).add("}");
    }
    format();
    guardrail();
    return {};
  }

 private:
  Result<void> think();
  Result<void> think_claude(std::string_view effort);
  Result<void> sample();
  Result<void> cap();
  Result<void> stops();
  Result<void> parallel();
  Result<void> extras();
  void format();
  void guardrail();
  Result<void> drop(std::string_view name, std::string_view value, std::string_view why) {
    if (value.empty()) return {};
    return param_drop(call_, name, why);
  }
  [[nodiscard]] bool is_claude() const { return traits_.family == BedrockFamily::kAnthropic; }

  Call& call_;
  const ConversePlan& plan_;
  const ChatFields& fields_;
  const ConverseTraits& traits_;
  ArenaText& out_;
  Members inference_;
  Members additional_;
  bool thinks_ = false;
  bool parallel_off_ = false;  // said among the additional fields, together with the choice
  int64_t budget_ = 0;
};

Result<void> ParamWriter::think_claude(std::string_view effort) {
  if (effort == "none") return {};
  if (plan_.forces_tool()) {
    return param_refuse(call_, "reasoning_effort", "it cannot think when a tool is forced");
  }
  thinks_ = true;
  if (traits_.thinking == BedrockThinking::kAdaptive) {
    additional_.add("thinking").add(R"({"type":"adaptive"})");
    additional_.add("output_config").add(R"({"effort":")");
    additional_.text().add(effort == "minimal" ? "low" : effort).add("\"}");
    return {};
  }
  budget_ = budget_of(effort);
  additional_.add("thinking").add(R"({"type":"enabled","budget_tokens":)").add_number(budget_);
  additional_.text().add("}");
  return {};
}

Result<void> ParamWriter::think() {
  if (!fields_.thinking.empty()) {
    if (!is_claude()) return drop("thinking", fields_.thinking, "it thinks in its own way");
    thinks_ = json_member(fields_.thinking, "type") != "\"disabled\"";
    budget_ = json_integer(json_member(fields_.thinking, "budget_tokens"), 0);
    additional_.add("thinking").add(fields_.thinking);
    return {};
  }
  if (fields_.reasoning_effort.empty()) return {};
  if (auto known = effort_check(fields_.reasoning_effort); !known) return known;
  const std::string_view effort = json_inner(fields_.reasoning_effort);
  switch (traits_.thinking) {
    case BedrockThinking::kAdaptive:
    case BedrockThinking::kBudget:
      return think_claude(effort);
    case BedrockThinking::kEffort:
      if (effort == "none") break;
      additional_.add("reasoning_effort").add("\"").add(nearest_effort(effort));
      additional_.text().add("\"");
      return {};
    case BedrockThinking::kNovaEffort:
      if (effort == "none") return {};
      additional_.add("reasoningConfig").add(R"({"type":"enabled","maxReasoningEffort":")");
      additional_.text().add(nearest_effort(effort)).add("\"}");
      return {};
    case BedrockThinking::kConfig:
      if (effort == "none") break;
      additional_.add("reasoning_config");
      additional_.text().add(effort == "low" || effort == "minimal" ? "\"low\"" : "\"high\"");
      return {};
    case BedrockThinking::kNone:
      break;
  }
  return drop("reasoning_effort", effort, "it cannot be told how long to think");
}

Result<void> ParamWriter::cap() {
  int64_t cap = call_.request.output_cap;
  if (cap == 0) return invalid("must be at least 1", "max_tokens");
  if (budget_ > 0) {
    // BedrockThinking counts against the cap, and must leave something for the answer.
    constexpr int64_t kAnswer = 4096;
    cap = cap < 0 ? budget_ + kAnswer : cap > budget_ ? cap : cap + budget_;
  }
  if (cap > 0) inference_.add("maxTokens").add_number(cap);
  return {};
}

Result<void> ParamWriter::sample() {
  const bool none = traits_.sampling == SamplingForm::kNone || thinks_;
  const std::string_view why = thinks_ ? "it is fixed while the model thinks" : "it is fixed";
  bool top_p = !fields_.top_p.empty();
  if (none) {
    if (auto done = drop("temperature", fields_.temperature, why); !done) return done;
    if (auto done = drop("top_p", fields_.top_p, why); !done) return done;
    return drop("top_k", fields_.top_k, why);
  }
  if (!fields_.temperature.empty()) {
    const bool above = number_above(fields_.temperature, 1);
    if (above) {
      if (auto done = drop("temperature", fields_.temperature, "it ends at 1"); !done) return done;
    }
    inference_.add("temperature").add(above ? "1" : fields_.temperature);
    if (top_p && traits_.sampling == SamplingForm::kOne) {
      if (auto done = drop("top_p", fields_.top_p, "it goes not together with temperature"); !done)
        return done;
      top_p = false;
    }
  }
  if (top_p) inference_.add("topP").add(fields_.top_p);
  if (fields_.top_k.empty()) return {};
  if (is_claude()) {
    additional_.add("top_k").add(fields_.top_k);
    return {};
  }
  if (traits_.family == BedrockFamily::kNova) {
    additional_.add("inferenceConfig").add("{\"topK\":").add(fields_.top_k).add("}");
    return {};
  }
  return drop("top_k", fields_.top_k, {});
}

Result<void> ParamWriter::stops() {
  ChatStops stops(fields_.stop);
  bool any = false;
  for (;;) {
    const auto more = stops.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if (is_claude() && text_is_blank(json_inner(stops.json()))) continue;
    if (!any) inference_.add("stopSequences").add("[");
    inference_.text().add(any ? "," : "").add(stops.json());
    any = true;
  }
  if (any) inference_.text().add("]");
  return {};
}

// Only Claude can be told not to call several tools at once, and then its own field says the
// choice. The older `functions` have room for one call in an answer.
Result<void> ParamWriter::parallel() {
  const bool legacy = is_claude() && is_legacy_tools(fields_);
  if (fields_.parallel_tool_calls != "false" && !legacy) return {};
  using enum ToolChoice::Mode;
  const ToolChoice::Mode mode = plan_.choice.mode;
  if (!plan_.tools_sent || mode == kNone) return {};
  if (!is_claude()) return drop("parallel_tool_calls", "false", {});
  parallel_off_ = true;
  additional_.add("tool_choice").add("{\"type\":");
  ArenaText& text = additional_.text();
  if (mode == kNamed) {
    text.add("\"tool\",\"name\":\"").add(plan_.choice.name).add("\"");
  } else {
    text.add(mode == kRequired ? "\"any\"" : "\"auto\"");
  }
  text.add(",\"disable_parallel_tool_use\":true}");
  return {};
}

Result<void> ParamWriter::extras() {
  const std::string_view beta = json_member(call_.request.body, "anthropic_beta");
  if (json_is_array(beta)) {
    if (!is_claude()) return drop("anthropic_beta", beta, {});
    additional_.add("anthropic_beta").add(beta);
  }
  const std::string_view tier = json_inner(fields_.service_tier);
  if (tier == "priority" || tier == "default" || tier == "flex" || tier == "reserved") {
    out_.add(",\"serviceTier\":{\"type\":\"").add(tier).add("\"}");
    return {};
  }
  if (tier == "auto") return {};
  return drop("service_tier", tier, {});
}

void ParamWriter::format() {
  if (plan_.format.kind != ResponseFormat::Kind::kJsonSchema || !traits_.json_schema) return;
  out_.add(R"(,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":)");
  out_.add("{\"name\":\"").add(plan_.format.name.empty() ? "answer" : plan_.format.name);
  out_.add("\"");
  if (json_is_string(plan_.format.description_json)) {
    out_.add(",\"description\":").add(plan_.format.description_json);
  }
  out_.add(",\"schema\":").add_quoted(plan_.format.schema_json).add("}}}}");
}

void ParamWriter::guardrail() {
  const std::string_view sent = json_member(call_.request.body, "guardrailConfig");
  if (json_is_object(sent)) {
    out_.add(",\"guardrailConfig\":").add(sent);
    return;
  }
  const Provider& provider = *call_.target.provider;
  const std::string_view id = provider.option("guardrail_identifier");
  if (id.empty()) return;
  const std::string_view version = provider.option("guardrail_version");
  out_.add(",\"guardrailConfig\":{\"guardrailIdentifier\":").add_quoted(id);
  out_.add(",\"guardrailVersion\":").add_quoted(version.empty() ? "DRAFT" : version).add("}");
}

// An output format that the model has no way to keep to is said in words, or comes as the arguments
// of a tool that it must call.
Result<void> format_plan(Call& call, ConversePlan* plan) {
  using enum ResponseFormat::Kind;
  if (plan->format.kind == kText) return {};
  if (plan->format.kind == kJsonObject) {
    plan->system_extra = "Answer with one JSON object and nothing else.";
    return {};
  }
  if (plan->traits.json_schema) return {};
  if (plan->tools_sent || plan->traits.tool_forcing == ToolForcing::kNone) {
    return param_refuse(call, "response_format", "it cannot be held to a schema here");
  }
  plan->json_tool = true;
  return {};
}

}  // namespace

bool text_is_blank(std::string_view escaped) {
  for (size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] == ' ') continue;
    if (escaped[i] != '\\' || i + 1 == escaped.size()) return false;
    const char c = escaped[++i];
    if (c != 'n' && c != 't' && c != 'r') return false;
  }
  return true;
}

bool ConversePlan::forces_tool() const {
  using enum ToolChoice::Mode;
  return json_tool || (tools_sent && (choice.mode == kRequired || choice.mode == kNamed));
}

Result<ConversePlan> converse_plan(Call& call) {
  if (auto done = params_apply(call, kRules, kDrop); !done) return std::unexpected(done.error());
  ConversePlan plan;
  plan.fields = chat_fields(call.request.body);
  plan.traits = converse_traits(call.target.model, *call.target.provider);
  const auto choice = tool_choice_read(plan.fields);
  if (!choice) return std::unexpected(choice.error());
  plan.choice = *choice;
  const auto format = response_format_read(plan.fields);
  if (!format) return std::unexpected(format.error());
  plan.format = *format;
  const std::string_view tools =
      is_legacy_tools(plan.fields) ? plan.fields.functions : plan.fields.tools;
  plan.tools_sent = json_is_array(tools) && !json_is_empty_array(tools);
  if (auto done = tool_choice_check(plan.choice, plan.tools_sent); !done) {
    return std::unexpected(done.error());
  }
  if (auto done = format_plan(call, &plan); !done) return std::unexpected(done.error());
  return plan;
}

Result<void> converse_params_write(Call& call, const ConversePlan& plan, ArenaText* out) {
  return ParamWriter(call, plan, out).run();
}

}  // namespace weir
