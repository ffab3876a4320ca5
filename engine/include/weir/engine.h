// Weir inside a process: routing, limits, ledger and provider adapters as the program `weir` has
// them, on threads of the engine's own or on the caller's libuv loops. docs/embedding.md shows how.
//
// An Engine has one control thread, which reads the configuration, keeps the ledger and fetches
// tokens, and a fixed number of places for workers. A place is filled by start() (a thread) or by
// attach() (a loop of yours, on whose thread all work of that worker and all its callbacks happen).
// An attached loop is never run, stopped or kept alive: keep it running yourself while you wait for
// answers.
//
// Threads: submit_on(), attach() and detach() are for the thread of the loop in
// question; create(), start(), drain(), stop() and the destructor for one thread at a time; all
// else for any thread. Errors are one line of text.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <weir/submit.h>
#include <weir/version.h>

struct uv_loop_s;

namespace weir {

struct EngineOptions {
  uint32_t workers = 1;   // places, 1 to 255
  bool listen = false;    // start() also opens the addresses under `listen:` of the configuration
  bool pin_cpus = false;  // of start()'s threads
  std::string data_dir = {};   // for the usage store; empty: it is kept in memory
  std::string admin_key = {};  // a key with the role admin, besides those of the configuration
  // Lines for the operator (warnings, refused reloads); from any thread. Null: they are dropped.
  void (*report)(const std::string& line) = nullptr;
};

class WEIR_API Engine {
 public:
  // `config` is the text of a configuration file (YAML or JSON). Relative paths in it start at the
  // current folder.
  [[nodiscard]] static std::expected<std::unique_ptr<Engine>, std::string> create(
      std::string_view config, const EngineOptions& options);
  // After stop(), and after every detach() has called back.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Reads and checks a new configuration; requests that run keep the old one. The change reaches
  // each worker a moment later. On error the old one stays. Waits for the control thread, which
  // never waits for a worker.
  [[nodiscard]] std::expected<void, std::string> publish(std::string_view config);

  // --- threads of the engine's own
  // Fills every place; refused when one is taken.
  [[nodiscard]] std::expected<void, std::string> start();
  // No new connections and requests; what runs goes on.
  void drain();
  [[nodiscard]] bool drained() const;
  // Cancels what runs and waits for the threads.
  void stop();
  // The port of the nth address under `listen:`; 0: there is none.
  [[nodiscard]] uint16_t port(size_t n) const;

  // --- loops of yours
  // The place that was filled.
  [[nodiscard]] std::expected<uint32_t, std::string> attach(uv_loop_s* loop);
  // Cancels what runs there. `done` is called when nothing of the worker is left on the loop, which
  // is kept alive until then, and only then; the place is free again.
  void detach(uint32_t worker, void (*done)(void* user), void* user);

  // --- requests without a socket
  // The request's id; 0: not taken (draining, or bounds of memory), and nothing will be called.
  // `events` is a static table.
  [[nodiscard]] uint64_t submit_on(uint32_t worker, const SubmitRequest& request,
                                   const AnswerEvents* events, void* user);
  // On one of the workers in turn. One that stops meanwhile ends the request as cancelled.
  [[nodiscard]] uint64_t submit(const SubmitRequest& request, const AnswerEvents* events,
                                void* user);
  // Ids of requests that have ended mean nothing. on_end follows a cancel, unless it came before.
  void cancel(uint64_t id);
  // Asks for no more of the answer; what one read of the provider brought (at most 128 KiB, or one
  // event) may still come. A pause longer than limits.write_stall_timeout cancels.
  void pause(uint64_t id);
  void resume(uint64_t id);

  // --- sockets that you accepted
  // A connected TCP socket, which the engine serves as HTTP/1.1 and closes. False: the worker is
  // not running, and the socket is still yours.
  bool adopt(uint32_t worker, int fd);

 private:
  struct Parts;
  explicit Engine(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir
