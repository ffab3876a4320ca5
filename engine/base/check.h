// Checks of invariants. WEIR_CHECK stays on in every build and ends the process with one line;
// WEIR_DCHECK is compiled in only with WEIR_DEBUG_CHECKS (debug, sanitizer and fuzz builds).
// For broken invariants only: bad input is answered with a Result, never with a crash.
// Any thread.
#pragma once

namespace weir {

[[noreturn]] void check_failed(const char* what, const char* file, int line);

}  // namespace weir

#define WEIR_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::weir::check_failed(#condition, __FILE__, __LINE__))

#ifdef WEIR_DEBUG_CHECKS
#define WEIR_DCHECK(condition) WEIR_CHECK(condition)
#else
#define WEIR_DCHECK(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
#endif
