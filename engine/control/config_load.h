// From a file (or text) to a checked Config: reads, parses, resolves secrets, checks.
//
// All problems are collected, in the order of the file; the config is usable only when none of them
// is an error. Control thread, or main before it starts.
#pragma once

#include <string>
#include <string_view>

#include "control/config.h"
#include "control/config_check.h"

namespace weir {

struct LoadedConfig {
  static constexpr size_t kMaxFileBytes = 16 << 20;
  Config config;
  ConfigProblems problems;
  std::string file;  // for problem_line()
  [[nodiscard]] bool usable() const { return !problems.has_errors(); }
  // The first error as one line; empty when usable.
  [[nodiscard]] std::string first_error() const;
};

[[nodiscard]] LoadedConfig config_load(const std::string& file, const ConfigOptions& options);
// `folder` is where relative paths start.
[[nodiscard]] LoadedConfig config_load_text(std::string_view text, std::string_view file,
                                            std::string_view folder, const ConfigOptions& options);
// What runs without a file: the loopback provider and its models, on the default address.
[[nodiscard]] LoadedConfig config_embedded(const ConfigOptions& options);

// Every default as YAML that loads to the same values.
[[nodiscard]] std::string config_defaults_yaml();

}  // namespace weir
