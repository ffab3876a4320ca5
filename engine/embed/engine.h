// The engine with threads of its own: sockets, workers, drain and stop. The binary is a thin main
// around it and the control plane.
//
// Order: create() binds every socket, so that a port in use is known before anything runs; then the
// control plane publishes to links(); then start(). Calls come from one thread (main).
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
  uint16_t port = 0;             // 0: any; see Engine::ports()
  std::string certificate_file;  // empty: plain HTTP
  std::string key_file;
};

struct EngineOptions {
  uint32_t workers = 1;
  bool pin_cpus = false;
  std::vector<ListenAddress> listen;
};

class Engine {
 public:
  // The error is one line that names the address or file.
  [[nodiscard]] static std::expected<std::unique_ptr<Engine>, std::string> create(
      const EngineOptions& options, ControlLink* control);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] std::span<WorkerLink* const> links() const { return link_pointers_; }
  // The port of each listen address, in their order.
  [[nodiscard]] const std::vector<uint16_t>& ports() const { return ports_; }

  void start();
  // Reads the certificates again. The error names the file; the old ones stay then.
  [[nodiscard]] std::expected<void, std::string> reload_tls();
  // No new connection, idle ones closed, running requests go on.
  void drain();
  [[nodiscard]] bool drained() const;
  // Cuts what is left and waits for the threads.
  void stop();

 private:
  Engine() = default;
  [[nodiscard]] std::expected<void, std::string> open_sockets();
  [[nodiscard]] std::expected<std::shared_ptr<TlsServerContext>, std::string> load_tls(
      const ListenAddress& address) const;

  EngineOptions options_;
  ControlLink* control_ = nullptr;
  std::vector<uint16_t> ports_;
  std::vector<std::vector<ListenerSocket>> sockets_;  // per worker
  std::vector<std::unique_ptr<WorkerLink>> links_;
  std::vector<WorkerLink*> link_pointers_;
  std::vector<std::unique_ptr<WorkerThread>> threads_;
};

}  // namespace weir
