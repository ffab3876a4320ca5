// A listening socket of one worker, accepting by itself: libuv's own accept loop can spin at the
// descriptor limit. At that limit accepting pauses for kStarvedMs at a time and connections wait in
// the kernel's queue; after kShedTries such pauses they are shed with the help of a reserve
// descriptor, so that clients learn of it. Internal to net/; the face is in uv_net.h.
#pragma once

#include <uv.h>

#include "base/list.h"
#include "net/uv_net.h"

namespace weir {

struct UvListener {
  static constexpr int kBacklog = 1024;
  static constexpr int kAcceptsPerEvent = 64;
  static constexpr uint64_t kStarvedMs = 100;
  static constexpr uint32_t kShedTries = 20;

  uv_poll_t poll;
  uv_timer_t timer;
  ListNode node;
  UvNet* net = nullptr;
  ListenSpec spec;
  int reserve_fd = -1;
  uint32_t starved_tries = 0;
  uint32_t open_handles = 2;
  bool paused = false;   // by the owner
  bool starved = false;  // no descriptors; the timer runs
  bool closing = false;
};

}  // namespace weir
