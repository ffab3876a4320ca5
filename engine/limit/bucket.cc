#include "limit/bucket.h"

#include <thread>

namespace weir {

void ThreadPlatform::wait(uint32_t round) {
  // Longer than any holder needs, unless it is not running: then let it run.
  constexpr uint32_t kSpins = 64;
  if (round >= kSpins) {
    std::this_thread::yield();
    return;
  }
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

template class BasicBucket<ThreadPlatform>;

}  // namespace weir
