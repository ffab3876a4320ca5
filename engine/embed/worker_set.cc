#include "embed/worker_set.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>

#include "base/check.h"

namespace weir {

namespace {

uint64_t random_bits() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

Result<int> socket_copy(int fd, uint16_t* bound, uint16_t port, std::string* detail) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  *bound = port;
  if (copy >= 0) return copy;
  *detail = "an inherited socket cannot be used: " + std::string(std::strerror(errno));
  return std::unexpected(Error{Errc::kConfig, "the inherited socket cannot be used"});
}

// The CPUs this process may use, in their order.
std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<unsigned>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace

std::expected<std::unique_ptr<WorkerSet>, std::string> WorkerSet::create(
    const WorkerSetOptions& options, ControlLink* control) {
  std::unique_ptr<WorkerSet> set(new WorkerSet());
  set->options_ = options;
  set->control_ = control;
  if (const auto opened = set->open_sockets(); !opened) {
    return std::unexpected(opened.error());
  }
  set->instance_id_ = random_bits();
  set->done_.resize(options.workers);
  for (uint32_t core = 0; core < options.workers; ++core) {
    set->ports_of_.push_back(std::make_unique<WorkerPort>(core, options.workers));
    set->link_pointers_.push_back(&set->ports_of_.back()->link);
    set->link_pointers_.back()->running.store(false, std::memory_order_release);
  }
  return set;
}

WorkerSet::~WorkerSet() {
  stop();
  for (const auto& port : ports_of_) WEIR_CHECK(!port->is_open());  // detach() was forgotten
  for (auto& worker : sockets_) {
    for (ListenerSocket& socket : worker) close(socket.fd);
  }
}

std::expected<std::shared_ptr<TlsServerContext>, std::string> WorkerSet::load_tls(
    const ListenAddress& address) const {
  if (address.certificate_file.empty()) return std::shared_ptr<TlsServerContext>();
  std::string detail;
  auto context = tls_server_context(address.certificate_file, address.key_file, &detail);
  if (!context) return std::unexpected(std::string(context.error().message) + ": " + detail);
  return *context;
}

std::expected<void, std::string> WorkerSet::open_sockets() {
  sockets_.resize(options_.workers);
  for (ListenAddress& address : options_.listen) {
    const auto tls = load_tls(address);
    if (!tls) return std::unexpected(tls.error());
    for (uint32_t core = 0; core < options_.workers; ++core) {
      std::string detail;
      uint16_t bound = 0;
      // Of one that is there, all workers take connections from the same queue.
      const auto fd = address.fd >= 0
                          ? socket_copy(address.fd, &bound, address.port, &detail)
                          : listen_socket(address.host, address.port, core == 0, &bound, &detail);
      if (!fd) return std::unexpected(detail);
      // With port 0 the first socket chooses, and the others join it.
      address.port = bound;
      sockets_[core].push_back({*fd, *tls});
    }
    ports_.push_back(address.port);
  }
  return {};
}

WorkerLoop::Options WorkerSet::loop_options() const {
  WorkerLoop::Options options;
  options.seed = random_bits();
  options.instance_id = instance_id_;
  return options;
}

void WorkerSet::start() {
  const std::vector<int> cpus = options_.pin_cpus ? allowed_cpus() : std::vector<int>();
  for (uint32_t core = 0; core < size(); ++core) {
    WEIR_CHECK(ports_of_[core]->reserve());
    WorkerLoop::Options options = loop_options();
    options.sockets = std::move(sockets_[core]);
    const int cpu = cpus.empty() ? -1 : cpus[core % cpus.size()];
    threads_.push_back(std::make_unique<WorkerThread>(ports_of_[core].get(), control_,
                                                      std::move(options), cpu));
    threads_.back()->start();
  }
  sockets_.clear();
}

WorkerPort* WorkerSet::attach(uv_loop_s* loop) {
  for (const auto& port : ports_of_) {
    if (!port->reserve()) continue;
    WorkerLoop::Options options = loop_options();
    options.own_loop = false;
    options.user = &done_[port->link.core];
    options.on_closed = [](void* user) {
      const Done done = *static_cast<Done*>(user);
      if (done.call != nullptr) done.call(done.user);
    };
    port->link.stop.store(false, std::memory_order_relaxed);
    port->link.drain.store(false, std::memory_order_relaxed);
    WorkerLoop::open(loop, port.get(), control_, std::move(options));
    return port.get();
  }
  return nullptr;
}

void WorkerSet::detach(WorkerPort* port, void (*done)(void* user), void* user) {
  WorkerLoop* loop = port->own_loop();
  if (loop == nullptr) {  // it has drained, and ended by itself
    WEIR_CHECK(!port->is_open());  // else this is not the loop's own thread
    if (done != nullptr) done(user);
    return;
  }
  done_[port->link.core] = {done, user};
  port->link.stop.store(true, std::memory_order_relaxed);
  loop->stop_now();
}

std::expected<void, std::string> WorkerSet::reload_tls() {
  TlsUpdate contexts;
  for (const ListenAddress& address : options_.listen) {
    const auto tls = load_tls(address);
    if (!tls) return std::unexpected(tls.error());
    contexts.push_back(*tls);
  }
  for (const auto& port : ports_of_) {
    auto message = std::make_unique<PortMessage>();
    message->kind = PortMessage::Kind::kTls;
    message->tls = contexts;
    // One that has ended needs no certificate.
    static_cast<void>(port->send(std::move(message)));
  }
  return {};
}

void WorkerSet::drain() {
  for (WorkerLink* link : link_pointers_) {
    link->drain.store(true, std::memory_order_relaxed);
    link->wake(link);
  }
}

bool WorkerSet::drained() const {
  for (const auto& thread : threads_) {
    if (!thread->ended()) return false;
  }
  return true;
}

void WorkerSet::stop() {
  if (threads_.empty()) return;
  for (WorkerLink* link : link_pointers_) {
    link->stop.store(true, std::memory_order_relaxed);
    link->wake(link);
  }
  for (auto& thread : threads_) thread->join();
  threads_.clear();
}

}  // namespace weir
