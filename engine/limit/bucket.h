// Bucket: one limit, `{amount, capacity, duration}`, shared by all cores of the process.
//
// While it is ample a core takes from its own cache line and touches nothing that others write;
// still it admits exactly what one bucket behind one lock would. Workers call with their core's
// number, one thread per number; what takes no core is for any thread. Made by LimitRegistry, which
// never frees it. What holds exactly is told in docs/limits.md, the members in bucket_core.h.
#pragma once

#include <atomic>
#include <cstdint>

#include "limit/bucket_core.h"

namespace weir {

struct ThreadPlatform {
  using Order = std::memory_order;
  template <typename T>
  using Atomic = std::atomic<T>;
  // The round-th look in vain at something that another thread does for some hundred nanoseconds.
  static void wait(uint32_t round);
  // After so many takes the cost of a heavy fence is worth it.
  static constexpr uint32_t kHotTakes = 2048;
  // Whether the system has one: a full fence in every running thread of the process, in place of
  // their light ones, which only keep the compiler from moving accesses.
  [[nodiscard]] static bool has_heavy_fence();
  static void light_fence() { std::atomic_signal_fence(std::memory_order_seq_cst); }
  static void heavy_fence();
};

extern template class BasicBucket<ThreadPlatform>;

class Bucket final : public BasicBucket<ThreadPlatform> {
 public:
  // Asks for the heavy fence: where the process has several threads the system takes some ten
  // milliseconds over the first question, which no request should wait for.
  Bucket(uint32_t cores, const BucketSpec& spec, Nanos now, Leases leases = Leases::kOn)
      : BasicBucket(cores, spec, now, leases) {
    static_cast<void>(ThreadPlatform::has_heavy_fence());
  }
};

}  // namespace weir
