#include "worker.h"

#include <sys/timerfd.h>
#include <unistd.h>

namespace weir::load {
namespace {

constexpr std::uint64_t kSweepMs = 50;

// Part `index` of `total` dealt to `parts` as evenly as whole numbers allow.
std::uint64_t share(std::uint64_t total, unsigned parts, unsigned index) {
  return total / parts + (index < total % parts ? 1 : 0);
}

}  // namespace

Worker::Worker(const Setup& setup, unsigned index)
    : setup_(setup), options_(*setup.options), random_(options_.seed * 7919 + index) {
  uv_loop_init(&loop_);
  uv_timer_init(&loop_, &sweep_);
  sweep_.data = this;
  if (options_.requests > 0) {
    share_requests_ = share(options_.requests, options_.threads, index);
  }
  share_rate_ = options_.rate_per_s / options_.threads;
  const std::uint64_t connections = share(options_.connections, options_.threads, index);
  for (std::uint64_t i = 0; i < connections; ++i) {
    clients_.push_back(std::make_unique<Client>(&loop_, setup_, *this, tally_, random_()));
  }
  // libuv's timers count milliseconds, too coarse for due times; a timerfd is exact.
  due_fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  uv_poll_init(&loop_, &due_, due_fd_);
  due_.data = this;
}

Worker::~Worker() {
  clients_.clear();
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_loop_close(&loop_);
  close(due_fd_);
}

void Worker::run() {
  uv_timer_start(&sweep_, &Worker::on_sweep, kSweepMs, kSweepMs);
  for (const auto& client : clients_) free_.push_back(client.get());
  if (options_.open_loop()) {
    uv_poll_start(&due_, UV_READABLE, &Worker::on_due);
    due_exact_ns_ = static_cast<double>(uv_hrtime());
    next_due_ns_ = uv_hrtime();
    send_due();
  } else {
    std::deque<Client*> start;
    start.swap(free_);
    for (Client* client : start) on_free(*client);
  }
  uv_run(&loop_, UV_RUN_DEFAULT);
}

bool Worker::may_begin(std::uint64_t now_ns) const {
  return !over_ && now_ns < setup_.window_end_ns && begun_ < share_requests_;
}

void Worker::on_free(Client& client) {
  const std::uint64_t now_ns = uv_hrtime();
  if (!options_.open_loop()) {
    if (!may_begin(now_ns)) return stop_if_over();
    if (now_ns >= setup_.window_start_ns) ++begun_;
    return client.issue(now_ns);
  }
  if (waiting_.empty() || now_ns >= setup_.window_end_ns) {
    free_.push_back(&client);
    return stop_if_over();
  }
  const std::uint64_t due_ns = waiting_.front();
  waiting_.pop_front();
  client.issue(due_ns);
}

std::uint64_t Worker::next_gap_ns() {
  const double mean_ns = 1e9 / share_rate_;
  const double gap_ns =
      options_.poisson ? std::exponential_distribution<double>(1 / mean_ns)(random_) : mean_ns;
  // The exact sum is kept apart, so that rounding does not change the rate.
  due_exact_ns_ += gap_ns;
  return static_cast<std::uint64_t>(due_exact_ns_);
}

void Worker::send_due() {
  std::uint64_t now_ns = uv_hrtime();
  while (next_due_ns_ <= now_ns && may_begin(next_due_ns_)) {
    if (next_due_ns_ >= setup_.window_start_ns) ++begun_;
    if (free_.empty()) {
      waiting_.push_back(next_due_ns_);
    } else {
      Client* client = free_.front();
      free_.pop_front();
      client->issue(next_due_ns_);
    }
    next_due_ns_ = next_gap_ns();
    now_ns = uv_hrtime();
  }
  if (may_begin(next_due_ns_)) arm_due();
}

void Worker::arm_due() {
  itimerspec at{};
  at.it_value.tv_sec = static_cast<time_t>(next_due_ns_ / 1'000'000'000);
  at.it_value.tv_nsec = static_cast<long>(next_due_ns_ % 1'000'000'000);
  timerfd_settime(due_fd_, TFD_TIMER_ABSTIME, &at, nullptr);
}

void Worker::on_due(uv_poll_t* handle, int, int) {
  auto* self = static_cast<Worker*>(handle->data);
  std::uint64_t expirations = 0;
  // Only clears the readiness; how often it fired is seen from the clock.
  if (read(self->due_fd_, &expirations, sizeof expirations) < 0) return;
  self->send_due();
}

void Worker::on_sweep(uv_timer_t* handle) {
  auto* self = static_cast<Worker*>(handle->data);
  const std::uint64_t now_ns = uv_hrtime();
  for (const auto& client : self->clients_) client->check_timeout(now_ns);
  self->stop_if_over();
}

void Worker::stop_if_over() {
  const std::uint64_t now_ns = uv_hrtime();
  const bool out_of_time = now_ns >= setup_.window_end_ns;
  if (over_ || (!out_of_time && (begun_ < share_requests_ || !waiting_.empty()))) return;
  for (const auto& client : clients_) {
    if (client->busy()) return;
  }
  over_ = true;
  // What still waits here was never sent: the connections could not carry the rate.
  for (const std::uint64_t due_ns : waiting_) {
    if (due_ns >= setup_.window_start_ns) ++tally_.never_sent;
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&sweep_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&due_), nullptr);
  uv_stop(&loop_);
}

}  // namespace weir::load
