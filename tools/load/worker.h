// One thread's share of the load: a loop, its clients, and the rule when the next request is due.
// Closed loop: a client sends as soon as it is free. Open loop: requests fall due by the clock
// whether or not a client is free; those that find none wait, and their latency counts from the due
// time all the same. run() returns when the window is over and the last answer is in.
// Thread: made and run on one thread; the tally is read after run() has returned.
#pragma once

#include <uv.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <vector>

#include "client.h"

namespace weir::load {

class Worker final : public ClientOwner {
 public:
  // `index` of options.threads: chooses the share of connections, requests and rate.
  Worker(const Setup& setup, unsigned index);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  void run();
  Tally& tally() { return tally_; }

 private:
  void on_free(Client& client) override;
  static void on_due(uv_poll_t* handle, int status, int events);
  static void on_sweep(uv_timer_t* handle);

  bool may_begin(std::uint64_t now_ns) const;
  void send_due();
  void arm_due();
  void stop_if_over();
  std::uint64_t next_gap_ns();

  const Setup& setup_;
  const Options& options_;
  uv_loop_t loop_{};
  uv_timer_t sweep_{};
  uv_poll_t due_{};
  int due_fd_ = -1;
  std::vector<std::unique_ptr<Client>> clients_;
  std::deque<Client*> free_;  // taken in turn, so that all connections are used
  std::deque<std::uint64_t> waiting_;
  std::mt19937_64 random_;
  std::uint64_t next_due_ns_ = 0;
  double due_exact_ns_ = 0;
  std::uint64_t share_requests_ = UINT64_MAX;
  double share_rate_ = 0;
  std::uint64_t begun_ = 0;  // measured ones
  bool over_ = false;
  Tally tally_;
};

}  // namespace weir::load
