// The settings that hold from the start to the end of the program, as a file says them, so that a
// reload can name those that it did not apply.
//
// Made from what was loaded before the command line had its say: compared is what was written then
// with what is written now. Plain values; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "control/config.h"

namespace weir {

class RestartSettings {
 public:
  explicit RestartSettings(const Config& file);
  // The names of those that differ, with commas between; empty: none.
  [[nodiscard]] std::string changed(const RestartSettings& now) const;

 private:
  std::vector<std::pair<const char*, Secret>> values_;  // by name; some are secrets
};

}  // namespace weir
