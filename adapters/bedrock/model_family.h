// What a model on Bedrock can do, read from its id; the ARN of an application's profile hides it,
// so the provider's option `model_family` goes before the id.
//
// Converse is one form for all makers, but not all of them know all of it. What is not known here
// is sent, and left for the provider to judge. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

struct Provider;

enum class BedrockFamily : uint8_t {
  kOther,
  kAi21,
  kAnthropic,
  kCohere,
  kDeepseek,
  kMeta,
  kMistral,
  kNova,
  kOpenai,
  kTitan,
};

// Which forms of toolChoice a model takes.
enum class ToolForcing : uint8_t { kNone, kAny, kNamed };

// Which of temperature and top_p it takes.
enum class SamplingForm : uint8_t { kBoth, kOne, kNone };

// How it is asked to think.
enum class BedrockThinking : uint8_t { kNone, kAdaptive, kBudget, kEffort, kNovaEffort, kConfig };

struct ConverseTraits {
  BedrockFamily family = BedrockFamily::kOther;
  ToolForcing tool_forcing = ToolForcing::kNamed;
  SamplingForm sampling = SamplingForm::kBoth;
  BedrockThinking thinking = BedrockThinking::kNone;
  bool json_schema = false;  // knows outputConfig.textFormat
  bool strict_tools = false;
  bool system = true;           // takes system messages
  bool short_tool_ids = false;  // ids of exactly nine letters and digits
};

[[nodiscard]] ConverseTraits converse_traits(std::string_view model, const Provider& provider);

// False for an option value that names no family.
[[nodiscard]] bool model_family_known(std::string_view name);

enum class EmbeddingForm : uint8_t {
  kNone,
  kTitanV1,
  kTitanV2,
  kTitanImage,
  kCohereV3,
  kCohereV4,
  kNova
};
[[nodiscard]] EmbeddingForm embedding_form(std::string_view model);

}  // namespace weir
