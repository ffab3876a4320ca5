#include <weir/engine.h>

#include <cstring>
#include <vector>

#include "base/check.h"
#include "control/control_plane.h"
#include "control/secret/sealing_key.h"
#include "embed/engine_config.h"
#include "embed/worker_set.h"
#include "proxy/local_client.h"

namespace weir {

namespace {

constexpr uint32_t kMostWorkers = 255;

LoadedConfig load(std::string_view text) {
  return config_load_text(text, "config", ".", engine_config_options());
}

WorkerSetOptions set_options(const Config& config, const EngineOptions& options) {
  WorkerSetOptions out;
  out.workers = options.workers;
  out.pin_cpus = options.pin_cpus;
  if (!options.listen) return out;
  for (const ListenConfig& listen : config.listen) {
    out.listen.push_back({listen.host, listen.port, listen.certificate_file, listen.key_file,
                          -1});
  }
  return out;
}

// A copy of everything in one piece of memory.
SubmitRequest keep(const SubmitRequest& from, std::unique_ptr<char[]>* memory) {
  SubmitRequest to = from;
  std::string_view* const views[] = {&to.method,     &to.target,   &to.key, &to.request_id,
                                     &to.project_id, &to.space_id, &to.body};
  size_t bytes = 0;
  for (const std::string_view* view : views) bytes += view->size();
  memory->reset(new char[bytes]);
  char* at = memory->get();
  for (std::string_view* view : views) {
    if (!view->empty()) std::memcpy(at, view->data(), view->size());
    *view = {at, view->size()};
    at += view->size();
  }
  return to;
}

std::unique_ptr<PortMessage> message_of(PortMessage::Kind kind, uint64_t id) {
  auto message = std::make_unique<PortMessage>();
  message->kind = kind;
  message->id = id;
  return message;
}

}  // namespace

struct Engine::Parts {
  std::unique_ptr<DataDir> data;
  std::unique_ptr<ControlPlane> control;
  std::unique_ptr<WorkerSet> workers;

  void tell(PortMessage::Kind kind, uint64_t id, void (*call)(Worker*, uint64_t));
};

Engine::Engine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Engine::~Engine() {
  if (parts_->workers != nullptr) parts_->workers->stop();
  if (parts_->control != nullptr) parts_->control->stop();
}

std::expected<std::unique_ptr<Engine>, std::string> Engine::create(std::string_view config,
                                                                   const EngineOptions& options) {
  if (options.workers == 0 || options.workers > kMostWorkers) {
    return std::unexpected("workers: must be 1 to 255");
  }
  LoadedConfig loaded = load(config);
  if (!loaded.usable()) return std::unexpected(loaded.first_error());
  auto parts = std::make_unique<Parts>();
  ControlOptions control = engine_control_options();
  control.report = options.report;
  control.workers = options.workers;
  if (!options.admin_key.empty()) control.admin_key = Secret(options.admin_key);
  if (!options.data_dir.empty()) {
    auto data = DataDir::open(options.data_dir);
    if (!data) return std::unexpected(data.error());
    parts->data = std::make_unique<DataDir>(std::move(*data));
    control.database = parts->data->path() + "/weir.db";
    const Config& config_read = loaded.config;
    auto sealing = sealer_open({config_read.sealing_key, config_read.previous_sealing_key},
                               parts->data->path(), control.database);
    if (!sealing) return std::unexpected(sealing.error());
    control.sealer = sealing->sealer;
  }
  const WorkerSetOptions wanted = set_options(loaded.config, options);
  auto made = ControlPlane::create(std::move(control), std::move(loaded));
  if (!made) return std::unexpected(made.error());
  parts->control = std::move(*made);
  auto workers = WorkerSet::create(wanted, parts->control->link());
  if (!workers) return std::unexpected(workers.error());
  parts->workers = std::move(*workers);
  parts->control->attach(parts->workers->links());
  parts->control->start();
  return std::unique_ptr<Engine>(new Engine(std::move(parts)));
}

std::expected<void, std::string> Engine::publish(std::string_view config) {
  LoadedConfig loaded = load(config);
  if (!loaded.usable()) return std::unexpected(loaded.first_error());
  return parts_->control->publish(std::move(loaded));
}

std::expected<void, std::string> Engine::start() {
  for (uint32_t i = 0; i < parts_->workers->size(); ++i) {
    if (parts_->workers->port(i)->is_open()) {
      return std::unexpected("start: a worker runs already");
    }
  }
  parts_->workers->start();
  return {};
}

void Engine::drain() { parts_->workers->drain(); }
bool Engine::drained() const { return parts_->workers->drained(); }
void Engine::stop() { parts_->workers->stop(); }

uint16_t Engine::port(size_t n) const {
  const std::vector<uint16_t>& ports = parts_->workers->ports();
  return n < ports.size() ? ports[n] : 0;
}

std::expected<uint32_t, std::string> Engine::attach(uv_loop_s* loop) {
  const WorkerPort* port = parts_->workers->attach(loop);
  if (port == nullptr) return std::unexpected("attach: every worker's place is taken");
  return port->link.core;
}

void Engine::detach(uint32_t worker, void (*done)(void* user), void* user) {
  WEIR_CHECK(worker < parts_->workers->size());
  parts_->workers->detach(parts_->workers->port(worker), done, user);
}

uint64_t Engine::submit_on(uint32_t worker, const SubmitRequest& request,
                           const AnswerEvents* events, void* user) {
  WEIR_CHECK(worker < parts_->workers->size());
  WorkerLoop* loop = parts_->workers->port(worker)->own_loop();
  if (loop == nullptr) return 0;
  return local_submit(loop->worker(), request, events, user);
}

uint64_t Engine::submit(const SubmitRequest& request, const AnswerEvents* events, void* user) {
  const uint32_t size = parts_->workers->size();
  const uint32_t first = parts_->workers->next_place();
  for (uint32_t i = 0; i < size; ++i) {
    WorkerPort* port = parts_->workers->port((first + i) % size);
    if (!port->is_open()) continue;
    auto message = message_of(PortMessage::Kind::kSubmit,
                              local_other_id(port->link.core, port->next_number()));
    message->request = keep(request, &message->text);
    message->events = events;
    message->user = user;
    const uint64_t id = message->id;
    if (port->send(std::move(message))) return id;
  }
  return 0;
}

void Engine::Parts::tell(PortMessage::Kind kind, uint64_t id, void (*call)(Worker*, uint64_t)) {
  const uint32_t core = local_core_of(id);
  if (id == 0 || core >= workers->size()) return;
  WorkerPort* port = workers->port(core);
  if (WorkerLoop* loop = port->own_loop()) return call(loop->worker(), id);
  static_cast<void>(port->send(message_of(kind, id)));  // not open: everything has ended there
}

void Engine::cancel(uint64_t id) {
  parts_->tell(PortMessage::Kind::kCancel, id, local_cancel);
}
void Engine::pause(uint64_t id) { parts_->tell(PortMessage::Kind::kPause, id, local_pause); }
void Engine::resume(uint64_t id) { parts_->tell(PortMessage::Kind::kResume, id, local_resume); }

bool Engine::adopt(uint32_t worker, int fd) {
  if (worker >= parts_->workers->size()) return false;
  auto message = message_of(PortMessage::Kind::kAdopt, 0);
  message->fd = fd;
  return parts_->workers->port(worker)->send(std::move(message));
}

}  // namespace weir
