// One worker on a thread and a loop of its own, from start to join.
//
// Created and joined by the WorkerSet; everything in between happens on the worker's thread. Ends
// when its link says stop, or says drain and the last request is done.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "embed/worker_loop.h"

namespace weir {

class WorkerThread {
 public:
  WorkerThread(WorkerPort* port, ControlLink* control, WorkerLoop::Options options, int cpu);
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // Returns when the loop runs and the port is open.
  void start();
  void join();
  [[nodiscard]] bool ended() const { return ended_.load(std::memory_order_acquire); }

 private:
  void run();

  WorkerPort* const port_;
  ControlLink* const control_;
  WorkerLoop::Options options_;
  const int cpu_;  // to pin to; -1: none
  std::mutex start_mutex_;
  std::condition_variable started_changed_;
  bool started_ = false;
  std::atomic<bool> ended_{false};  // release at the end of run(), acquire by ended()
  std::thread thread_;
};

}  // namespace weir
