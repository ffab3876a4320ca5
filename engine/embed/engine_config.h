// What every engine brings to a configuration: its adapters, address rules and features. The
// program and the library share it, so that a file means the same in both. Any thread.
#pragma once

#include "control/control_plane.h"

namespace weir {

[[nodiscard]] ConfigOptions engine_config_options();
// With the above and what the adapters leave to the common form; the rest as it comes.
[[nodiscard]] ControlOptions engine_control_options();

}  // namespace weir
