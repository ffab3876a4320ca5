#include "net/tls.h"

#include <openssl/ssl.h>

#include <algorithm>

#include "net/tcp.h"
#include "net_harness.h"
#include "test_certificates.h"

namespace weir {
namespace {

class TlsTest : public NetTest {
 protected:
  std::shared_ptr<TlsServerContext> context(const CertificateSpec& spec = {}) {
    const auto files = authority_.issue(spec);
    std::string detail;
    auto made = tls_server_context(files.certificate, files.key, &detail);
    EXPECT_TRUE(made.has_value()) << detail;
    return *made;
  }
  Provider tls_provider(uint16_t port, std::string host = "127.0.0.1") {
    Provider p = provider(port, std::move(host));
    p.tls = true;
    p.ca_pem = authority_.pem();
    return p;
  }
  void connect(const CertificateSpec& spec = {}) {
    client_.dial(base_, tls_provider(listen(context(spec))));
    run_until([&] { return client_.opens == 1 && accepted_.size() == 1; });
    ASSERT_TRUE(client_.opened) << client_.open_detail;
  }
  // Dials and expects kTls, with a reason in which `part` occurs.
  void expect_refusal(const Provider& to, std::string_view part) {
    Peer peer;
    peer.dial(base_, to);
    run_until([&] { return peer.opens == 1; });
    EXPECT_EQ(peer.open_error, NetError::kTls);
    EXPECT_NE(peer.open_detail.find(part), std::string::npos) << peer.open_detail;
    EXPECT_NE(peer.open_detail.find(to.host), std::string::npos) << peer.open_detail;
    peer.close();
    run_until([&] { return peer.closes == 1; });
    EXPECT_EQ(peer.opens, 1);
    EXPECT_EQ(peer.errors, 0);
  }
  Peer& server() { return *accepted_.at(0); }

  TestAuthority authority_;
};

TEST_F(TlsTest, EchoOverBothKindsOfKeys) {
  for (const bool rsa : {false, true}) {
    accepted_.clear();
    on_accept_ = [](Peer& peer) {
      peer.on_read = [](Peer& self, std::string_view bytes) { self.write(bytes); };
    };
    Peer peer;
    peer.dial(base_, tls_provider(listen(context({.rsa = rsa}))));
    run_until([&] { return peer.opens == 1; });
    ASSERT_TRUE(peer.opened) << peer.open_detail;
    EXPECT_TRUE(peer.transport->tls);
    const Slice slices[] = {Slice("head "), Slice("and "), Slice("body")};
    transport_write(peer.transport, slices);
    run_until([&] { return peer.received == "head and body"; });
    EXPECT_EQ(server().reads, 1) << "small slices share a record";
    SSL* ssl = static_cast<Tcp*>(peer.transport)->tls_session->ssl;
    EXPECT_GE(SSL_version(ssl), TLS1_2_VERSION);
    const unsigned char* alpn = nullptr;
    unsigned alpn_size = 0;
    SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(alpn), alpn_size), "http/1.1");
    peer.close();
    run_until([&] { return peer.closes == 1; });
    server().close();
    run_until([&] { return server().closes == 1; });
  }
}

TEST_F(TlsTest, CertificateFaultsAreNamed) {
  expect_refusal(tls_provider(listen(context({.names = "DNS:other.test"}))), "address mismatch");
  expect_refusal(tls_provider(listen(context({.starts_s = -7000, .ends_s = -60}))), "expired");
  expect_refusal(tls_provider(listen(context({.starts_s = 3000, .ends_s = 7000}))),
                 "not yet valid");
  Provider stranger = tls_provider(listen(context()));
  stranger.ca_pem = TestAuthority().pem();
  stranger.pool_slot = 1;
  expect_refusal(stranger, "certificate");
  stranger.ca_pem.clear();
  expect_refusal(stranger, "certificate");
}

TEST_F(TlsTest, HostNamesAreChecked) {
  const uint16_t port = listen(context({.names = "DNS:localhost"}));
  Peer good;
  good.dial(base_, tls_provider(port, "localhost"));
  run_until([&] { return good.opens == 1; });
  EXPECT_TRUE(good.opened) << good.open_detail;
  good.close();
  const uint16_t other = listen(context({.names = "DNS:good.test"}));
  expect_refusal(tls_provider(other, "localhost"), "hostname mismatch");
  run_until([&] { return good.closes == 1; });
}

TEST_F(TlsTest, BrokenAuthorityFailsTheDial) {
  Provider p = tls_provider(listen(context()));
  p.ca_pem = "not a certificate";
  client_.dial(base_, p);
  EXPECT_EQ(client_.opens, 0);
  run_until([&] { return client_.opens == 1; });
  EXPECT_EQ(client_.open_error, NetError::kTls);
}

TEST_F(TlsTest, SecondConnectionResumesTheSession) {
  const uint16_t port = listen(context());
  on_accept_ = [](Peer& peer) {
    peer.on_read = [](Peer& self, std::string_view) { self.write("ok"); };
  };
  for (int round = 0; round < 3; ++round) {
    Peer peer;
    peer.on_open = [](Peer& self) { self.write("hi"); };
    peer.dial(base_, tls_provider(port));
    run_until([&] { return peer.received == "ok"; });
    EXPECT_EQ(uv_net_counters(net_).tls_resumed, static_cast<uint64_t>(round));
    round == 1 ? peer.abort() : peer.close();
    run_until([&] { return peer.closes == 1; });
  }
  // Another pool slot shares nothing, and a change of trust forgets.
  Provider other = tls_provider(port);
  other.pool_slot = 7;
  Peer peer;
  peer.dial(base_, other);
  run_until([&] { return peer.opened; });
  EXPECT_EQ(uv_net_counters(net_).tls_resumed, 2u);
  Provider changed = tls_provider(port);
  changed.ca_pem += "\n";
  Peer last;
  last.dial(base_, changed);
  run_until([&] { return last.opened; });
  EXPECT_EQ(uv_net_counters(net_).tls_resumed, 2u);
  close_net();
}

// Goal: large transfers in odd pieces both ways at once, with pauses, arrive whole.
TEST_F(TlsTest, LargeTransfersBothWays) {
  connect();
  const std::string up = test_bytes(9 * 1024 * 1024 + 3);
  const std::string down = test_bytes(11 * 1024 * 1024 + 5);
  const auto send = [](Peer& peer, const std::string& all) {
    size_t step = 1;
    for (size_t at = 0; at < all.size();) {
      const size_t part = std::min(step, all.size() - at);
      const size_t half = part / 2;
      const Slice slices[] = {Slice(all.data() + at, half),
                              Slice(all.data() + at + half, part - half)};
      transport_write(peer.transport, slices);
      at += part;
      step = step * 3 % 120'011 + 1;
    }
  };
  const auto pause_often = [](Peer& self, std::string_view) {
    if (self.reads % 3 == 0) transport_pause(self.transport);
  };
  server().on_read = client_.on_read = pause_often;
  send(client_, up);
  send(server(), down);
  EXPECT_GT(base_->queued_bytes, 0u);
  run_until([&] {
    transport_resume(client_.transport);
    transport_resume(server().transport);
    return server().received.size() == up.size() && client_.received.size() == down.size();
  });
  EXPECT_TRUE(server().received == up);
  EXPECT_TRUE(client_.received == down);
  run_until([&] { return base_->queued_bytes == 0; });
  EXPECT_EQ(client_.drains, 1);
  EXPECT_EQ(server().drains, 1);
}

// The peer's goodbye counts as the end, also when it comes while reading is paused.
TEST_F(TlsTest, CloseNotifyIsTheEnd) {
  connect();
  server().on_read = [](Peer& self, std::string_view) { transport_pause(self.transport); };
  client_.write("bye");
  client_.close();
  run_until([&] { return server().received == "bye"; });
  run_turns(20);
  EXPECT_EQ(server().eofs, 0);
  transport_resume(server().transport);
  run_until([&] { return server().eofs == 1; });
  EXPECT_EQ(server().errors, 0);
  transport_resume(server().transport);
  run_turns(10);
  EXPECT_EQ(server().eofs, 1);
}

TEST_F(TlsTest, ShutdownLeavesTheOtherDirectionOpen) {
  connect();
  client_.write("question");
  transport_shutdown(client_.transport);
  client_.write("too late");
  run_until([&] { return server().eofs == 1; });
  EXPECT_EQ(server().received, "question");
  server().write("answer");
  run_until([&] { return client_.received == "answer"; });
}

TEST_F(TlsTest, FinWithoutGoodbyeIsAnError) {
  connect();
  int fd = -1;
  uv_fileno(reinterpret_cast<uv_handle_t*>(&static_cast<Tcp*>(client_.transport)->handle), &fd);
  ::shutdown(fd, SHUT_WR);
  run_until([&] { return server().errors == 1; });
  EXPECT_EQ(server().error, NetError::kReset);
  EXPECT_EQ(server().eofs, 0);
}

TEST_F(TlsTest, KeptBlockHoldsPlainBytes) {
  connect();
  std::vector<std::pair<ReadBlock*, std::string_view>> kept;
  server().on_read = [&](Peer&, std::string_view bytes) {
    ReadBlock* block = net_keep_block(base_);
    EXPECT_GE(bytes.data(), block->data);
    EXPECT_LE(bytes.end(), block->data + kReadBlockBytes);
    kept.emplace_back(block, bytes);
  };
  for (size_t i = 0; i < 5; ++i) {
    client_.write("secret " + std::to_string(i));
    run_until([&] { return kept.size() == i + 1; });
  }
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(kept[i].second, "secret " + std::to_string(i));
    net_release_block(base_, kept[i].first);
  }
}

TEST_F(TlsTest, GarbageInsteadOfAHandshake) {
  // A client that is not TLS at all.
  Peer plain;
  plain.dial(base_, provider(listen(context())));
  plain.on_open = [](Peer& self) { self.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"); };
  run_until([&] { return accepted_.size() == 1 && server().errors == 1; });
  EXPECT_EQ(server().error, NetError::kTls);
  EXPECT_EQ(server().reads, 0);
  // A server that is not.
  accepted_.clear();
  on_accept_ = [](Peer& peer) { peer.write("220 hello, this is mail\r\n"); };
  expect_refusal(tls_provider(listen()), "handshake");
  // A server that hangs up.
  on_accept_ = [](Peer& peer) { peer.close(); };
  Provider gone = tls_provider(listen());
  Peer peer;
  peer.dial(base_, gone);
  run_until([&] { return peer.opens == 1; });
  EXPECT_FALSE(peer.opened);
  close_net();
}

TEST_F(TlsTest, GarbageAfterTheHandshake) {
  connect();
  const std::string junk = "\x17\x03\x03\x00\x20" + std::string(32, 'j');
  const Slice slice{std::string_view(junk)};
  tcp_write_raw(static_cast<Tcp*>(client_.transport), {&slice, 1});
  run_until([&] { return server().errors == 1; });
  EXPECT_EQ(server().error, NetError::kTls);
  EXPECT_EQ(server().reads, 0);
}

// An answer given before the handshake (say: too many connections) still arrives.
TEST_F(TlsTest, WrittenBeforeTheHandshakeWasDone) {
  on_accept_ = [](Peer& peer) {
    peer.write("busy");
    EXPECT_EQ(peer.transport->queued_bytes, 4u);
    transport_shutdown(peer.transport);
  };
  client_.dial(base_, tls_provider(listen(context())));
  run_until([&] { return client_.eofs == 1; });
  EXPECT_EQ(client_.received, "busy");
  EXPECT_EQ(base_->queued_bytes, 0u);
  EXPECT_EQ(server().drains, 1);
}

TEST_F(TlsTest, CloseFromWithinEachEvent) {
  enum Event { kOpen, kRead, kEof, kError, kDrain, kEvents };
  const uint16_t port = listen(context());
  for (int event = kOpen; event < kEvents; ++event) {
    for (const bool abort : {false, true}) {
      Peer peer;
      const auto end = [&](Peer& self) {
        abort ? self.abort() : self.close();
        self.write("into the void");
        transport_resume(self.transport);
      };
      on_accept_ = [&](Peer& self) {
        self.on_read = [&](Peer& s, std::string_view) {
          if (event == kRead) s.write("hello");
          if (event == kEof) transport_shutdown(s.transport);
          if (event == kError) s.abort();
        };
      };
      peer.on_open = [&](Peer& self) { self.write("go"); };
      if (event == kOpen) peer.on_open = end;
      if (event == kRead) peer.on_read = [&](Peer& self, std::string_view) { end(self); };
      if (event == kEof) peer.on_eof = end;
      if (event == kError) peer.on_error = end;
      if (event == kDrain) {
        peer.on_drain = end;
        peer.on_open = [](Peer& self) {
          for (int i = 0; i < 12; ++i) self.write(std::string(1024 * 1024, 'x'));
        };
      }
      peer.dial(base_, tls_provider(port));
      run_until([&] { return peer.closes == 1; });
    }
  }
  for (auto& other : accepted_) other->close();
  run_until([&] {
    return std::all_of(accepted_.begin(), accepted_.end(), [](auto& p) { return p->closes == 1; });
  });
}

TEST_F(TlsTest, NewCertificateServesNewConnections) {
  const uint16_t port = listen(context({.names = "DNS:old.test"}));
  expect_refusal(tls_provider(port), "mismatch");
  uv_listener_set_tls(listener_, context());
  client_.dial(base_, tls_provider(port));
  run_until([&] { return client_.opens == 1; });
  EXPECT_TRUE(client_.opened) << client_.open_detail;
}

}  // namespace
}  // namespace weir
