// The provider `loopback`: answers by itself, without any network.
//
// It is what a first run serves, and what client programs, fallback rules and dashboards are tried
// against: the answer is made from the question, the same each time, and names that begin with
// `loopback/` rehearse faults (rehearsal.h). docs/adapters.md describes all of it.
#pragma once

#include <weir/adapter.h>

namespace weir {

extern const Adapter kLoopbackAdapter;

}  // namespace weir
