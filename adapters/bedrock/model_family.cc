#include "adapters/bedrock/model_family.h"

#include <algorithm>

#include "route/target.h"

namespace weir {

namespace {

struct FamilyName {
  std::string_view part;    // of a model's id
  std::string_view option;  // the value of `model_family`
  BedrockFamily family;
};
constexpr FamilyName kFamilies[] = {
    {"anthropic.", "anthropic", BedrockFamily::kAnthropic},
    {"amazon.nova", "nova", BedrockFamily::kNova},
    {"amazon.titan", "titan", BedrockFamily::kTitan},
    {"mistral.", "mistral", BedrockFamily::kMistral},
    {"meta.", "meta", BedrockFamily::kMeta},
    {"cohere.", "cohere", BedrockFamily::kCohere},
    {"ai21.", "ai21", BedrockFamily::kAi21},
    {"deepseek.", "deepseek", BedrockFamily::kDeepseek},
    {"openai.", "openai", BedrockFamily::kOpenai},
};

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool holds_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [text](std::string_view part) { return holds(text, part); });
}

BedrockFamily family_of(std::string_view model, const Provider& provider) {
  const std::string_view option = provider.option("model_family");
  for (const FamilyName& name : kFamilies) {
    if (option.empty() ? holds(model, name.part) : option == name.option) return name.family;
  }
  return BedrockFamily::kOther;
}

// 45 for a Claude 4.5, 37 for 3.7; both orders of name and number exist. 0 when there is none.
int claude_version(std::string_view model) {
  const size_t begin = model.find("claude-");
  if (begin == std::string_view::npos) return 0;
  int numbers[2] = {0, 0};
  size_t count = 0;
  size_t at = begin + 7;
  while (at < model.size() && count < 2) {
    const size_t end = std::min(model.find_first_of("-:", at), model.size());
    const std::string_view word = model.substr(at, end - at);
    const bool digits = !word.empty() && std::all_of(word.begin(), word.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
    // A longer one is a date.
    if (digits && word.size() <= 2) {
      numbers[count] = 0;
      for (const char c : word) numbers[count] = numbers[count] * 10 + (c - '0');
      ++count;
    } else if (count != 0) {
      break;
    }
    at = end + 1;
  }
  return numbers[0] * 10 + numbers[1];
}

void claude_traits(std::string_view model, ConverseTraits* traits) {
  const int version = claude_version(model);
  const bool newest = version >= 50 || (version >= 47 && holds(model, "opus"));
  if (version >= 45) traits->sampling = newest ? SamplingForm::kNone : SamplingForm::kOne;
  if (version >= 37)
    traits->thinking = version >= 46 ? BedrockThinking::kAdaptive : BedrockThinking::kBudget;
  traits->json_schema = version >= 45;
  traits->strict_tools = version >= 45 && !newest;
}

}  // namespace

bool model_family_known(std::string_view name) {
  return name == "other" || std::any_of(std::begin(kFamilies), std::end(kFamilies),
                                        [name](const FamilyName& f) { return f.option == name; });
}

ConverseTraits converse_traits(std::string_view model, const Provider& provider) {
  ConverseTraits traits;
  traits.family = family_of(model, provider);
  switch (traits.family) {
    case BedrockFamily::kAnthropic:
      claude_traits(model, &traits);
      break;
    case BedrockFamily::kNova:
      if (holds(model, "nova-2")) traits.thinking = BedrockThinking::kNovaEffort;
      break;
    case BedrockFamily::kMistral:
      traits.tool_forcing = ToolForcing::kAny;
      traits.json_schema = true;
      traits.short_tool_ids = true;
      traits.system = !holds(model, "mistral-7b");
      break;
    case BedrockFamily::kOpenai:
      traits.thinking = BedrockThinking::kEffort;
      break;
    case BedrockFamily::kTitan:
      traits.system = false;
      traits.tool_forcing = ToolForcing::kNone;
      break;
    case BedrockFamily::kAi21:
    case BedrockFamily::kCohere:
    case BedrockFamily::kMeta:
      traits.tool_forcing = ToolForcing::kNone;
      break;
    case BedrockFamily::kDeepseek:
      break;
    case BedrockFamily::kOther:
      traits.json_schema = holds_any(model, {"qwen.", "nvidia.", "google.", "minimax."});
      traits.thinking = BedrockThinking::kConfig;
      break;
  }
  return traits;
}

EmbeddingForm embedding_form(std::string_view model) {
  if (holds(model, "titan-embed-text-v1")) return EmbeddingForm::kTitanV1;
  if (holds(model, "titan-embed-text")) return EmbeddingForm::kTitanV2;
  if (holds(model, "titan-embed-image")) return EmbeddingForm::kTitanImage;
  if (holds(model, "cohere.embed-v4")) return EmbeddingForm::kCohereV4;
  if (holds(model, "cohere.embed")) return EmbeddingForm::kCohereV3;
  if (holds(model, "nova") && holds(model, "embed")) return EmbeddingForm::kNova;
  return EmbeddingForm::kNone;
}

}  // namespace weir
