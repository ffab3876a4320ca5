// The settings that hold from the start to the end of the program, so that a reload can say which
// of them it did not apply. Control thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "control/config.h"

namespace weir {

class RestartSettings {
 public:
  explicit RestartSettings(const Config& config);
  // The names of those that differ, with commas between; empty: none.
  [[nodiscard]] std::string changed(const RestartSettings& now) const;

 private:
  // By name; digests of secrets, and everything else as text.
  std::vector<std::pair<const char*, std::string>> values_;
};

}  // namespace weir
