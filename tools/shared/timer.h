// A one-shot timer on a libuv loop. The handle lives on the heap, because libuv still needs it for
// one turn of the loop after the owner has let go; so a Timer may be destroyed at any moment, also
// inside its own callback. The handle is made at the first start: an unused Timer costs nothing.
// Thread: that of the loop.
#pragma once

#include <uv.h>

#include <cmath>
#include <functional>
#include <utility>

namespace weir::tools {

class Timer {
 public:
  explicit Timer(uv_loop_t* loop) : loop_(loop) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() {
    if (handle_ == nullptr) return;
    handle_->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle_),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
  }

  // libuv counts whole milliseconds from the time it cached at the start of the turn, hence the
  // update and the rounding up: a pause is never shorter than asked.
  void start(double delay_ms, std::function<void()> action) {
    if (handle_ == nullptr) {
      handle_ = new uv_timer_t;
      uv_timer_init(loop_, handle_);
      handle_->data = this;
    }
    action_ = std::move(action);
    armed_ = true;
    uv_update_time(loop_);
    uv_timer_start(handle_, &Timer::on_fire, static_cast<std::uint64_t>(std::ceil(delay_ms)), 0);
  }

  void stop() {
    armed_ = false;
    if (handle_ != nullptr) uv_timer_stop(handle_);
  }

  bool armed() const { return armed_; }

 private:
  static void on_fire(uv_timer_t* handle) {
    auto* self = static_cast<Timer*>(handle->data);
    if (self == nullptr) return;
    self->armed_ = false;
    // The action may start this timer again or destroy it, so it runs from a local copy.
    const std::function<void()> action = std::move(self->action_);
    action();
  }

  uv_loop_t* loop_;
  uv_timer_t* handle_ = nullptr;
  std::function<void()> action_;
  bool armed_ = false;
};

}  // namespace weir::tools
