// One worker's place in an engine: its link, and the way in for other threads.
//
// Lives as long as the engine, while loops come and go: a WorkerLoop opens the port when it begins
// and closes it when it ends. Any thread may wake it and send to it; what is sent while no loop has
// it open is refused.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <weir/submit.h>

#include "base/mailbox.h"
#include "link/worker_link.h"

namespace weir {

class TlsServerContext;
struct UvDriver;
class WorkerLoop;

using TlsUpdate = std::vector<std::shared_ptr<TlsServerContext>>;  // one for each socket

// From any thread to the loop, which frees it.
struct PortMessage {
  enum class Kind : uint8_t { kSubmit, kCancel, kPause, kResume, kAdopt, kTls };
  PortMessage* next_message = nullptr;
  Kind kind = Kind::kSubmit;
  uint64_t id = 0;
  SubmitRequest request;  // views into `text`
  std::unique_ptr<char[]> text;
  const AnswerEvents* events = nullptr;
  void* user = nullptr;
  int fd = -1;            // kAdopt
  TlsUpdate tls;
};

// Whose turn it is, for requests that may go to any worker. Any thread.
class NextPlace {
 public:
  [[nodiscard]] uint32_t take() { return next_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::atomic<uint32_t> next_{0};  // relaxed: nothing else is read by it
};

class WorkerPort {
 public:
  WorkerPort(uint32_t core, uint32_t cores);
  ~WorkerPort() { messages_discard(messages_); }
  WorkerPort(const WorkerPort&) = delete;
  WorkerPort& operator=(const WorkerPort&) = delete;

  // False: no loop has it open, and nothing was done.
  [[nodiscard]] bool send(std::unique_ptr<PortMessage> message);
  void wake();
  // The loop while it has this open and the caller is on its thread, else null.
  [[nodiscard]] WorkerLoop* own_loop() const;
  [[nodiscard]] bool is_open() const;
  // Takes the slot for a loop that is about to open it. False: it is taken.
  [[nodiscard]] bool reserve() { return !reserved_.exchange(true, std::memory_order_acq_rel); }
  void give_back() { reserved_.store(false, std::memory_order_release); }
  [[nodiscard]] uint64_t next_number() {
    return next_number_.fetch_add(1, std::memory_order_relaxed);  // only has to be new
  }

  // The loop's thread.
  void open(WorkerLoop* loop, UvDriver* driver);
  void close();
  [[nodiscard]] PortMessage* take_messages() { return messages_.take_all(); }

  WorkerLink link;

 private:
  // Guards the driver's life, not any request: a wake-up must not meet a loop that is ending.
  mutable std::mutex mutex_;
  UvDriver* driver_ = nullptr;
  // Relaxed, both: the thread that finds itself in `thread_` has written `loop_` too.
  std::atomic<WorkerLoop*> loop_{nullptr};
  std::atomic<std::thread::id> thread_{};
  std::atomic<bool> reserved_{false};
  std::atomic<uint64_t> next_number_{1};
  MessageStack<PortMessage> messages_;
};

}  // namespace weir
