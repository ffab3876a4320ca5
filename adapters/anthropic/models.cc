#include "adapters/anthropic/models.h"

#include <algorithm>

#include "adapters/common/json_walk.h"
#include "route/target.h"

namespace weir {

namespace {

// Major and minor version as one number: 35 is 3.5. Parts of more than two digits are dates.
struct Version {
  int number = 0;
  bool is_opus = false;
};

bool is_short_number(std::string_view part) {
  return !part.empty() && part.size() <= 2 &&
         std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Version version_read(std::string_view model) {
  Version version;
  int parts = 0;
  const size_t claude = model.find("claude");
  if (claude == std::string_view::npos) return version;
  std::string_view rest = model.substr(claude);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of("-._@:/"), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part == "opus") version.is_opus = true;
    if (!is_short_number(part) || parts == 2) continue;
    const int number = static_cast<int>(json_integer(part, 0));
    version.number += parts++ == 0 ? number * 10 : std::min(number, 9);
  }
  return version;
}

int64_t output_limit(const Version& version) {
  if (version.number >= 46) return 128'000;
  if (version.number >= 45) return 64'000;
  if (version.number >= 40) return version.is_opus ? 32'000 : 64'000;
  if (version.number >= 37) return 64'000;
  return version.number >= 35 ? 8192 : 4096;
}

bool is_flag(std::string_view value) {
  return value == "auto" || value == "true" || value == "false";
}

void flag_apply(std::string_view value, bool* flag) {
  if (value == "true" || value == "false") *flag = value == "true";
}

bool option_valid(std::string_view name, std::string_view value) {
  if (name == "default_max_tokens") return json_integer(value, 0) > 0;
  if (name == "sampling" || name == "structured_output") return is_flag(value);
  if (name == "auth") return value == "auto" || value == "x-api-key" || value == "bearer";
  if (name != "thinking") return false;
  return value == "auto" || value == "adaptive" || value == "budget" || value == "none";
}

}  // namespace

ModelTraits model_traits(std::string_view model, const Provider& provider) {
  const Version version = version_read(model);
  ModelTraits traits;
  traits.output_limit = output_limit(version);
  if (version.number >= 37) traits.thinking = ThinkingForm::kBudget;
  if (version.number >= 46) traits.thinking = ThinkingForm::kAdaptive;
  traits.sampling = version.number < 50 && !(version.is_opus && version.number >= 47);
  traits.both_sampling = version.number < 41;
  traits.structured = version.number >= 45 || (version.is_opus && version.number == 41);

  flag_apply(provider.option("sampling"), &traits.sampling);
  flag_apply(provider.option("structured_output"), &traits.structured);
  const std::string_view thinking = provider.option("thinking");
  if (thinking == "adaptive") traits.thinking = ThinkingForm::kAdaptive;
  if (thinking == "budget") traits.thinking = ThinkingForm::kBudget;
  if (thinking == "none") traits.thinking = ThinkingForm::kNone;
  traits.default_output = json_integer(provider.option("default_max_tokens"), 0);
  traits.output_limit = std::max(traits.output_limit, traits.default_output);
  return traits;
}

Result<void> options_check(const Provider& provider) {
  for (const auto& [name, value] : provider.options) {
    if (option_valid(name, value)) continue;
    return std::unexpected(Error{
        Errc::kConfig, "unknown option or value; see the options of anthropic in docs/adapters.md",
        "options"});
  }
  return {};
}

}  // namespace weir
