// A Worker on a libuv loop: network, driver, listeners. The loop is somebody's: a WorkerThread's
// own or an embedder's. It is never run, stopped or closed here.
//
// Made by open() on the loop's thread, freed by itself just before `on_closed`, which is told once
// when all of its handles are gone: after the link said stop, or said drain and the last request is
// done. In an embedder's loop (own_loop false) none of its handles keeps the loop running, until it
// is told to stop, and nothing waits for the end of a round of events, as others work in it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "embed/worker_port.h"
#include "net/uv_net.h"
#include "proxy/worker.h"

struct uv_loop_s;

namespace weir {

struct ListenerSocket {
  int fd = -1;
  std::shared_ptr<TlsServerContext> tls;
};

class WorkerLoop {
 public:
  struct Options {
    uint64_t seed = 0;
    uint64_t instance_id = 0;
    bool own_loop = true;
    std::vector<ListenerSocket> sockets;
    void (*on_closed)(void* user) = nullptr;
    void* user = nullptr;
  };

  static WorkerLoop* open(uv_loop_s* uv, WorkerPort* port, ControlLink* control, Options options);
  WorkerLoop(const WorkerLoop&) = delete;
  WorkerLoop& operator=(const WorkerLoop&) = delete;

  [[nodiscard]] Worker* worker() { return &worker_; }
  // The link said stop: does not wait for the wake-up, and keeps the loop alive until it is done.
  void stop_now();

 private:
  WorkerLoop(uv_loop_s* uv, WorkerPort* port, ControlLink* control, Options options);
  ~WorkerLoop() = default;
  void open_listeners();
  void close_listeners();
  void take_messages();
  void take_message(PortMessage* message);
  void adopt_socket(int fd);
  void on_wake();
  void begin_round();
  void end_round();
  void maybe_close();

  WorkerPort* const port_;
  Options options_;
  UvNet* const net_;
  Worker worker_;
  UvDriver* driver_ = nullptr;
  std::vector<UvListener*> listeners_;
  bool closing_ = false;
};

}  // namespace weir
