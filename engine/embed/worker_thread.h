// One worker on a thread of its own: loop, network, Worker, listeners, from start to join.
//
// Created and joined by the Engine; everything in between happens on the worker's thread. Ends when
// its link says stop, or says drain and the last request is done.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/mailbox.h"
#include "link/worker_link.h"
#include "net/uv_net.h"

namespace weir {

struct UvDriver;
struct Worker;

struct ListenerSocket {
  int fd = -1;
  std::shared_ptr<TlsServerContext> tls;
};

class WorkerThread {
 public:
  struct Options {
    uint64_t seed = 0;
    uint64_t instance_id = 0;
    int cpu = -1;  // to pin to; -1: none
    std::vector<ListenerSocket> sockets;
  };
  using TlsUpdate = std::vector<std::shared_ptr<TlsServerContext>>;  // one for each socket

  WorkerThread(WorkerLink* link, ControlLink* control, Options options);
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  // Returns when the loop runs and the link can be woken.
  void start();
  void join();
  [[nodiscard]] bool ended() const { return ended_.load(std::memory_order_acquire); }
  // Certificates for connections accepted from now on. Any thread.
  void update_tls(std::unique_ptr<TlsUpdate> update);

 private:
  struct Loop;
  void run();
  void wake();
  void set_driver(UvDriver* driver);

  WorkerLink* const link_;
  ControlLink* const control_;
  Options options_;
  LatestSlot<TlsUpdate> tls_update_;
  // Guards the driver's life, not any request: a wake-up must not meet a loop that is ending.
  std::mutex wake_mutex_;
  UvDriver* driver_ = nullptr;
  std::condition_variable started_;
  std::atomic<bool> ended_{false};          // release at the end of run(), acquire by ended()
  std::thread thread_;
};

}  // namespace weir
