// `weir run`: configuration, data folder, control plane and engine put together; signals.
// Called once, by main; returns the exit code.
#pragma once

#include <string>
#include <vector>

#include "control/config_load.h"

namespace weir {

struct RunOptions {
  std::string config_file;          // empty: the embedded configuration
  std::vector<std::string> listen;  // replaces the file's list when not empty
  uint32_t workers = 0;             // 0: as the file says
  std::string data_dir;             // empty: as the file says
};

[[nodiscard]] int weir_run(const RunOptions& options);

}  // namespace weir
