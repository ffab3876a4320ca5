#include "net/uv_driver.h"

#include <uv.h>

#include <ctime>

#include "base/check.h"

namespace weir {

struct UvDriver {
  uv_async_t wake;
  uv_timer_t timer;
  uv_prepare_t prepare;
  uv_check_t check;
  uv_idle_t idle;
  UvDriverEvents events;
  void* user = nullptr;
  Millis armed_for = UINT64_MAX;  // when the timer runs out; UINT64_MAX when it is not running
  int open_handles = 5;
  bool closing = false;
};

namespace {

void on_timer(uv_timer_t* handle);

UvDriver* owner(void* handle_data) { return static_cast<UvDriver*>(handle_data); }

// Wheel times count from the same monotonic clock; libuv wants a distance from its own `now`. A
// timer that runs out too early costs one look at the wheel; setting it anew with every request
// costs more.
void arm(UvDriver* driver, Millis due) {
  if (driver->closing || due >= driver->armed_for) return;
  driver->armed_for = due;
  const Millis now = uv_clock_monotonic(nullptr) / kNanosPerMilli;
  uv_timer_start(&driver->timer, on_timer, due > now ? due - now : 0, 0);
}

void on_timer(uv_timer_t* handle) {
  UvDriver* driver = owner(handle->data);
  driver->armed_for = UINT64_MAX;
  arm(driver, driver->events.on_tick(driver->user));
}

void on_async(uv_async_t* handle) {
  UvDriver* driver = owner(handle->data);
  if (!driver->closing) driver->events.on_wake(driver->user);
}

void on_prepare(uv_prepare_t* handle) {
  UvDriver* driver = owner(handle->data);
  arm(driver, driver->events.on_sleep(driver->user));
}

void on_check(uv_check_t* handle) {
  UvDriver* driver = owner(handle->data);
  driver->events.on_rest(driver->user);
}

void on_idle(uv_idle_t* handle) {
  UvDriver* driver = owner(handle->data);
  uv_idle_stop(handle);
  if (!driver->closing) driver->events.on_soon(driver->user);
}

void on_handle_closed(uv_handle_t* handle) {
  UvDriver* driver = owner(handle->data);
  if (--driver->open_handles != 0) return;
  const UvDriverEvents events = driver->events;
  void* user = driver->user;
  delete driver;
  events.on_closed(user);
}

}  // namespace

UvDriver* uv_driver_create(uv_loop_s* loop, const UvDriverEvents& events, void* user,
                           bool keep_alive) {
  auto* driver = new UvDriver();
  driver->events = events;
  driver->user = user;
  WEIR_CHECK(uv_async_init(loop, &driver->wake, on_async) == 0);
  WEIR_CHECK(uv_timer_init(loop, &driver->timer) == 0);
  WEIR_CHECK(uv_prepare_init(loop, &driver->prepare) == 0);
  WEIR_CHECK(uv_check_init(loop, &driver->check) == 0);
  WEIR_CHECK(uv_idle_init(loop, &driver->idle) == 0);
  driver->wake.data = driver->timer.data = driver->prepare.data = driver;
  driver->check.data = driver->idle.data = driver;
  uv_prepare_start(&driver->prepare, on_prepare);
  uv_check_start(&driver->check, on_check);
  uv_unref(reinterpret_cast<uv_handle_t*>(&driver->timer));
  uv_unref(reinterpret_cast<uv_handle_t*>(&driver->prepare));
  uv_unref(reinterpret_cast<uv_handle_t*>(&driver->check));
  uv_unref(reinterpret_cast<uv_handle_t*>(&driver->idle));
  if (!keep_alive) uv_unref(reinterpret_cast<uv_handle_t*>(&driver->wake));
  return driver;
}

void uv_driver_wake(UvDriver* driver) { uv_async_send(&driver->wake); }

void uv_driver_soon(UvDriver* driver) {
  if (!driver->closing) uv_idle_start(&driver->idle, on_idle);
}

void uv_driver_hold(UvDriver* driver) {
  uv_ref(reinterpret_cast<uv_handle_t*>(&driver->prepare));
}

void uv_driver_close(UvDriver* driver) {
  if (driver->closing) return;
  driver->closing = true;
  uv_close(reinterpret_cast<uv_handle_t*>(&driver->wake), on_handle_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&driver->timer), on_handle_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&driver->prepare), on_handle_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&driver->check), on_handle_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&driver->idle), on_handle_closed);
}

// What uv_hrtime reads, without its detour.
Nanos uv_clock_monotonic(void*) {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<Nanos>(ts.tv_sec) * 1'000'000'000 + static_cast<Nanos>(ts.tv_nsec);
}

UnixMillis uv_clock_wall(void*) {
  // The coarse clock needs no system call and is exact to a few milliseconds, as logs want.
  timespec ts{};
  clock_gettime(CLOCK_REALTIME_COARSE, &ts);
  return static_cast<UnixMillis>(ts.tv_sec) * 1000 + ts.tv_nsec / 1'000'000;
}

}  // namespace weir
