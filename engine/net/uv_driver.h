// The few loop handles a worker needs besides its connections: a wake-up from other threads, one
// timer for the deadline wheel, and hooks before the loop sleeps and behind what woke it. Created
// on the loop's thread.
//
// With keep_alive false nothing in here keeps an embedder's loop running.
#pragma once

#include "base/clock.h"

struct uv_loop_s;

namespace weir {

struct UvDriver;

struct UvDriverEvents {
  void (*on_wake)(void* user);           // somebody called uv_driver_wake()
  Millis (*on_tick)(void* user);         // a deadline may be due; returns the next one
  Millis (*on_sleep)(void* user);        // the loop is about to wait; returns the next deadline
  void (*on_rest)(void* user);           // what the wait brought has been handled
  void (*on_soon)(void* user);           // after uv_driver_soon(), in the loop's next turn
  void (*on_closed)(void* user);         // after uv_driver_close(); the driver is gone
};

[[nodiscard]] UvDriver* uv_driver_create(uv_loop_s* loop, const UvDriverEvents& events, void* user,
                                         bool keep_alive);
// Any thread; coalesces.
void uv_driver_wake(UvDriver* driver);
// The loop's thread; costs no system call. Several before the next turn count as one.
void uv_driver_soon(UvDriver* driver);
// Keeps the loop running until the driver is closed, whatever keep_alive said.
void uv_driver_hold(UvDriver* driver);
void uv_driver_close(UvDriver* driver);

// Monotonic nanoseconds and wall-clock milliseconds of this machine.
[[nodiscard]] Nanos uv_clock_monotonic(void*);
[[nodiscard]] UnixMillis uv_clock_wall(void*);

}  // namespace weir
