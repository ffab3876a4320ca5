#include "net/dial.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/tcp.h"
#include "net/uv_net_state.h"
#include "net_harness.h"
#include "test_certificates.h"

namespace weir {
namespace {

std::vector<std::string> addresses_of_test_names;

// Answers every name with the addresses above, at once but in a later turn.
int known_lookup(uv_loop_t* loop, uv_getaddrinfo_t* request, uv_getaddrinfo_cb done, const char*,
                 const char* service, const addrinfo* hints) {
  addrinfo numeric = *hints;
  numeric.ai_flags = AI_NUMERICHOST;
  if (addresses_of_test_names.size() == 1) {
    const char* only = addresses_of_test_names[0].c_str();
    return uv_getaddrinfo(loop, request, done, only, service, &numeric);
  }
  addrinfo* head = nullptr;
  for (auto it = addresses_of_test_names.rbegin(); it != addresses_of_test_names.rend(); ++it) {
    addrinfo* one = nullptr;
    EXPECT_EQ(getaddrinfo(it->c_str(), nullptr, &numeric, &one), 0);
    one->ai_next = head;
    head = one;
  }
  done(request, 0, head);
  return 0;
}

class DialTest : public NetTest {
 protected:
  void resolve_to(std::vector<std::string> addresses) {
    addresses_of_test_names = std::move(addresses);
    uv_net_of(base_)->resolver.set_hooks({.lookup = known_lookup, .now = &uv_now});
  }
  void expect_open() {
    run_until([&] { return client_.opens == 1; });
    EXPECT_TRUE(client_.opened) << client_.open_detail;
  }
  void expect_failure(NetError error, std::string_view part = {}) {
    EXPECT_EQ(client_.opens, 0);
    run_until([&] { return client_.opens == 1; });
    EXPECT_EQ(client_.open_error, error) << client_.open_detail;
    EXPECT_NE(client_.open_detail.find(part), std::string::npos) << client_.open_detail;
    client_.close();
    run_until([&] { return client_.closes == 1; });
    client_ = Peer();
  }
};

TEST_F(DialTest, NameOfTheSystem) {
  client_.dial(base_, provider(listen(), "localhost"));
  expect_open();
}

TEST_F(DialTest, UnknownNameIsAResolveFault) {
  client_.dial(base_, provider(80, "no-such-host.invalid"));
  expect_failure(NetError::kResolve);
}

TEST_F(DialTest, NextAddressAfterARefusal) {
  // Nothing listens on the first three: the port is the listener's, on 127.0.0.1 only.
  resolve_to({"::1", "127.0.0.2", "127.0.0.3", "127.0.0.1"});
  client_.dial(base_, provider(listen(), "many.test"));
  expect_open();
  EXPECT_STREQ(client_.transport->peer, "127.0.0.1");
}

TEST_F(DialTest, AllRefused) {
  resolve_to({"127.0.0.2", "127.0.0.3"});
  client_.dial(base_, provider(listen(), "many.test"));
  expect_failure(NetError::kRefused, "127.0.0.3");
}

// A listener whose queue is full: who connects hears nothing until there is room.
class Hole {
 public:
  Hole(const char* address, uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    Address at;
    std::memset(&at, 0, sizeof(at));
    at.v4.sin_family = AF_INET;
    at.v4.sin_port = htons(port);
    inet_pton(AF_INET, address, &at.v4.sin_addr);
    EXPECT_EQ(bind(fd_, &at.any, sizeof(at.v4)), 0);
    EXPECT_EQ(::listen(fd_, 0), 0);
    for (int i = 0; i < 4; ++i) {
      fillers_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      connect(fillers_.back(), &at.any, sizeof(at.v4));
    }
  }
  ~Hole() { shut(); }
  void make_room() {
    for (const int fd : fillers_) ::close(fd);
    fillers_.clear();
    for (int fd = 0; (fd = accept(fd_, nullptr, nullptr)) >= 0;) ::close(fd);
  }
  void shut() {
    if (fd_ < 0) return;
    make_room();
    ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
  std::vector<int> fillers_;
};

// The first address swallows every packet. The second one is tried beside it after the head start,
// and wins.
TEST_F(DialTest, SilentAddressDoesNotHoldUpTheNext) {
  const uint16_t port = listen();
  const Hole hole("127.0.0.9", port);
  resolve_to({"127.0.0.9", "127.0.0.1"});
  client_.dial(base_, provider(port, "many.test"));
  EXPECT_EQ(net_->attempt_pool.in_use(), 1u);
  expect_open();
  EXPECT_STREQ(client_.transport->peer, "127.0.0.1");
  // A close while attempts hang ends them.
  Peer hanging;
  resolve_to({"127.0.0.9"});
  hanging.dial(base_, provider(port, "hole.test"));
  run_turns(20);
  EXPECT_EQ(hanging.opens, 0);
  hanging.close();
  run_until([&] { return hanging.closes == 1; });
  EXPECT_EQ(net_->attempt_pool.in_use(), 0u);
  EXPECT_EQ(net_->dial_pool.in_use(), 0u);
}

// The kernel asks again after a second: then one is let in, and the other one is refused.
TEST_F(DialTest, AnswersThatComeLate) {
  const uint16_t port = listen();
  Hole good("127.0.0.9", port);
  Hole bad("127.0.0.8", port);
  Peer refused;
  client_.dial(base_, provider(port, "127.0.0.9"));
  refused.dial(base_, provider(port, "127.0.0.8"));
  run_turns(20);
  EXPECT_EQ(client_.opens + refused.opens, 0);
  EXPECT_EQ(net_->attempt_pool.in_use(), 2u);
  good.make_room();
  bad.shut();
  expect_open();
  EXPECT_STREQ(client_.transport->peer, "127.0.0.9");
  run_until([&] { return refused.opens == 1; });
  EXPECT_EQ(refused.open_error, NetError::kRefused) << refused.open_detail;
  EXPECT_EQ(net_->attempt_pool.in_use(), 0u);
}

// What happens on this machine is over when connect() returns: nothing is watched, and who dials
// while events are handled can write at their end.
TEST_F(DialTest, NearAddressOpensInTheSameTurn) {
  const uint16_t port = listen();
  Peer second;
  bool opened_inside = true;
  on_accept_ = [&](Peer& peer) {
    peer.on_read = [&](Peer&, std::string_view) {
      second.dial(base_, provider(port));
      opened_inside = second.opens != 0;
    };
  };
  client_.dial(base_, provider(port));
  EXPECT_EQ(client_.opens, 0);
  EXPECT_EQ(net_->attempt_pool.in_use(), 0u);
  EXPECT_EQ(net_->dial_pool.in_use(), 0u);
  expect_open();
  client_.write("x");
  while (second.transport == nullptr) uv_run(&loop_, UV_RUN_ONCE);
  EXPECT_FALSE(opened_inside);
  EXPECT_EQ(second.opens, 1);
}

// Who dialled in one read is told before the next one in the same turn, and its first bytes do not
// wait for the end of the round. It may stop that next read.
TEST_F(DialTest, OpenIsToldBeforeTheNextRead) {
  const uint16_t port = listen();
  use_rounds(true);
  for (const bool pause : {false, true}) {
    accepted_.clear();
    Peer second;
    Peer other;
    Peer dialled;
    int reads = 0;
    dialled.on_open = [&](Peer& self) {
      EXPECT_EQ(reads, 1);
      self.write("first");
      EXPECT_EQ(static_cast<Tcp*>(self.transport)->piece, Outbox::kNoPiece);
      for (auto& peer : accepted_) {
        if (pause && peer->reads == 0) transport_pause(peer->transport);
      }
    };
    on_accept_ = [&](Peer& peer) {
      peer.on_read = [&](Peer&, std::string_view) {
        if (++reads == 1) return dialled.dial(base_, provider(port));
        EXPECT_EQ(dialled.opens, 1);
      };
    };
    second.dial(base_, provider(port));
    other.dial(base_, provider(port));
    run_until([&] { return second.opened && other.opened && accepted_.size() == 2; });
    on_accept_ = [](Peer&) {};
    run_turns(2);
    second.write("x");
    other.write("x");
    run_until([&] { return accepted_.size() == 3 && accepted_[2]->received == "first"; });
    run_turns(5);
    EXPECT_EQ(reads, pause ? 1 : 2);
    for (auto& peer : accepted_) peer->close();
    for (Peer* peer : {&second, &other, &dialled}) peer->close();
    run_until([&] {
      return second.closes + other.closes + dialled.closes == 3 &&
             std::ranges::all_of(accepted_, [](auto& p) { return p->closes == 1; });
    });
  }
}

TEST_F(DialTest, ClosedBeforeItIsToldThatItOpened) {
  client_.dial(base_, provider(listen()));
  client_.close();
  run_until([&] { return client_.closes == 1; });
  EXPECT_EQ(client_.opens, 0);
}

TEST_F(DialTest, ForbiddenAddressesAreNeverDialled) {
  const uint16_t port = listen();
  for (const char* host : {"169.254.169.254", "0.0.0.0", "2852039166", "fe80::1",
                           "metadata.google.internal"}) {
    client_.dial(base_, provider(port, host));
    expect_failure(NetError::kForbidden);
  }
  // A name may not lead there either, and what is allowed behind it is still tried.
  resolve_to({"169.254.169.254", "0.0.0.0"});
  client_.dial(base_, provider(port, "evil.test"));
  expect_failure(NetError::kForbidden, "169.254.169.254");
  resolve_to({"169.254.169.254", "127.0.0.1"});
  client_.dial(base_, provider(port, "mixed.test"));
  expect_open();
}

TEST_F(DialTest, PrivateAddressesOnlyWhenAllowed) {
  Provider p = provider(listen());
  p.deny_private = true;
  client_.dial(base_, p);
  expect_failure(NetError::kForbidden);
  resolve_to({"127.0.0.1"});
  p.host = "inside.test";
  client_.dial(base_, p);
  expect_failure(NetError::kForbidden, "127.0.0.1");
  EXPECT_TRUE(accepted_.empty());
}

TEST_F(DialTest, CloseAtOnceWhileResolvingAndWhileConnecting) {
  const uint16_t port = listen();
  for (const char* host : {"localhost", "127.0.0.1", "169.254.1.1"}) {
    Peer peer;
    peer.dial(base_, provider(port, host));
    peer.abort();
    run_until([&] { return peer.closes == 1; });
    EXPECT_EQ(peer.opens, 0);
  }
}

TEST_F(DialTest, PausedBeforeItOpens) {
  on_accept_ = [](Peer& peer) { peer.write("early"); };
  client_.dial(base_, provider(listen()));
  transport_pause(client_.transport);
  expect_open();
  run_turns(20);
  EXPECT_EQ(client_.reads, 0);
  transport_resume(client_.transport);
  run_until([&] { return client_.received == "early"; });
}

class ProxyTest : public DialTest {
 protected:
  // A proxy that reads a head and gives `answer` in pieces of `step`; then it echoes.
  Provider through_proxy(std::string answer, size_t step = 1000) {
    answer_ = std::move(answer);
    step_ = step;
    on_accept_ = [this](Peer& proxy) {
      proxy.on_read = [this](Peer& self, std::string_view bytes) {
        if (tunnel_) return self.write(bytes);
        if (!self.received.ends_with("\r\n\r\n")) return;
        tunnel_ = true;
        for (size_t at = 0; at < answer_.size(); at += step_) {
          self.write(std::string_view(answer_).substr(at, step_));
          if (step_ == 1) run_pause();
        }
        if (answer_.empty()) self.close();
      };
    };
    tunnel_ = false;
    accepted_.clear();
    Provider p = provider(443, "upstream.test");
    p.proxy_host = "127.0.0.1";
    p.proxy_port = port_ != 0 ? port_ : port_ = listen();
    p.proxy_authorization = "Basic c2VjcmV0";
    return p;
  }
  // Lets the kernel deliver single bytes as single reads now and then.
  static void run_pause() { usleep(100); }

  uint16_t port_ = 0;
  std::string answer_;
  size_t step_ = 0;
  bool tunnel_ = false;
};

TEST_F(ProxyTest, TunnelOpens) {
  for (const size_t step : {1000u, 1u}) {
    client_ = Peer();
    const std::string answer = "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n";
    client_.dial(base_, through_proxy(answer, step));
    expect_open();
    EXPECT_EQ(accepted_[0]->received,
              "CONNECT upstream.test:443 HTTP/1.1\r\nHost: upstream.test:443\r\n"
              "Proxy-Authorization: Basic c2VjcmV0\r\n\r\n");
    client_.write("through");
    run_until([&] { return client_.received == "through"; });
    client_.close();
    run_until([&] { return client_.closes == 1 && accepted_[0]->eofs == 1; });
    accepted_[0]->close();
    run_until([&] { return accepted_[0]->closes == 1; });
  }
}

TEST_F(ProxyTest, RefusalsAndGarbage) {
  const std::pair<std::string, std::string_view> cases[] = {
      {"HTTP/1.1 403 Forbidden\r\n\r\n", "403"},
      {"HTTP/1.0 407 Auth\r\nX: y\r\n\r\n", "407"},
      {"HTTP/1.1 \r\n 2\r\n\r\n", "garbage"},
      {"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"},
      {std::string(100'000, 'x'), "not HTTP"},
      {"HTTP/1.1 200 OK\r\n\r\nsurprise", "before the tunnel"},
      {"", "closed the connection"},
  };
  for (const auto& [answer, part] : cases) {
    client_.dial(base_, through_proxy(answer));
    expect_failure(NetError::kProxy, part);
    for (auto& peer : accepted_) peer->close();
    run_until([&] { return accepted_[0]->closes == 1; });
  }
}

TEST_F(ProxyTest, SecretsAreInNoMessage) {
  client_.dial(base_, through_proxy("HTTP/1.1 407 c2VjcmV0\r\n\r\n"));
  run_until([&] { return client_.opens == 1; });
  EXPECT_EQ(client_.open_detail.find("c2VjcmV0"), std::string::npos);
}

TEST_F(ProxyTest, TargetsAreJudgedByTheirNameAndTheProxyByItsAddress) {
  Provider p = through_proxy("HTTP/1.1 200 OK\r\n\r\n");
  p.host = "169.254.169.254";
  client_.dial(base_, p);
  expect_failure(NetError::kForbidden);
  p.host = "upstream.test";
  p.proxy_host = "169.254.1.1";
  client_.dial(base_, p);
  expect_failure(NetError::kForbidden, "169.254.1.1");
  EXPECT_TRUE(accepted_.empty());
}

TEST_F(ProxyTest, BracketsAroundIpv6Targets) {
  Provider p = through_proxy("HTTP/1.1 200 OK\r\n\r\n");
  p.host = "2001:db8::1";
  client_.dial(base_, p);
  expect_open();
  EXPECT_TRUE(accepted_[0]->received.starts_with("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n"));
}

// The proxy's two ends are joined by hand: TLS runs inside the tunnel, to the target's name.
TEST_F(ProxyTest, TlsInsideTheTunnel) {
  TestAuthority authority;
  const auto files = authority.issue({.names = "DNS:upstream.test"});
  std::string detail;
  auto context = tls_server_context(files.certificate, files.key, &detail).value();
  Provider p = through_proxy("HTTP/1.1 200 OK\r\n\r\n");
  p.tls = true;
  p.ca_pem = authority.pem();
  int fd[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
  Peer inner;
  Peer target;
  inner.attach(uv_net_adopt(net_, fd[0], nullptr));
  target.attach(uv_net_adopt(net_, fd[1], context));
  target.on_read = [](Peer& self, std::string_view bytes) { self.write(bytes); };
  on_accept_ = [&](Peer& proxy) {
    inner.on_read = [&](Peer&, std::string_view bytes) { proxy.write(bytes); };
    proxy.on_read = [&](Peer& self, std::string_view bytes) {
      if (tunnel_) return inner.write(bytes);
      tunnel_ = true;
      self.write(answer_);
    };
  };
  client_.dial(base_, p);
  expect_open();
  EXPECT_TRUE(client_.transport->tls);
  client_.write("sealed");
  run_until([&] { return client_.received == "sealed"; });
  close_net();
}

}  // namespace
}  // namespace weir
