#include "limit/bucket.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "base/check.h"

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

bool ThreadPlatform::has_heavy_fence() {
  // Asked for once; a kernel or a filter of system calls may say no.
  static const bool has =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return has;
}

void ThreadPlatform::heavy_fence() {
  // Which is also a fence of its caller.
  WEIR_CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
}

template class BasicBucket<ThreadPlatform>;

}  // namespace weir
