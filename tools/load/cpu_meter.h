// CPU time of a process and all its descendants, from /proc/PID/task/*/schedstat, whose first
// number is nanoseconds on a CPU. Threads that ended between two readings are lost, so measure
// steady servers. Any thread.
#pragma once

#include <cstdint>

namespace weir::load {

std::uint64_t cpu_ns_of_tree(int pid);

}  // namespace weir::load
