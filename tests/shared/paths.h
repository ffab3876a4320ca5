// Where the tree, the built programs and the recorded exchanges are. Only the source file behind
// this knows the folder of the build, so a clone elsewhere finds all others in the compiler cache.
#pragma once

#include <filesystem>

namespace weir::test {

[[nodiscard]] std::filesystem::path source_dir();
[[nodiscard]] std::filesystem::path program_dir();
// WEIR_FIXTURES, else ../shared/fixtures/providers beside the tree; it may be absent.
[[nodiscard]] std::filesystem::path fixtures_dir();

}  // namespace weir::test
