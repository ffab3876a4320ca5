#include "embed/worker_thread.h"

#include <pthread.h>
#include <sched.h>
#include <uv.h>

#include <csignal>

#include "base/check.h"
#include "net/uv_driver.h"
#include "proxy/worker.h"

namespace weir {

namespace {

void pin_to_cpu(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

// Signals belong to the main thread.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

// What lives on the worker's thread while the loop runs.
struct WorkerThread::Loop {
  WorkerThread* thread = nullptr;
  uv_loop_t uv;
  UvNet* net = nullptr;
  UvDriver* driver = nullptr;
  std::unique_ptr<Worker> worker;
  std::vector<UvListener*> listeners;
  bool closing = false;

  void open_listeners();
  void close_listeners();
  void take_tls_update();
  void maybe_close();

  static void on_accept(void* user, Transport* transport) {
    worker_on_accept(static_cast<Loop*>(user)->worker.get(), transport);
  }
  static void on_wake(void* user) {
    auto* loop = static_cast<Loop*>(user);
    worker_on_wakeup(loop->worker.get());
    loop->take_tls_update();
    if (loop->worker->no_accept) loop->close_listeners();
  }
  static Millis on_tick(void* user) {
    return worker_on_tick(static_cast<Loop*>(user)->worker.get());
  }
  static Millis on_sleep(void* user) {
    auto* loop = static_cast<Loop*>(user);
    loop->maybe_close();
    return loop->worker->wheel.next_due();
  }
  static void on_net_closed(void* user) { uv_driver_close(static_cast<Loop*>(user)->driver); }
};

void WorkerThread::Loop::open_listeners() {
  for (const ListenerSocket& socket : thread->options_.sockets) {
    ListenSpec spec;
    spec.fd = socket.fd;
    spec.tls = socket.tls;
    spec.on_accept = on_accept;
    spec.user = this;
    const auto listener = uv_listener_open(net, spec);
    WEIR_CHECK(listener.has_value());  // the socket is bound and listening already
    listeners.push_back(*listener);
  }
}

void WorkerThread::Loop::close_listeners() {
  for (UvListener* listener : listeners) uv_listener_close(listener);
  listeners.clear();
}

void WorkerThread::Loop::take_tls_update() {
  const std::unique_ptr<TlsUpdate> update(thread->tls_update_.take());
  if (update == nullptr) return;
  for (size_t i = 0; i < listeners.size() && i < update->size(); ++i) {
    if ((*update)[i] != nullptr) uv_listener_set_tls(listeners[i], (*update)[i]);
  }
}

// Draining is over when nothing is left; then the network's handles go, then the driver's.
void WorkerThread::Loop::maybe_close() {
  if (closing || !worker->draining || !worker_idle(worker.get())) {
    // Idle upstream connections would hold a drained worker open.
    if (worker->draining && worker->client_pool.in_use() == 0) worker_abort_all(worker.get());
    return;
  }
  closing = true;
  thread->set_driver(nullptr);
  close_listeners();
  uv_net_close(net, on_net_closed, this);
}

WorkerThread::WorkerThread(WorkerLink* link, ControlLink* control, Options options)
    : link_(link), control_(control), options_(std::move(options)) {
  link_->wake_context = this;
  link_->wake = [](WorkerLink* l) { static_cast<WorkerThread*>(l->wake_context)->wake(); };
}

WorkerThread::~WorkerThread() {
  WEIR_CHECK(!thread_.joinable());
  delete tls_update_.take();
}

void WorkerThread::start() {
  thread_ = std::thread([this] { run(); });
  std::unique_lock lock(wake_mutex_);
  started_.wait(lock, [this] { return driver_ != nullptr || ended(); });
}

void WorkerThread::join() {
  if (thread_.joinable()) thread_.join();
}

void WorkerThread::wake() {
  // Before start() nothing is lost: the worker looks at its link when it begins. After its end the
  // driver is gone, and null again.
  const std::lock_guard lock(wake_mutex_);
  if (driver_ != nullptr) uv_driver_wake(driver_);
}

void WorkerThread::set_driver(UvDriver* driver) {
  const std::lock_guard lock(wake_mutex_);
  driver_ = driver;
  started_.notify_all();
}

void WorkerThread::update_tls(std::unique_ptr<TlsUpdate> update) {
  delete tls_update_.put(update.release());
  wake();
}

void WorkerThread::run() {
  block_signals();
  pin_to_cpu(options_.cpu);
  Loop loop;
  loop.thread = this;
  WEIR_CHECK(uv_loop_init(&loop.uv) == 0);
  loop.net = uv_net_create(&loop.uv, nullptr);
  WorkerOptions worker_options;
  worker_options.seed = options_.seed;
  worker_options.instance_id = options_.instance_id;
  worker_options.clock = {uv_clock_monotonic, uv_clock_wall, nullptr};
  loop.worker =
      std::make_unique<Worker>(link_, control_, uv_net_base(loop.net), worker_options);
  const UvDriverEvents events = {
      .on_wake = Loop::on_wake,
      .on_tick = Loop::on_tick,
      .on_sleep = Loop::on_sleep,
      .on_closed = [](void*) {},
  };
  loop.driver = uv_driver_create(&loop.uv, events, &loop, true);
  worker_on_wakeup(loop.worker.get());
  loop.open_listeners();
  set_driver(loop.driver);
  Loop::on_wake(&loop);
  uv_run(&loop.uv, UV_RUN_DEFAULT);
  loop.worker.reset();
  WEIR_CHECK(uv_loop_close(&loop.uv) == 0);
  ended_.store(true, std::memory_order_release);  // pairs with the acquire in ended()
}

}  // namespace weir
