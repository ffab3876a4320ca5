// The workers of an engine and their sockets: threads of their own, and loops of an embedder's.
//
// Order: create() binds every socket, so that a port in use is known before anything runs; then the
// control plane publishes to links(); then start(), or attach() for each loop. Calls come from one
// thread, but attach() and detach(), which come from the loop's.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "embed/worker_thread.h"
#include "link/worker_link.h"

namespace weir {

struct ListenAddress {
  std::string host;
  uint16_t port = 0;             // 0: any; see WorkerSet::ports()
  std::string certificate_file;  // empty: plain HTTP
  std::string key_file;
  int fd = -1;  // a listening socket that is there already, and stays the caller's; -1: none
};

struct WorkerSetOptions {
  uint32_t workers = 1;  // places: for threads, or for loops
  bool pin_cpus = false;
  std::vector<ListenAddress> listen;
};

class WorkerSet {
 public:
  // The error is one line that names the address or file.
  [[nodiscard]] static std::expected<std::unique_ptr<WorkerSet>, std::string> create(
      const WorkerSetOptions& options, ControlLink* control);
  ~WorkerSet();
  WorkerSet(const WorkerSet&) = delete;
  WorkerSet& operator=(const WorkerSet&) = delete;

  [[nodiscard]] std::span<WorkerLink* const> links() const { return link_pointers_; }
  // The port of each listen address, in their order.
  [[nodiscard]] const std::vector<uint16_t>& ports() const { return ports_; }

  [[nodiscard]] WorkerPort* port(uint32_t core) { return ports_of_.at(core).get(); }
  [[nodiscard]] uint32_t next_place() { return next_place_.take(); }  // any thread
  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(ports_of_.size()); }

  // A thread for every place. Before it, nothing of this set runs on a thread.
  void start();
  // The loop's thread. Null: every place is taken.
  [[nodiscard]] WorkerPort* attach(uv_loop_s* loop);
  // The same thread. `done` is told when nothing of the worker is left on the loop; what ran there
  // is cancelled.
  void detach(WorkerPort* port, void (*done)(void* user), void* user);
  // Reads the certificates again. The error names the file; the old ones stay then.
  [[nodiscard]] std::expected<void, std::string> reload_tls();
  // No new connection, idle ones closed, running requests go on.
  void drain();
  [[nodiscard]] bool drained() const;
  // Cuts what is left and waits for the threads; loops are the embedder's to detach.
  void stop();

 private:
  WorkerSet() = default;
  [[nodiscard]] std::expected<void, std::string> open_sockets();
  [[nodiscard]] std::expected<std::shared_ptr<TlsServerContext>, std::string> load_tls(
      const ListenAddress& address) const;

  [[nodiscard]] WorkerLoop::Options loop_options() const;

  WorkerSetOptions options_;
  ControlLink* control_ = nullptr;
  uint64_t instance_id_ = 0;
  std::vector<uint16_t> ports_;
  std::vector<std::vector<ListenerSocket>> sockets_;  // per worker
  std::vector<std::unique_ptr<WorkerPort>> ports_of_;
  std::vector<WorkerLink*> link_pointers_;
  std::vector<std::unique_ptr<WorkerThread>> threads_;
  // What detach() is to tell, by place; touched on the place's thread only.
  struct Done {
    void (*call)(void* user) = nullptr;
    void* user = nullptr;
  };
  std::vector<Done> done_;
  NextPlace next_place_;
};

}  // namespace weir
