#include "embed/engine.h"

#include <sched.h>
#include <unistd.h>

#include <random>

#include "base/check.h"

namespace weir {

namespace {

uint64_t random_bits() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
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

std::expected<std::unique_ptr<Engine>, std::string> Engine::create(const EngineOptions& options,
                                                                   ControlLink* control) {
  std::unique_ptr<Engine> engine(new Engine());
  engine->options_ = options;
  engine->control_ = control;
  if (const auto opened = engine->open_sockets(); !opened) {
    return std::unexpected(opened.error());
  }
  for (uint32_t core = 0; core < options.workers; ++core) {
    engine->links_.push_back(std::make_unique<WorkerLink>(core, options.workers));
    engine->link_pointers_.push_back(engine->links_.back().get());
  }
  const std::vector<int> cpus = options.pin_cpus ? allowed_cpus() : std::vector<int>();
  const uint64_t instance_id = random_bits();
  for (uint32_t core = 0; core < options.workers; ++core) {
    WorkerThread::Options worker;
    worker.seed = random_bits();
    worker.instance_id = instance_id;
    if (!cpus.empty()) worker.cpu = cpus[core % cpus.size()];
    worker.sockets = std::move(engine->sockets_[core]);
    engine->threads_.push_back(std::make_unique<WorkerThread>(
        engine->link_pointers_[core], control, std::move(worker)));
  }
  engine->sockets_.clear();
  return engine;
}

Engine::~Engine() {
  stop();
  for (auto& worker : sockets_) {
    for (ListenerSocket& socket : worker) close(socket.fd);
  }
}

std::expected<std::shared_ptr<TlsServerContext>, std::string> Engine::load_tls(
    const ListenAddress& address) const {
  if (address.certificate_file.empty()) return std::shared_ptr<TlsServerContext>();
  std::string detail;
  auto context = tls_server_context(address.certificate_file, address.key_file, &detail);
  if (!context) return std::unexpected(detail);
  return *context;
}

std::expected<void, std::string> Engine::open_sockets() {
  sockets_.resize(options_.workers);
  for (ListenAddress& address : options_.listen) {
    const auto tls = load_tls(address);
    if (!tls) return std::unexpected(tls.error());
    for (uint32_t core = 0; core < options_.workers; ++core) {
      std::string detail;
      uint16_t bound = 0;
      const auto fd = listen_socket(address.host, address.port, core == 0, &bound, &detail);
      if (!fd) return std::unexpected(detail);
      // With port 0 the first socket chooses, and the others join it.
      address.port = bound;
      sockets_[core].push_back({*fd, *tls});
    }
    ports_.push_back(address.port);
  }
  return {};
}

void Engine::start() {
  for (auto& thread : threads_) thread->start();
}

std::expected<void, std::string> Engine::reload_tls() {
  WorkerThread::TlsUpdate contexts;
  for (const ListenAddress& address : options_.listen) {
    const auto tls = load_tls(address);
    if (!tls) return std::unexpected(tls.error());
    contexts.push_back(*tls);
  }
  for (auto& thread : threads_) {
    thread->update_tls(std::make_unique<WorkerThread::TlsUpdate>(contexts));
  }
  return {};
}

void Engine::drain() {
  for (WorkerLink* link : link_pointers_) {
    link->drain.store(true, std::memory_order_relaxed);
    link->wake(link);
  }
}

bool Engine::drained() const {
  for (const auto& thread : threads_) {
    if (!thread->ended()) return false;
  }
  return true;
}

void Engine::stop() {
  for (WorkerLink* link : link_pointers_) {
    link->stop.store(true, std::memory_order_relaxed);
    link->wake(link);
  }
  for (auto& thread : threads_) thread->join();
}

}  // namespace weir
