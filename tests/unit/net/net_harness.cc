#include "net_harness.h"

#include <cstdlib>
#include <utility>

namespace weir {
namespace {

Peer* peer_of(Transport* t) { return static_cast<Peer*>(t->owner); }

void note_open(Transport* t, NetError error, std::string_view detail) {
  Peer& peer = *peer_of(t);
  ++peer.opens;
  peer.opened = error == NetError::kNone;
  peer.open_error = error;
  peer.open_detail = detail;
  if (peer.on_open) peer.on_open(peer);
}
void note_read(Transport* t, std::string_view bytes) {
  Peer& peer = *peer_of(t);
  EXPECT_FALSE(t->closing);
  EXPECT_TRUE(t->reading);
  ++peer.reads;
  // Reading the padding is allowed; the sanitizer would say otherwise.
  unsigned sum = 0;
  for (size_t i = 0; i < kReadPadding; ++i) sum += static_cast<unsigned char>(bytes.end()[i]);
  EXPECT_LE(sum, 255u * kReadPadding);
  peer.received += bytes;
  if (peer.on_read) peer.on_read(peer, bytes);
}
void note_eof(Transport* t) {
  Peer& peer = *peer_of(t);
  ++peer.eofs;
  if (peer.on_eof) peer.on_eof(peer);
}
void note_error(Transport* t, NetError error) {
  Peer& peer = *peer_of(t);
  ++peer.errors;
  peer.error = error;
  if (peer.on_error) peer.on_error(peer);
}
void note_drain(Transport* t) {
  Peer& peer = *peer_of(t);
  EXPECT_EQ(t->queued_bytes, 0u);
  ++peer.drains;
  if (peer.on_drain) peer.on_drain(peer);
}
void note_closed(Transport* t) {
  Peer& peer = *peer_of(t);
  EXPECT_TRUE(t->closing);
  ++peer.closes;
  peer.transport = nullptr;
  if (peer.on_closed) peer.on_closed(peer);
}

}  // namespace

const TransportEvents Peer::kEvents = {
    .on_open = note_open,
    .on_read = note_read,
    .on_eof = note_eof,
    .on_error = note_error,
    .on_drain = note_drain,
    .on_closed = note_closed,
};

Peer::~Peer() {
  if (transport == nullptr) return;
  static constexpr TransportEvents kIgnored = {
      .on_open = [](Transport*, NetError, std::string_view) {},
      .on_read = [](Transport*, std::string_view) {},
      .on_eof = [](Transport*) {},
      .on_error = [](Transport*, NetError) {},
      .on_drain = [](Transport*) {},
      .on_closed = [](Transport*) {},
  };
  transport->events = &kIgnored;
  transport_close(transport);
}

void Peer::attach(Transport* t) {
  transport = t;
  t->owner = this;
  t->events = &kEvents;
}

void Peer::dial(Net* net, const Provider& provider) {
  transport = net_dial(net, provider, &kEvents, this);
}

NetTest::NetTest() {
  EXPECT_EQ(uv_loop_init(&loop_), 0);
  net_ = uv_net_create(&loop_, this);
  base_ = uv_net_base(net_);
  uv_prepare_init(&loop_, &before_wait_);
  uv_check_init(&loop_, &behind_events_);
  uv_unref(reinterpret_cast<uv_handle_t*>(&before_wait_));
  uv_unref(reinterpret_cast<uv_handle_t*>(&behind_events_));
  before_wait_.data = behind_events_.data = net_;
  use_rounds(std::getenv("WEIR_TEST_ROUNDS") != nullptr);
}

void NetTest::use_rounds(bool on) {
  uv_prepare_stop(&before_wait_);
  uv_check_stop(&behind_events_);
  if (!on) return;
  uv_prepare_start(&before_wait_, [](uv_prepare_t* handle) {
    uv_net_begin_round(static_cast<UvNet*>(handle->data));
  });
  uv_check_start(&behind_events_, [](uv_check_t* handle) {
    uv_net_end_round(static_cast<UvNet*>(handle->data));
  });
}

NetTest::~NetTest() {
  close_net();
  EXPECT_EQ(uv_loop_close(&loop_), 0);
}

void NetTest::close_net() {
  if (net_ == nullptr) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&before_wait_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&behind_events_), nullptr);
  bool gone = false;
  uv_net_close(net_, [](void* user) { *static_cast<bool*>(user) = true; }, &gone);
  EXPECT_FALSE(gone);
  uv_run(&loop_, UV_RUN_DEFAULT);
  EXPECT_TRUE(gone);
  net_ = nullptr;
}

void NetTest::run_until(const std::function<bool()>& done) {
  bool late = false;
  uv_timer_t guard;
  uv_timer_init(&loop_, &guard);
  guard.data = &late;
  uv_timer_start(&guard, [](uv_timer_t* t) { *static_cast<bool*>(t->data) = true; }, 20'000, 0);
  while (!done() && !late) uv_run(&loop_, UV_RUN_ONCE);
  uv_close(reinterpret_cast<uv_handle_t*>(&guard), nullptr);
  uv_run(&loop_, UV_RUN_NOWAIT);
  ASSERT_FALSE(late) << "what the test waits for did not happen";
}

void NetTest::run_turns(int turns) {
  for (int i = 0; i < turns; ++i) uv_run(&loop_, UV_RUN_NOWAIT);
}

uint16_t NetTest::listen(const std::shared_ptr<TlsServerContext>& tls) {
  uint16_t port = 0;
  std::string detail;
  const Result<int> fd = listen_socket("127.0.0.1", 0, true, &port, &detail);
  EXPECT_TRUE(fd.has_value()) << detail;
  ListenSpec spec;
  spec.fd = *fd;
  spec.tls = tls;
  spec.user = this;
  spec.on_accept = [](void* user, Transport* t) {
    auto* test = static_cast<NetTest*>(user);
    test->accepted_.push_back(std::make_unique<Peer>());
    Peer& peer = *test->accepted_.back();
    peer.attach(t);
    if (test->on_accept_) test->on_accept_(peer);
  };
  listener_ = uv_listener_open(net_, spec).value();
  return port;
}

Provider NetTest::provider(uint16_t port, std::string host) {
  Provider p;
  p.host = std::move(host);
  p.port = port;
  return p;
}

std::string test_bytes(size_t count) {
  std::string out(count, 0);
  uint32_t state = 12345;
  for (char& c : out) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return out;
}

}  // namespace weir
