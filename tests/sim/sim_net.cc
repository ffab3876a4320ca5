#include "sim_net.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/pool.h"

namespace weir {

namespace {

SimTransport* sim_of(Transport* t) {
  return static_cast<SimTransport*>(t);
}

void poison(ReadBlock* block, bool on) {
#ifdef WEIR_ASAN
  if (on) ASAN_POISON_MEMORY_REGION(block->data, kReadBlockBytes + kReadPadding);
  if (!on) ASAN_UNPOISON_MEMORY_REGION(block->data, kReadBlockBytes + kReadPadding);
#else
  static_cast<void>(block);
  static_cast<void>(on);
#endif
}

void set_queued(SimTransport* t, size_t bytes) {
  t->net->queued_bytes += bytes - t->queued_bytes;
  t->queued_bytes = bytes;
}

// As much of `bytes` as the network takes goes to the peer; returns how much that was.
size_t pass_on(SimPeer* peer, std::string_view bytes) {
  const size_t n = std::min(peer->window, bytes.size());
  peer->received.append(bytes.substr(0, n));
  if (peer->window != SimPeer::kUnbounded) peer->window -= n;
  return n;
}

void end_if_written(SimTransport* t) {
  if (t->shutdown_wanted && t->queue.empty()) t->far->saw_fin = true;
}

void sim_write(Transport* base, std::span<const Slice> slices) {
  SimTransport* t = sim_of(base);
  if (t->closing) return;
  WEIR_CHECK(t->opened && !t->shutdown_wanted);
  if (t->far->broken) {
    t->fault_due = true;
    return;
  }
  for (const Slice& slice : slices) {
    const size_t taken = t->queue.empty() ? pass_on(t->far, slice.view()) : 0;
    t->queue.append(slice.view().substr(taken));
  }
  set_queued(t, t->queue.size());
}

// What was lent has to be as it was when it is read at last.
void read_lent(SimTransport* t) {
  if (t->loan == nullptr) return;
  WEIR_CHECK(t->lent == t->lent_was);
  const Slice slice(t->lent);
  Loan* loan = std::exchange(t->loan, nullptr);
  --t->sim()->lent;
  sim_write(t, {&slice, 1});
  loan_end(loan);
}

void sim_write_after_lent(Transport* base, std::span<const Slice> slices) {
  read_lent(sim_of(base));
  sim_write(base, slices);
}

// Keeps it for the rest of the round, if there is one and nothing waits before it.
void sim_write_lent(Transport* base, std::string_view bytes, Loan* loan) {
  SimTransport* t = sim_of(base);
  SimNet* sim = t->sim();
  const bool lends = sim->lends && sim->in_round() && !t->closing;
  if (!lends || !t->queue.empty() || t->loan != nullptr) {
    return transport_write(base, bytes);
  }
  t->lent = bytes;
  t->lent_was = bytes;
  t->loan = loan;
  ++loan->out;
  ++sim->lent;
  ++sim->loans;
}

void sim_pause(Transport* t) {
  t->reading = false;
}
void sim_resume(Transport* t) {
  t->reading = true;
}

void sim_shutdown(Transport* base) {
  read_lent(sim_of(base));
  sim_of(base)->shutdown_wanted = true;
  end_if_written(sim_of(base));
}

void end(SimTransport* t) {
  read_lent(t);
  t->closing = true;
  t->queue.clear();
  t->coming.clear();
  set_queued(t, 0);
}

void sim_close(Transport* base) {
  end(sim_of(base));
  sim_of(base)->far->saw_fin = true;
}

void sim_abort(Transport* base) {
  end(sim_of(base));
  sim_of(base)->far->saw_reset = true;
}

constexpr TransportOps kSimOps = {
    .write = sim_write_after_lent,
    .write_lent = sim_write_lent,
    .read_pause = sim_pause,
    .read_resume = sim_resume,
    .shutdown = sim_shutdown,
    .close = sim_close,
    .abort = sim_abort,
};

bool coming_is_due(const SimTransport* t) {
  if (t->coming.empty()) return false;
  if (t->coming.front().kind == SimEvent::Kind::kOpen) return true;
  return t->opened && t->reading;
}

bool is_due(const SimTransport* t) {
  return t->closing || t->drain_due || t->fault_due || coming_is_due(t);
}

void push(SimPeer* peer, SimEvent event) {
  if (peer->near == nullptr || peer->near->closing || peer->ended) return;
  peer->near->coming.push_back(std::move(event));
}

}  // namespace

SimNet* SimTransport::sim() const { return static_cast<SimNet*>(net->context); }

void SimPeer::send(std::string_view bytes) {
  if (!bytes.empty()) push(this, {.kind = SimEvent::Kind::kBytes, .bytes = std::string(bytes)});
}

void SimPeer::send_pieces(std::string_view bytes, size_t piece) {
  for (size_t at = 0; at < bytes.size(); at += piece) send(bytes.substr(at, piece));
}

void SimPeer::fin() {
  push(this, {.kind = SimEvent::Kind::kFin});
  ended = true;
}

void SimPeer::reset(NetError error) {
  broken = true;
  push(this, {.kind = SimEvent::Kind::kFault, .error = error});
  ended = true;
}

void SimPeer::open() {
  push(this, {.kind = SimEvent::Kind::kOpen});
}

void SimPeer::refuse(NetError error, std::string_view detail) {
  push(this, {.kind = SimEvent::Kind::kOpen, .error = error, .bytes = std::string(detail)});
}

void SimPeer::take(size_t bytes) {
  if (window != kUnbounded) window = bytes > kUnbounded - window ? kUnbounded : window + bytes;
  if (near == nullptr || near->closing || near->queue.empty()) return;
  near->queue.erase(0, pass_on(this, near->queue));
  set_queued(near, near->queue.size());
  if (!near->queue.empty()) return;
  near->drain_due = true;
  end_if_written(near);
}

std::string SimPeer::take_received() {
  std::string out;
  out.swap(received);
  return out;
}

SimNet::SimNet() {
  static constexpr NetOps kOps = {.dial = dial};
  base_.ops = &kOps;
  base_.context = this;
  net_init_blocks(&base_);
}

SimNet::~SimNet() {
  WEIR_CHECK(live_.empty() && base_.queued_bytes == 0 && base_.kept_bytes == 0);
  poison(base_.current, false);
  net_free_blocks(&base_);
}

SimTransport* SimNet::add(bool opened) {
  auto* t = new SimTransport();
  t->ops = &kSimOps;
  t->net = &base_;
  t->opened = opened;
  std::memcpy(t->peer, "192.0.2.1", 10);
  peers_.push_back(std::make_unique<SimPeer>());
  t->far = peers_.back().get();
  t->far->near = t;
  live_.push_back(t);
  return t;
}

SimTransport* SimNet::connect() {
  return add(true);
}

Transport* SimNet::dial(Net* net, const Provider& provider, const TransportEvents* events,
                        void* owner) {
  auto* sim = static_cast<SimNet*>(net->context);
  SimTransport* t = sim->add(false);
  t->events = events;
  t->owner = owner;
  t->far->provider = &provider;
  sim->dialled_.push_back(t->far);
  if (sim->auto_open) t->far->open();
  return t;
}

bool SimNet::deliver(uint64_t choice) {
  due_.clear();
  for (SimTransport* t : live_) {
    if (is_due(t)) due_.push_back(t);
  }
  if (due_.empty()) {
    end_round();
    return false;
  }
  SimTransport* t = due_[choice % due_.size()];
  in_round_ = true;
  deliver_to(t, choice / due_.size() % 2 == 0);
  if ((choice >> 40) % 2 == 0) end_round();
  return true;
}

void SimNet::end_round() {
  in_round_ = false;
  if (lent == 0) return;
  for (SimTransport* t : live_) read_lent(t);
}

void SimNet::deliver_to(SimTransport* t, bool prefer_drain) {
  // Before it hears anything, what it wrote is sent.
  read_lent(t);
  if (t->closing) return deliver_closed(t);
  if (t->fault_due) {
    t->fault_due = false;
    return t->events->on_error(t, NetError::kReset);
  }
  if (t->drain_due && (prefer_drain || !coming_is_due(t))) {
    t->drain_due = false;
    if (t->queued_bytes == 0) t->events->on_drain(t);
    return;
  }
  SimEvent event = std::move(t->coming.front());
  t->coming.pop_front();
  switch (event.kind) {
    case SimEvent::Kind::kOpen:
      t->opened = event.error == NetError::kNone;
      return t->events->on_open(t, event.error, event.bytes);
    case SimEvent::Kind::kBytes:
      return deliver_bytes(t, &event.bytes);
    case SimEvent::Kind::kFin:
      return t->events->on_eof(t);
    case SimEvent::Kind::kFault:
      return t->events->on_error(t, event.error);
  }
}

void SimNet::deliver_bytes(SimTransport* t, std::string* bytes) {
  const size_t n = std::min(bytes->size(), kReadBlockBytes);
  if (n < bytes->size()) {
    t->coming.push_front({.kind = SimEvent::Kind::kBytes, .bytes = bytes->substr(n)});
  }
  ReadBlock* block = base_.current;
  poison(block, false);
  char* to = block->data + kReadBlockBytes - n;
  std::memcpy(to, bytes->data(), n);
  // Nobody may depend on what the padding holds.
  std::memset(to + n, '}', kReadPadding);
  t->events->on_read(t, {to, n});
  if (base_.current == block) poison(block, true);
}

void SimNet::deliver_closed(SimTransport* t) {
  live_.erase(std::find(live_.begin(), live_.end(), t));
  t->events->on_closed(t);
  t->far->near = nullptr;
  delete t;
}

void SimNet::forget_closed() {
  std::erase_if(dialled_, [](const SimPeer* peer) { return peer->near == nullptr; });
  std::erase_if(peers_, [](const auto& peer) { return peer->near == nullptr; });
}

}  // namespace weir
