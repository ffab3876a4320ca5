#include "embed/worker_thread.h"

#include <pthread.h>
#include <sched.h>
#include <uv.h>

#include <csignal>

#include "base/check.h"

namespace weir {

namespace {

void pin_to_cpu(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

// Signals belong to the main thread.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

WorkerThread::WorkerThread(WorkerPort* port, ControlLink* control, WorkerLoop::Options options,
                           int cpu)
    : port_(port), control_(control), options_(std::move(options)), cpu_(cpu) {}

WorkerThread::~WorkerThread() { WEIR_CHECK(!thread_.joinable()); }

void WorkerThread::start() {
  thread_ = std::thread([this] { run(); });
  std::unique_lock lock(start_mutex_);
  started_changed_.wait(lock, [this] { return started_; });
}

void WorkerThread::join() {
  if (thread_.joinable()) thread_.join();
}

void WorkerThread::run() {
  block_signals();
  pin_to_cpu(cpu_);
  uv_loop_t uv;
  WEIR_CHECK(uv_loop_init(&uv) == 0);
  WorkerLoop::open(&uv, port_, control_, std::move(options_));
  {
    const std::lock_guard lock(start_mutex_);
    started_ = true;
  }
  started_changed_.notify_all();
  uv_run(&uv, UV_RUN_DEFAULT);
  WEIR_CHECK(uv_loop_close(&uv) == 0);
  ended_.store(true, std::memory_order_release);  // pairs with the acquire in ended()
}

}  // namespace weir
