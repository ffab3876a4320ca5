#include "control/control_plane.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <ctime>

#include "base/check.h"
#include "control/digest.h"

namespace weir {

namespace {

constexpr int kTickMs = 100;

// The clock that the workers' loops read too.
Millis monotonic_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<Millis>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace

ControlPlane::ControlPlane(ControlOptions options)
    : options_(std::move(options)),
      outbound_(options_.config.classify),
      hash_seed_(random_u64()) {
  wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  WEIR_CHECK(wake_fd_ >= 0);
  link_.is_public = api_is_public;
  link_.wake_context = this;
  link_.inflight = &inflight_;
  link_.wake = [](ControlLink* link) { static_cast<ControlPlane*>(link->wake_context)->wake(); };
}

std::expected<std::unique_ptr<ControlPlane>, std::string> ControlPlane::create(
    ControlOptions options, LoadedConfig loaded) {
  std::unique_ptr<ControlPlane> plane(new ControlPlane(std::move(options)));
  if (plane->options_.admin_key) {
    plane->admin_digest_ = sha256_digest(plane->options_.admin_key->reveal());
    plane->options_.admin_key.reset();
  }
  if (plane->options_.sealer == nullptr) {
    plane->options_.sealer = std::make_shared<const Sealer>(Sealer::random());
  }
  auto store = Store::open(plane->options_.database, plane->options_.sealer,
                           &plane->options_.config);
  if (!store) {
    return std::unexpected("management store: " + message_quote(plane->options_.database) + ": " +
                           store.error());
  }
  plane->store_ = std::move(*store);
  plane->source_.emplace(&plane->store_->catalog(), &plane->options_.config);
  auto usage = UsageStore::open(plane->options_.database);
  if (!usage) {
    return std::unexpected("usage store: " + message_quote(plane->options_.database) + ": " +
                           usage.error());
  }
  plane->usage_ = std::move(*usage);
  plane->usage_->set_idle([](void* self) { static_cast<ControlPlane*>(self)->ledger_drain(); },
                          plane.get());
  if (const auto opened = plane->sign_in_open(); !opened) return std::unexpected(opened.error());
  if (const auto applied = plane->apply(std::move(loaded)); !applied) {
    return std::unexpected(applied.error());
  }
  return plane;
}

ControlPlane::~ControlPlane() {
  stop();
  close(wake_fd_);
}

void ControlPlane::start() {
  WEIR_CHECK(!thread_.joinable());
  started_ = true;
  for (const auto& [level, line] : early_reports_) report(level, line);
  early_reports_.clear();
  thread_ = std::thread([this] { run(); });
}

void ControlPlane::stop() {
  if (!thread_.joinable()) return;  // also the second time, when the workers may be gone
  {
    const std::lock_guard lock(command_mutex_);
    stop_asked_ = true;
  }
  wake();
  thread_.join();
  // The workers have stopped: what they left in the rings and stacks is read a last time.
  ledger_drain();
  usage_flush();
  for (Scrape* scrape = link_.scrapes.take_all(); scrape != nullptr;) {
    Scrape* next = scrape->next_message;
    delete scrape;
    scrape = next;
  }
}

void ControlPlane::run() {
  for (;;) {
    outbound_.wait(wake_fd_, kTickMs);
    // Emptied before the work is taken, so that a wake during the work is not lost.
    uint64_t count = 0;
    while (read(wake_fd_, &count, sizeof count) > 0) {
    }
    tick(monotonic_ms());
    const std::lock_guard lock(command_mutex_);
    if (!stop_asked_) continue;
    for (Publish* asked : publish_asked_) {
      asked->result = std::unexpected("the control plane has stopped");
      asked->done = true;
    }
    publish_done_.notify_all();
    return;
  }
}

void ControlPlane::wake() {
  const uint64_t one = 1;
  // A full counter means that a wake is pending already.
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
}

void ControlPlane::request_reload() {
  {
    const std::lock_guard lock(command_mutex_);
    reload_asked_ = true;
  }
  wake();
}

void ControlPlane::request_log_reopen() {
  {
    const std::lock_guard lock(command_mutex_);
    reopen_asked_ = true;
  }
  wake();
}

uint32_t ControlPlane::drain_timeout_ms() {
  const std::lock_guard lock(command_mutex_);
  return drain_timeout_ms_;
}

void ControlPlane::tick(Millis now) {
  ledger_drain();
  publisher_.collect();
  // Not between the copies of a scrape: they are of one moment's names.
  if (round_.calls.empty()) registry_.reclaim(publisher_.cleared_epoch());
  commands_take();
  outbound_.perform();
  secrets_check();
  tokens_take();
  sign_in_check(now);
  calls_take(now);
  scrapes_take();
  scrape_check(now);
  waits_check(now);
  usage_check(now);
}

void ControlPlane::ledger_drain() {
  for (WorkerLink* worker : publisher_.workers()) {
    worker->ledger.drain([this](const LedgerRecord& record) {
      RecordNames::Names& names = record_names_.of(record, registry_);
      access_log_.append(record, names, registry_);
      usage_add(record, &names);
    });
  }
  access_log_.flush();
}

void ControlPlane::tokens_take() {
  const int64_t now = unix_now_ms();
  for (TokenCall* call = link_.tokens.take_all(); call != nullptr;) {
    TokenCall* next = call->next_message;
    tokens_.ask(call, now);
    call = next;
  }
  tokens_.tick(now);
}

void ControlPlane::commands_take() {
  bool reload_now = false, reopen_now = false;
  std::vector<Publish*> publish_now;
  {
    const std::lock_guard lock(command_mutex_);
    publish_now.swap(publish_asked_);
    std::swap(reload_now, reload_asked_);
    std::swap(reopen_now, reopen_asked_);
  }
  if (reopen_now) {
    const auto done = access_log_.reopen();
    if (!done) report(LogLevel::kError, done.error());
  }
  if (reload_now) report_reload(reload());
  for (Publish* asked : publish_now) {
    asked->result = apply(std::move(asked->loaded));
    ++(asked->result ? counters_.reloads_ok : counters_.reloads_failed);
    const std::lock_guard lock(command_mutex_);
    asked->done = true;
    publish_done_.notify_all();
  }
}

std::expected<void, std::string> ControlPlane::publish(LoadedConfig loaded) {
  if (!started_) return apply(std::move(loaded));
  Publish asked{.loaded = std::move(loaded), .result = {}, .done = false};
  std::unique_lock lock(command_mutex_);
  if (stop_asked_) return std::unexpected("the control plane has stopped");
  publish_asked_.push_back(&asked);
  wake();
  publish_done_.wait(lock, [&asked] { return asked.done; });
  return asked.result;
}

void ControlPlane::report(LogLevel level, const std::string& line) {
  // A start that fails says one line, why; warnings would stand in front of it.
  if (!started_) return early_reports_.push_back({level, line});
  if (options_.report != nullptr && level <= config_.log.level) options_.report(line);
}

void ControlPlane::report_reload(const std::expected<void, std::string>& done) {
  if (done) return report(LogLevel::kInfo, "configuration reloaded");
  report(LogLevel::kError, "reload refused, the old configuration stays: " + done.error());
}

}  // namespace weir
