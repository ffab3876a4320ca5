#include "idle_holder.h"

#include <csignal>
#include <cstdio>

namespace weir::load {
namespace {

// More at once could overflow the accept queue, and then SYNs are sent again only after a second.
constexpr std::size_t kOpeningAtOnce = 64;
constexpr std::uint64_t kSweepMs = 50;

}  // namespace

IdleHolder::IdleHolder(const Setup& setup) : setup_(setup) {
  uv_loop_init(&loop_);
  for (int i = 0; i < 2; ++i) {
    uv_signal_init(&loop_, &signals_[i]);
    signals_[i].data = this;
  }
  uv_timer_init(&loop_, &end_);
  end_.data = this;
  for (std::uint64_t i = 0; i < setup.options->idle; ++i) {
    clients_.push_back(std::make_unique<Client>(&loop_, setup_, *this, tally_, i));
  }
}

IdleHolder::~IdleHolder() {
  clients_.clear();
  stop();
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_loop_close(&loop_);
}

void IdleHolder::run() {
  uv_signal_start(&signals_[0], &IdleHolder::on_signal, SIGTERM);
  uv_signal_start(&signals_[1], &IdleHolder::on_signal, SIGINT);
  // One timer for both: the end of the duration, and requests that take too long.
  uv_timer_start(
      &end_,
      [](uv_timer_t* handle) {
        auto* self = static_cast<IdleHolder*>(handle->data);
        const std::uint64_t now_ns = uv_hrtime();
        if (now_ns >= self->setup_.window_end_ns) return self->stop();
        if (self->ready_ == self->clients_.size()) return;
        for (const auto& client : self->clients_) client->check_timeout(now_ns);
      },
      kSweepMs, kSweepMs);
  for (std::size_t i = 0; i < kOpeningAtOnce; ++i) open_more();
  uv_run(&loop_, UV_RUN_DEFAULT);
}

void IdleHolder::open_more() {
  if (opened_ >= clients_.size()) return;
  Client& client = *clients_[opened_++];
  setup_.options->idle_quiet ? client.open_only() : client.issue(uv_hrtime());
}

void IdleHolder::on_free(Client&) {
  if (++ready_ < clients_.size()) return open_more();
  std::size_t open = 0;
  for (const auto& client : clients_) open += client->connected() ? 1 : 0;
  std::printf("idle %zu connections open\n", open);
  std::fflush(stdout);
}

void IdleHolder::on_signal(uv_signal_t* handle, int) {
  static_cast<IdleHolder*>(handle->data)->stop();
}

void IdleHolder::stop() {
  if (stopped_) return;
  stopped_ = true;
  for (auto& signal : signals_) uv_close(reinterpret_cast<uv_handle_t*>(&signal), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&end_), nullptr);
  uv_stop(&loop_);
}

}  // namespace weir::load
