// Goal: no file can crash the reader of the configuration, and each report is one printable line.
// Method: any text is loaded; what is accepted must be accepted again with the same reports.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/config_load.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMaxInput = 64 * 1024;
  if (size > kMaxInput) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  weir::ConfigOptions options;
  options.resolve_secrets = false;
  const auto first = weir::config_load_text(text, "f", "/nowhere", options);
  const auto second = weir::config_load_text(text, "f", "/nowhere", options);
  if (first.usable() != second.usable()) std::abort();
  for (const auto& problem : first.problems.list) {
    for (const char c : weir::problem_line("f", problem)) {
      if (static_cast<unsigned char>(c) < 0x20) std::abort();
    }
  }
  return 0;
}
