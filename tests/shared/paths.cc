#include "tests/shared/paths.h"

#include <cstdlib>

namespace weir::test {

std::filesystem::path source_dir() { return WEIR_SOURCE_DIR; }

std::filesystem::path program_dir() { return WEIR_BIN_DIR; }

std::filesystem::path fixtures_dir() {
  const char* const named = std::getenv("WEIR_FIXTURES");
  return named != nullptr ? std::filesystem::path(named)
                          : source_dir() / "../shared/fixtures/providers";
}

}  // namespace weir::test
