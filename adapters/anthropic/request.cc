#include "adapters/anthropic/request.h"

#include <algorithm>
#include <charconv>

#include "adapters/anthropic/attempt_state.h"
#include "adapters/anthropic/messages.h"
#include "adapters/anthropic/models.h"
#include "adapters/anthropic/schema.h"
#include "adapters/anthropic/tools.h"
#include "adapters/common/arena_text.h"
#include "adapters/common/chat_request.h"
#include "adapters/common/param_policy.h"
#include "route/target.h"

namespace weir {

namespace {

using enum ParamAction;

constexpr std::string_view kOneAnswer = "this provider gives one answer only";
constexpr std::string_view kNoLogprobs = "this provider tells no probabilities";
constexpr ParamRule kRules[] = {
    {"messages", kMapped},
    {"max_tokens", kMapped},
    {"max_completion_tokens", kMapped},
    {"tools", kMapped},
    {"tool_choice", kMapped},
    {"parallel_tool_calls", kMapped},
    {"functions", kMapped},
    {"function_call", kMapped},
    {"temperature", kMapped},
    {"top_p", kMapped},
    {"top_k", kMapped},
    {"stop", kMapped},
    {"user", kMapped},
    {"service_tier", kMapped},
    {"response_format", kMapped},
    {"reasoning_effort", kMapped},
    {"thinking", kMapped},
    {"modalities", kMapped},
    {"n", kRefuse, kOneAnswer, "1"},
    {"logprobs", kRefuse, kNoLogprobs, "false"},
    {"top_logprobs", kRefuse, kNoLogprobs, "0"},
    {"audio", kRefuse, "this provider cannot speak"},
    {"presence_penalty", kDrop, {}, "0"},
    {"frequency_penalty", kDrop, {}, "0"},
    {"store", kDrop, {}, "false"},
    {"logit_bias", kDrop, {}, "{}"},
};

constexpr size_t kMaxUserBytes = 256;
constexpr int64_t kDefaultWhole = 8192;  // longer answers take longer than most clients wait
constexpr int64_t kLeastBudget = 1024;

// What top_p may be beside thinking.
bool is_wide(std::string_view top_p) {
  double value = 0;
  const auto [end, error] = std::from_chars(top_p.data(), top_p.data() + top_p.size(), value);
  return error == std::errc() && end == top_p.data() + top_p.size() && value >= 0.95;
}

class RequestWriter {
 public:
  RequestWriter(Call& call, ArenaText* out)
      : call_(call),
        fields_(chat_fields(call.request.body)),
        traits_(model_traits(call.target.model, *call.target.provider)),
        out_(*out) {}

  Result<void> run();

 private:
  Result<void> check();
  Result<void> messages();
  Result<void> thinking();
  Result<void> thinking_by_effort(std::string_view effort);
  Result<void> output_config();
  Result<void> sampling();
  Result<void> temperature(bool* written);
  Result<void> stops();
  Result<void> user();
  Result<void> service_tier();
  Result<void> tools();
  void max_tokens();
  // Drops the parameter if the client sent it with a value that means something.
  Result<void> drop(std::string_view name, std::string_view value, std::string_view neutral,
                    std::string_view why) {
    if (value.empty() || value == neutral) return {};
    return param_drop(call_, name, why);
  }

  Call& call_;
  ChatFields fields_;
  ModelTraits traits_;
  ArenaText& out_;
  ResponseFormat format_;
  MessagesWriter messages_{call_, &out_};
  std::string_view effort_;    // for output_config; empty: none
  std::string_view thinking_;  // the member's JSON text; empty: none
  int64_t budget_ = 0;
  bool thinks_ = false;
};

Result<void> RequestWriter::run() {
  out_.add("{\"model\":").add(call_.target.model_json);
  if (call_.request.stream) out_.add(",\"stream\":true");
  // Thinking looks at the messages, and the system's texts may grow by what a format needs.
  using Part = Result<void> (RequestWriter::*)();
  constexpr Part kParts[] = {
      &RequestWriter::check, &RequestWriter::messages,      &RequestWriter::thinking,
      &RequestWriter::tools, &RequestWriter::output_config, &RequestWriter::sampling,
      &RequestWriter::stops, &RequestWriter::user,          &RequestWriter::service_tier};
  for (const Part part : kParts) {
    if (auto done = (this->*part)(); !done) return done;
  }
  max_tokens();
  if (!thinking_.empty()) out_.add(",\"thinking\":").add(thinking_);
  if (budget_ != 0) {
    out_.add(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":").add_number(budget_).add("}");
  }
  const std::string_view system = messages_.system();
  if (!system.empty()) out_.add(",\"system\":[").add(system).add("]");
  out_.add("}");
  return {};
}

Result<void> RequestWriter::check() {
  if (auto applied = params_apply(call_, kRules, kDrop); !applied) return applied;
  if (fields_.modalities.find("\"audio\"") != std::string_view::npos) {
    return param_refuse(call_, "modalities", "this provider cannot speak");
  }
  const auto format = response_format_read(fields_);
  if (!format) return std::unexpected(format.error());
  format_ = *format;
  AttemptState& state = attempt_state(call_);
  state.legacy_calls = is_legacy_tools(fields_);
  state.json_tool = format_.kind == ResponseFormat::Kind::kJsonSchema && !traits_.structured;
  return {};
}

Result<void> RequestWriter::messages() {
  if (!json_is_array(fields_.messages)) {
    return std::unexpected(Error{Errc::kInvalidField, "messages must be a list", "messages"});
  }
  out_.add(",\"messages\":");
  return messages_.write(fields_.messages);
}

Result<void> RequestWriter::thinking() {
  if (json_is_object(fields_.thinking)) {
    thinking_ = fields_.thinking;
    thinks_ = json_member(thinking_, "type") != "\"disabled\"";
    return {};
  }
  if (fields_.reasoning_effort.empty()) return {};
  if (auto known = effort_check(fields_.reasoning_effort); !known) return known;
  return thinking_by_effort(json_inner(fields_.reasoning_effort));
}

Result<void> RequestWriter::thinking_by_effort(std::string_view effort) {
  const bool none = effort == "none";
  if (traits_.thinking == ThinkingForm::kNone) {
    return none ? Result<void>{} : param_drop(call_, "reasoning_effort", "this model cannot think");
  }
  if (attempt_state(call_).json_tool && !none) {
    return param_drop(call_, "reasoning_effort",
                      "this model cannot think where it must answer in a response format");
  }
  if (traits_.thinking == ThinkingForm::kAdaptive) {
    thinking_ = none ? R"({"type":"disabled"})" : R"({"type":"adaptive"})";
    thinks_ = !none;
    if (!none) effort_ = effort == "minimal" ? "low" : effort;
    return {};
  }
  if (none) return {};
  if (messages_.unthought_calls()) {
    return param_drop(call_, "reasoning_effort",
                      "the tool calls of this turn came without their thinking_blocks");
  }
  const bool little = effort == "minimal" || effort == "low";
  budget_ = little ? kLeastBudget : effort == "medium" ? 4096 : 16384;
  thinks_ = true;
  return {};
}

// The length of an answer must be said there. What is thought counts, so it is added.
void RequestWriter::max_tokens() {
  const int64_t limit = traits_.output_limit;
  int64_t tokens = call_.request.output_cap;
  if (tokens < 0) tokens = traits_.default_output;
  if (tokens <= 0) tokens = call_.request.stream ? limit : std::min(limit, kDefaultWhole);
  if (budget_ != 0) {
    if (tokens < limit) tokens = std::min(limit, tokens + budget_);
    if (budget_ >= tokens) budget_ = std::max(tokens / 2, kLeastBudget);
    tokens = std::max(tokens, budget_ + 1);
  }
  out_.add(",\"max_tokens\":").add_number(tokens);
}

Result<void> RequestWriter::output_config() {
  using enum ResponseFormat::Kind;
  if (format_.kind == kJsonObject) {
    if (call_.strict_params) {
      return param_refuse(call_, "response_format",
                          "this provider can be asked for JSON in words only");
    }
    messages_.system_add(
        "Answer with one JSON object and nothing else: no text around it, and no "
        "marks of a code block.",
        {});
  }
  const bool schema = format_.kind == kJsonSchema && !attempt_state(call_).json_tool;
  if (!schema && effort_.empty()) return {};
  out_.add(",\"output_config\":{");
  if (!effort_.empty()) out_.add("\"effort\":\"").add(effort_).add(schema ? "\"," : "\"");
  if (schema) {
    out_.add("\"format\":{\"type\":\"json_schema\",\"schema\":");
    auto done = schema_restrict(format_.schema_json, "response_format.json_schema.schema",
                                call_.arena, &out_);
    if (!done) return done;
    out_.add("}");
  }
  out_.add("}");
  return {};
}

Result<void> RequestWriter::sampling() {
  constexpr std::string_view kFixed = "this model does not let its sampling be set";
  constexpr std::string_view kThinks = "it cannot be set where the model thinks";
  const std::string_view why = traits_.sampling ? kThinks : kFixed;
  if (!traits_.sampling || thinks_) {
    if (auto done = drop("temperature", fields_.temperature, "1", why); !done) return done;
    if (auto done = drop("top_k", fields_.top_k, {}, why); !done) return done;
    if (!traits_.sampling || !is_wide(fields_.top_p)) {
      return drop("top_p", fields_.top_p, "1", why);
    }
    out_.add(",\"top_p\":").add(fields_.top_p);
    return {};
  }
  bool has_temperature = false;
  if (auto done = temperature(&has_temperature); !done) return done;
  if (!fields_.top_p.empty()) {
    if (has_temperature && !traits_.both_sampling) {
      auto done = drop("top_p", fields_.top_p, "1", "this model takes it or temperature, not both");
      if (!done) return done;
    } else {
      out_.add(",\"top_p\":").add(fields_.top_p);
    }
  }
  if (!fields_.top_k.empty()) out_.add(",\"top_k\":").add(fields_.top_k);
  return {};
}

Result<void> RequestWriter::temperature(bool* written) {
  const std::string_view text = fields_.temperature;
  if (text.empty()) return {};
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::unexpected(Error{Errc::kInvalidField, "must be a number", "temperature"});
  }
  *written = true;
  out_.add(",\"temperature\":").add(value > 1 ? "1" : text);
  if (value > 1) return param_drop(call_, "temperature", "this provider takes 1 at most");
  return {};
}

Result<void> RequestWriter::stops() {
  ChatStops stops(fields_.stop);
  bool any = false;
  for (;;) {
    const auto more = stops.next();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if (is_blank_text(json_inner(stops.json()))) {
      auto done = param_drop(call_, "stop", "a stop text of white space only is not possible");
      if (!done) return done;
      continue;
    }
    out_.add(any ? "," : ",\"stop_sequences\":[").add(stops.json());
    any = true;
  }
  if (any) out_.add("]");
  return {};
}

Result<void> RequestWriter::user() {
  if (fields_.user.empty()) return {};
  if (!json_is_string(fields_.user) || json_inner(fields_.user).size() > kMaxUserBytes) {
    return param_drop(call_, "user", "it must be a string of at most 256 bytes");
  }
  if (json_inner(fields_.user).empty()) return {};
  out_.add(",\"metadata\":{\"user_id\":").add(fields_.user).add("}");
  return {};
}

Result<void> RequestWriter::service_tier() {
  const std::string_view tier = json_inner(fields_.service_tier);
  if (fields_.service_tier.empty()) return {};
  if (tier == "auto") {
    out_.add(",\"service_tier\":\"auto\"");
  } else if (tier == "default" || tier == "standard_only") {
    out_.add(",\"service_tier\":\"standard_only\"");
  } else {
    return param_drop(call_, "service_tier", "this provider knows auto and default");
  }
  return {};
}

Result<void> RequestWriter::tools() {
  const ToolsInput input{
      call_, fields_, traits_, format_, messages_.tools(), thinks_, attempt_state(call_).json_tool};
  return tools_write(input, &out_);
}

}  // namespace

Result<void> anthropic_next(Call& call, Step* step) {
  ArenaText body(call.arena, call.request.body.size() + 1024);
  if (auto written = RequestWriter(call, &body).run(); !written) return written;
  step->kind = StepKind::kSend;
  step->request.head = call.target.heads[endpoint_index(call.endpoint)];
  step->request.is_get = false;
  step->request.body.clear();
  if (!step->request.body.push(Slice(body.view()))) {
    return std::unexpected(Error{Errc::kInternal, "no room for the request"});
  }
  return {};
}

}  // namespace weir
