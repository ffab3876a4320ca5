// Lines for the operator on stderr, each written with one call. Any thread.
#pragma once

#include <string>

namespace weir {

void report_line(const std::string& line);

}  // namespace weir
