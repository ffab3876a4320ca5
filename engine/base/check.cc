#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace weir {

void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "weir: invariant broken: %s (%s:%d)\n", what, file, line);
  std::abort();
}

}  // namespace weir
