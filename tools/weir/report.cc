#include "report.h"

#include <unistd.h>

namespace weir {

void report_line(const std::string& line) {
  const std::string text = "weir: " + line + "\n";
  // When nobody reads it there is nobody to tell.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace weir
