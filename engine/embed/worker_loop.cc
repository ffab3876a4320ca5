#include "embed/worker_loop.h"

#include <unistd.h>

#include "base/check.h"
#include "net/uv_driver.h"

namespace weir {

namespace {

WorkerLoop* loop_of(void* user) { return static_cast<WorkerLoop*>(user); }

WorkerOptions worker_options(const WorkerLoop::Options& options) {
  WorkerOptions out;
  out.seed = options.seed;
  out.instance_id = options.instance_id;
  out.clock = {uv_clock_monotonic, uv_clock_wall, nullptr};
  return out;
}

}  // namespace

WorkerLoop::WorkerLoop(uv_loop_s* uv, WorkerPort* port, ControlLink* control, Options options)
    : port_(port),
      options_(std::move(options)),
      net_(uv_net_create(uv, nullptr, options_.own_loop)),
      worker_(&port->link, control, uv_net_base(net_), worker_options(options_)) {}

WorkerLoop* WorkerLoop::open(uv_loop_s* uv, WorkerPort* port, ControlLink* control,
                             Options options) {
  auto* loop = new WorkerLoop(uv, port, control, std::move(options));
  const UvDriverEvents events = {
      .on_wake = [](void* user) { loop_of(user)->on_wake(); },
      .on_tick = [](void* user) { return worker_on_tick(loop_of(user)->worker()); },
      .on_sleep =
          [](void* user) {
            WorkerLoop* self = loop_of(user);
            self->maybe_close();
            self->begin_round();
            return self->worker_.wheel.next_due();
          },
      .on_rest = [](void* user) { loop_of(user)->end_round(); },
      .on_soon = [](void* user) { local_run(loop_of(user)->worker()); },
      .on_closed =
          [](void* user) {
            WorkerLoop* self = loop_of(user);
            WorkerPort* const closed = self->port_;
            const Options told = std::move(self->options_);
            delete self;
            closed->give_back();
            if (told.on_closed != nullptr) told.on_closed(told.user);
          },
  };
  loop->driver_ = uv_driver_create(uv, events, loop, loop->options_.own_loop);
  loop->worker_.locals.soon = [](void* driver) { uv_driver_soon(static_cast<UvDriver*>(driver)); };
  loop->worker_.locals.soon_context = loop->driver_;
  // release pairs with the publisher's acquire: by the slot of the publication that is taken next,
  // it also knows that somebody runs who has one.
  port->link.running.store(true, std::memory_order_release);
  worker_on_wakeup(&loop->worker_);
  loop->open_listeners();
  port->open(loop, loop->driver_);
  loop->on_wake();
  return loop;
}

void WorkerLoop::open_listeners() {
  for (const ListenerSocket& socket : options_.sockets) {
    ListenSpec spec;
    spec.fd = socket.fd;
    spec.tls = socket.tls;
    spec.on_accept = [](void* user, Transport* t) { worker_on_accept(loop_of(user)->worker(), t); };
    spec.user = this;
    const auto listener = uv_listener_open(net_, spec);
    WEIR_CHECK(listener.has_value());  // the socket is bound and listening already
    listeners_.push_back(*listener);
  }
}

void WorkerLoop::close_listeners() {
  for (UvListener* listener : listeners_) uv_listener_close(listener);
  listeners_.clear();
}

void WorkerLoop::adopt_socket(int fd) {
  Transport* transport = uv_net_adopt(net_, fd, nullptr);
  if (transport != nullptr) worker_on_accept(&worker_, transport);
}

void WorkerLoop::take_message(PortMessage* message) {
  switch (message->kind) {
    case PortMessage::Kind::kSubmit: {
      const uint64_t taken =
          closing_ ? 0
                   : local_submit(&worker_, message->request, message->events, message->user,
                                  message->id);
      if (taken == 0) message->events->on_end(message->user, message->id, AnswerEnd::kCancelled);
      return;
    }
    case PortMessage::Kind::kCancel:
      return local_cancel(&worker_, message->id);
    case PortMessage::Kind::kPause:
      return local_pause(&worker_, message->id);
    case PortMessage::Kind::kResume:
      return local_resume(&worker_, message->id);
    case PortMessage::Kind::kAdopt:
      if (!closing_) return adopt_socket(message->fd);
      ::close(message->fd);
      return;
    case PortMessage::Kind::kTls:
      for (size_t i = 0; i < listeners_.size() && i < message->tls.size(); ++i) {
        if (message->tls[i] != nullptr) uv_listener_set_tls(listeners_[i], message->tls[i]);
      }
      return;
  }
}

void WorkerLoop::take_messages() {
  for (PortMessage* message = port_->take_messages(); message != nullptr;) {
    const std::unique_ptr<PortMessage> taken(message);
    message = message->next_message;
    take_message(taken.get());
  }
}

void WorkerLoop::begin_round() {
  if (!options_.own_loop || closing_) return;
  worker_begin_round(&worker_);
  uv_net_begin_round(net_);
}

void WorkerLoop::end_round() {
  if (!options_.own_loop || closing_) return;
  worker_end_round(&worker_);
  uv_net_end_round(net_);
}

void WorkerLoop::on_wake() {
  if (!closing_) uv_net_send_kept(net_);
  worker_on_wakeup(&worker_);
  take_messages();
  if (worker_.no_accept) close_listeners();
}

void WorkerLoop::stop_now() {
  uv_driver_hold(driver_);
  on_wake();
  maybe_close();
}

// Draining is over when nothing is left; then the network's handles go, then the driver's.
void WorkerLoop::maybe_close() {
  if (closing_ || !worker_.draining || !worker_idle(&worker_)) {
    // Idle upstream connections would hold a drained worker open.
    if (worker_.draining && worker_.client_pool.in_use() == 0 &&
        worker_.locals.pool.in_use() == 0) {
      worker_abort_all(&worker_);
    }
    return;
  }
  closing_ = true;
  port_->close();
  take_messages();  // what was sent before the port was closed
  // For the next one that opens the port; a newer one may lie there already.
  if (worker_.publication != nullptr) port_->link.publication.put_back(worker_.publication);
  port_->link.running.store(false, std::memory_order_release);
  close_listeners();
  uv_net_close(net_, [](void* user) { uv_driver_close(loop_of(user)->driver_); }, this);
}

}  // namespace weir
