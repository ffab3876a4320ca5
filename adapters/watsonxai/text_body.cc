#include "adapters/watsonxai/text_body.h"

#include <charconv>

#include "adapters/common/arena_text.h"
#include "adapters/common/body_edits.h"
#include "adapters/common/json_walk.h"
#include "adapters/common/param_policy.h"
#include "adapters/watsonxai/chat_body.h"
#include "route/target.h"

namespace weir::watsonx {

namespace {

using enum ParamAction;

constexpr uint32_t kMaxPrompts = 64;
constexpr std::string_view kOneText = "it generates one text for each prompt";

constexpr ParamRule kGenerationRules[] = {
    {"prompt", kMapped},
    {"max_tokens", kMapped},
    {"max_completion_tokens", kMapped},
    {"temperature", kMapped},
    {"top_p", kMapped},
    {"top_k", kMapped},
    {"seed", kMapped},
    {"stop", kMapped},
    {"min_tokens", kMapped},
    {"time_limit", kMapped},
    {"repetition_penalty", kMapped},
    {"truncate_input_tokens", kMapped},
    {"n", kRefuse, kOneText, "1"},
    {"best_of", kRefuse, kOneText, "1"},
    {"echo", kRefuse, "the prompt is not repeated", "false"},
    {"suffix", kRefuse, "it writes only behind a prompt", "\"\""},
    {"logprobs", kRefuse, "this endpoint has none"},
    {"presence_penalty", kDrop, {}, "0"},
    {"frequency_penalty", kDrop, {}, "0"},
};

constexpr ParamRule kEmbeddingRules[] = {
    {"input", kMapped},
    {"encoding_format", kMapped},
    {"truncate_input_tokens", kMapped},
    {"dimensions", kRefuse, "a model's vectors have one length"},
};

// The numbers of a completion request and what they are called upstream.
struct Renamed {
  std::string_view from;
  std::string_view to;
};
constexpr Renamed kNumbers[] = {
    {"temperature", "temperature"},
    {"top_p", "top_p"},
    {"top_k", "top_k"},
    {"seed", "random_seed"},
    {"min_tokens", "min_new_tokens"},
    {"time_limit", "time_limit"},
    {"repetition_penalty", "repetition_penalty"},
    {"truncate_input_tokens", "truncate_input_tokens"},
};

std::unexpected<Error> invalid(std::string_view message, std::string_view param) {
  return std::unexpected(Error{Errc::kInvalidField, message, param});
}

bool is_number(std::string_view text) {
  return !text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
}

double number_of(std::string_view text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// How many strings the list holds; an error for anything else in it.
Result<uint32_t> strings_count(std::string_view value, std::string_view param) {
  if (json_is_string(value)) return 1u;
  uint32_t count = 0;
  JsonElements each(value);
  while (each.next()) {
    ++count;
    if (json_is_string(each.value())) continue;
    return std::unexpected(Error{Errc::kUnsupportedParameter,
                                 "this provider takes text, not tokens", param});
  }
  if (count == 0) return invalid("must be a string or a list of strings", param);
  return count;
}

// The elements from `first` on, at most `most`, as they stand in the list.
std::string_view elements_part(std::string_view list, uint32_t first, uint32_t most) {
  JsonElements each(list);
  uint32_t at = 0;
  const char* begin = nullptr;
  const char* end = nullptr;
  while (each.next()) {
    if (at == first) begin = each.value().data();
    if (at >= first) end = each.value().data() + each.value().size();
    if (++at == first + most) break;
  }
  return begin == nullptr ? std::string_view{}
                          : std::string_view(begin, static_cast<size_t>(end - begin));
}

// What both bodies begin with: the model, and who pays.
Result<void> begin_write(Call& call, const Settings& settings, ArenaText* out) {
  const auto member = scope_member(call, settings);
  if (!member) return std::unexpected(member.error());
  out->add("{");
  if (!member->empty()) {
    out->add("\"model_id\":").add(call.target.model_json).add(",").add(*member).add(",");
  }
  return {};
}

Result<void> finish(ArenaText* head, std::string_view borrowed, ArenaText* tail, SliceList* out) {
  out->clear();
  if (out->push(Slice(head->view())) && out->push(Slice(borrowed)) &&
      out->push(Slice(tail->view()))) {
    return {};
  }
  return std::unexpected(Error{Errc::kInternal, "the adapter's request has too many parts"});
}

// Chosen by chance when the client asked for some: greedy is what the service does otherwise, and
// it refuses a temperature of zero for anything else.
bool is_sampled(std::string_view body) {
  const std::string_view temperature = json_member(body, "temperature");
  if (is_number(temperature)) return number_of(temperature) > 0;
  return is_number(json_member(body, "top_p")) || is_number(json_member(body, "top_k")) ||
         is_number(json_member(body, "seed"));
}

Result<void> numbers_write(std::string_view body, bool sampled, ArenaText* out) {
  for (const Renamed& number : kNumbers) {
    const std::string_view value = json_member(body, number.from);
    if (json_is_none(value)) continue;
    if (!is_number(value)) return invalid("must be a number", number.from);
    if (number.from == "temperature" && !sampled) continue;
    out->add(",\"").add(number.to).add("\":").add(value);
  }
  return {};
}

Result<void> parameters_write(Call& call, const Settings& settings, ArenaText* out) {
  const std::string_view body = call.request.body;
  const bool sampled = is_sampled(body);
  out->add(",\"parameters\":{\"decoding_method\":");
  out->add(sampled ? "\"sample\"" : "\"greedy\"");
  if (call.request.output_cap >= 0 || settings.default_max_tokens > 0) {
    out->add(",\"max_new_tokens\":");
    out->add_number(call.request.output_cap >= 0 ? call.request.output_cap
                                                 : settings.default_max_tokens);
  }
  if (auto done = numbers_write(body, sampled, out); !done) return done;
  const auto stops = stop_list(json_member(body, "stop"), call.arena);
  if (!stops) return std::unexpected(stops.error());
  if (!stops->empty()) out->add(",\"stop_sequences\":").add(*stops);
  out->add("}}");
  return {};
}

}  // namespace

Result<uint32_t> text_parts(const Call& call) {
  if (call.endpoint == Endpoint::kChat) return 1u;
  const bool embeds = call.endpoint == Endpoint::kEmbeddings;
  const std::string_view param = embeds ? "input" : "prompt";
  const auto count =
      strings_count(call.request.value(embeds ? Field::kInput : Field::kPrompt), param);
  if (!count) return count;
  if (embeds) return (*count + kInputsPerCall - 1) / kInputsPerCall;
  if (*count > 1 && call.request.stream) {
    return std::unexpected(
        Error{Errc::kUnsupportedParameter, "a stream is generated for one prompt only", param});
  }
  if (*count > kMaxPrompts) return invalid("at most 64 prompts can be sent at once", param);
  return count;
}

Result<void> generation_body(Call& call, const Settings& settings, SliceList* out) {
  if (auto done = params_apply(call, kGenerationRules, kDrop); !done) return done;
  ArenaText head(call.arena, 512);
  if (auto done = begin_write(call, settings, &head); !done) return done;
  const std::string_view prompt = call.request.value(Field::kPrompt);
  head.add("\"input\":");
  ArenaText tail(call.arena, 256);
  if (auto done = parameters_write(call, settings, &tail); !done) return done;
  return finish(&head, json_is_array(prompt) ? elements_part(prompt, call.part, 1) : prompt, &tail,
                out);
}

Result<void> embeddings_body(Call& call, const Settings& settings, SliceList* out) {
  if (auto done = params_apply(call, kEmbeddingRules, kDrop); !done) return done;
  const std::string_view format = call.request.value(Field::kEncodingFormat);
  if (!json_is_none(format) && format != "\"float\"" && format != "\"base64\"") {
    return invalid("must be float or base64", "encoding_format");
  }
  ArenaText head(call.arena, 512);
  if (auto done = begin_write(call, settings, &head); !done) return done;
  head.add("\"inputs\":[");
  const std::string_view input = call.request.value(Field::kInput);
  ArenaText tail(call.arena, 128);
  tail.add("]");
  const std::string_view truncate = json_member(call.request.body, "truncate_input_tokens");
  if (is_number(truncate)) {
    tail.add(",\"parameters\":{\"truncate_input_tokens\":").add(truncate).add("}");
  }
  tail.add("}");
  const std::string_view inputs =
      json_is_array(input) ? elements_part(input, call.part * kInputsPerCall, kInputsPerCall)
                           : input;
  return finish(&head, inputs, &tail, out);
}

}  // namespace weir::watsonx
