// What the tests of net/ share: a loop with one real network, owners that write down what they are
// told, and a listener whose connections are such owners.
#pragma once

#include <gtest/gtest.h>
#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/transport.h"
#include "net/uv_net.h"
#include "route/target.h"

namespace weir {

// An owner. The hooks run after the event was noted.
struct Peer {
  Transport* transport = nullptr;  // null after on_closed
  bool opened = false;
  NetError open_error = NetError::kNone;
  std::string open_detail;
  std::string received;
  int opens = 0, reads = 0, eofs = 0, errors = 0, drains = 0, closes = 0;
  NetError error = NetError::kNone;
  std::function<void(Peer&)> on_open, on_eof, on_error, on_drain, on_closed;
  std::function<void(Peer&, std::string_view)> on_read;

  ~Peer();  // lets go of a transport that a failed test left behind
  void attach(Transport* t);
  void dial(Net* net, const Provider& provider);
  void write(std::string_view bytes) { transport_write(transport, bytes); }
  void close() {
    if (transport != nullptr) transport_close(transport);
  }
  void abort() {
    if (transport != nullptr) transport_abort(transport);
  }
  static const TransportEvents kEvents;
};

class NetTest : public ::testing::Test {
 protected:
  NetTest();
  ~NetTest() override;

  // Runs the loop until `done`; fails the test after a generous time.
  void run_until(const std::function<bool()>& done);
  void run_turns(int turns);
  // Listens on 127.0.0.1; each accepted connection becomes a Peer, set up by `on_accept`.
  uint16_t listen(const std::shared_ptr<TlsServerContext>& tls = nullptr);
  void close_net();
  // Whether each turn of the loop is a round (uv_net_begin_round()). Without a call: as the
  // environment says (WEIR_TEST_ROUNDS), so that all tests run both ways.
  void use_rounds(bool on);
  static Provider provider(uint16_t port, std::string host = "127.0.0.1");

  uv_loop_t loop_;
  uv_prepare_t before_wait_;
  uv_check_t behind_events_;
  UvNet* net_ = nullptr;
  Net* base_ = nullptr;
  UvListener* listener_ = nullptr;
  std::vector<std::unique_ptr<Peer>> accepted_;
  std::function<void(Peer&)> on_accept_;
  Peer client_;
};

// Bytes that differ at every place, so that loss, doubling and reordering show.
std::string test_bytes(size_t count);

}  // namespace weir
