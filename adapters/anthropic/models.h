// What a Claude model can do, by its name and the provider's options.
//
// Names carry a family and a version ("claude-opus-4-6", "claude-3-5-haiku-20241022"); a name that
// says nothing gets the least that every model can do, and options say what is known better. Pure.
#pragma once

#include <string_view>

#include <weir/types.h>

namespace weir {

struct Provider;

enum class ThinkingForm : uint8_t { kNone, kBudget, kAdaptive };

struct ModelTraits {
  int64_t output_limit = 4096;  // most tokens of one answer
  int64_t default_output = 0;   // from the options; 0: by the limit
  ThinkingForm thinking = ThinkingForm::kNone;
  bool sampling = true;       // takes temperature, top_p and top_k
  bool both_sampling = true;  // takes temperature and top_p together
  bool structured = false;    // takes output_config.format and strict tools
};

[[nodiscard]] ModelTraits model_traits(std::string_view model, const Provider& provider);

// kConfig when an option of the provider is unknown or has a value it cannot have.
[[nodiscard]] Result<void> options_check(const Provider& provider);

}  // namespace weir
