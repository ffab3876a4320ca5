#include "embed/worker_port.h"

#include "net/uv_driver.h"

namespace weir {

WorkerPort::WorkerPort(uint32_t core, uint32_t cores) : link(core, cores) {
  link.wake_context = this;
  link.wake = [](WorkerLink* l) { static_cast<WorkerPort*>(l->wake_context)->wake(); };
}

bool WorkerPort::send(std::unique_ptr<PortMessage> message) {
  const std::lock_guard lock(mutex_);
  if (driver_ == nullptr) return false;
  messages_.push(message.release());
  uv_driver_wake(driver_);
  return true;
}

void WorkerPort::wake() {
  // Before open() nothing is lost: the loop looks at its link when it begins.
  const std::lock_guard lock(mutex_);
  if (driver_ != nullptr) uv_driver_wake(driver_);
}

WorkerLoop* WorkerPort::own_loop() const {
  if (thread_.load(std::memory_order_relaxed) != std::this_thread::get_id()) return nullptr;
  return loop_.load(std::memory_order_relaxed);
}

bool WorkerPort::is_open() const {
  const std::lock_guard lock(mutex_);
  return driver_ != nullptr;
}

void WorkerPort::open(WorkerLoop* loop, UvDriver* driver) {
  const std::lock_guard lock(mutex_);
  driver_ = driver;
  loop_.store(loop, std::memory_order_relaxed);
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
}

void WorkerPort::close() {
  const std::lock_guard lock(mutex_);
  driver_ = nullptr;
  thread_.store({}, std::memory_order_relaxed);
  loop_.store(nullptr, std::memory_order_relaxed);
}

}  // namespace weir
