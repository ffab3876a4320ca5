// Opens many keep-alive connections, a bounded number at a time, does one request on each (or
// none), and holds them until SIGTERM, SIGINT or the duration ends: for measuring memory per
// connection. Prints one line when all are open. Thread: that of the caller of run().
#pragma once

#include <uv.h>

#include <memory>
#include <vector>

#include "client.h"

namespace weir::load {

class IdleHolder final : public ClientOwner {
 public:
  explicit IdleHolder(const Setup& setup);
  IdleHolder(const IdleHolder&) = delete;
  IdleHolder& operator=(const IdleHolder&) = delete;
  ~IdleHolder();

  void run();
  Tally& tally() { return tally_; }

 private:
  void on_free(Client& client) override;
  static void on_signal(uv_signal_t* handle, int);
  void open_more();
  void stop();

  const Setup& setup_;
  uv_loop_t loop_{};
  uv_signal_t signals_[2]{};
  uv_timer_t end_{};
  std::vector<std::unique_ptr<Client>> clients_;
  std::size_t opened_ = 0;
  std::size_t ready_ = 0;
  bool stopped_ = false;
  Tally tally_;
};

}  // namespace weir::load
