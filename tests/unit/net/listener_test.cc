#include "net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "net/tcp.h"
#include "net_harness.h"

namespace weir {
namespace {

class ListenerTest : public NetTest {
 protected:
  int open_listening(const std::string& host, uint16_t port, bool probe, uint16_t* bound) {
    const Result<int> fd = listen_socket(host, port, probe, bound, &detail_);
    return fd.has_value() ? *fd : -1;
  }
  std::string detail_;
};

TEST_F(ListenerTest, WorkersShareAPortAndStrangersAreNoticed) {
  uint16_t port = 0;
  const int first = open_listening("127.0.0.1", 0, true, &port);
  ASSERT_GE(first, 0) << detail_;
  ASSERT_NE(port, 0);
  uint16_t same = 0;
  const int second = open_listening("127.0.0.1", port, false, &same);
  EXPECT_GE(second, 0) << detail_;
  EXPECT_EQ(same, port);
  EXPECT_EQ(open_listening("127.0.0.1", port, true, &same), -1);
  EXPECT_NE(detail_.find(std::to_string(port)), std::string::npos) << detail_;
  close(first);
  close(second);
}

TEST_F(ListenerTest, UnusableAddressesAreNamed) {
  uint16_t port = 0;
  EXPECT_EQ(open_listening("192.0.2.1", 0, true, &port), -1);
  EXPECT_NE(detail_.find("192.0.2.1"), std::string::npos) << detail_;
  EXPECT_EQ(open_listening("no-such-host.invalid", 0, true, &port), -1);
  EXPECT_NE(detail_.find("no-such-host"), std::string::npos) << detail_;
}

TEST_F(ListenerTest, DualStackShowsIpv4ClientsAsSuch) {
  uint16_t port = 0;
  const int fd = open_listening("[::]", 0, true, &port);
  if (fd < 0) GTEST_SKIP() << "no IPv6 here: " << detail_;
  ListenSpec spec;
  spec.fd = fd;
  spec.user = this;
  Peer server;
  spec.user = &server;
  spec.on_accept = [](void* user, Transport* t) { static_cast<Peer*>(user)->attach(t); };
  ASSERT_TRUE(uv_listener_open(net_, spec).has_value());
  client_.dial(base_, provider(port));
  run_until([&] { return client_.opened && server.transport != nullptr; });
  EXPECT_STREQ(server.transport->peer, "127.0.0.1");
  close_net();
}

TEST_F(ListenerTest, NoDelayIsSetOnBothSides) {
  client_.dial(base_, provider(listen()));
  run_until([&] { return client_.opened && accepted_.size() == 1; });
  for (Peer* peer : {&client_, accepted_[0].get()}) {
    int fd = -1;
    uv_fileno(reinterpret_cast<uv_handle_t*>(&static_cast<Tcp*>(peer->transport)->handle), &fd);
    int value = 0;
    socklen_t size = sizeof(value);
    ASSERT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    EXPECT_EQ(value, 1);
    EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST_F(ListenerTest, PausedListenerTakesNobody) {
  const uint16_t port = listen();
  uv_listener_pause(listener_);
  client_.dial(base_, provider(port));
  run_until([&] { return client_.opened; });
  run_turns(20);
  EXPECT_TRUE(accepted_.empty());
  uv_listener_resume(listener_);
  run_until([&] { return accepted_.size() == 1; });
}

TEST_F(ListenerTest, ClosedFromInsideOnAccept) {
  on_accept_ = [&](Peer& peer) {
    uv_listener_close(listener_);
    uv_listener_pause(listener_);
    peer.close();
  };
  const uint16_t port = listen();
  client_.dial(base_, provider(port));
  run_until([&] { return accepted_.size() == 1 && accepted_[0]->closes == 1; });
  Peer late;
  late.dial(base_, provider(port));
  run_until([&] { return late.opens == 1; });
  EXPECT_EQ(late.open_error, NetError::kRefused);
  close_net();
}

// Goal: without free descriptors nobody is taken and nothing spins; connections get through as soon
// as there are some again. Method: connections made beforehand wait in the kernel's queue.
TEST_F(ListenerTest, DescriptorLimitIsSatOut) {
  const uint16_t port = listen();
  uv_listener_pause(listener_);
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 5; ++i) {
    peers.push_back(std::make_unique<Peer>());
    peers.back()->dial(base_, provider(port));
  }
  run_until([&] {
    return std::all_of(peers.begin(), peers.end(), [](auto& p) { return p->opened; });
  });
  std::vector<int> hogs;
  rlimit old;
  getrlimit(RLIMIT_NOFILE, &old);
  rlimit low = old;
  low.rlim_cur = std::min<rlim_t>(old.rlim_cur, 256);
  setrlimit(RLIMIT_NOFILE, &low);
  for (int fd = open("/dev/null", O_RDONLY); fd >= 0; fd = open("/dev/null", O_RDONLY)) {
    hogs.push_back(fd);
  }
  const uint64_t before = uv_net_counters(net_).accept_starved;
  uv_listener_resume(listener_);
  int turns = 0;
  run_until([&] {
    ++turns;
    return uv_net_counters(net_).accept_starved >= before + 3;
  });
  EXPECT_LT(turns, 50) << "the loop spins";
  EXPECT_TRUE(accepted_.empty());
  // A dial has no descriptor either, and says so.
  Peer unlucky;
  unlucky.dial(base_, provider(port));
  run_until([&] { return unlucky.opens == 1; });
  EXPECT_EQ(unlucky.open_error, NetError::kNoResources);
  for (const int fd : hogs) close(fd);
  setrlimit(RLIMIT_NOFILE, &old);
  run_until([&] { return accepted_.size() == 5; });
  EXPECT_EQ(uv_net_counters(net_).accept_shed, 0u);
  EXPECT_EQ(uv_net_counters(net_).accepted, 5u);
  close_net();
}

// After a long time without descriptors the waiting connections are closed, so that clients know.
TEST_F(ListenerTest, LongStarvationShedsTheQueue) {
  const uint16_t port = listen();
  uv_listener_pause(listener_);
  client_.dial(base_, provider(port));
  run_until([&] { return client_.opened; });
  listener_->starved_tries = UvListener::kShedTries - 1;
  std::vector<int> hogs;
  rlimit old;
  getrlimit(RLIMIT_NOFILE, &old);
  rlimit low = old;
  low.rlim_cur = std::min<rlim_t>(old.rlim_cur, 256);
  setrlimit(RLIMIT_NOFILE, &low);
  for (int fd = open("/dev/null", O_RDONLY); fd >= 0; fd = open("/dev/null", O_RDONLY)) {
    hogs.push_back(fd);
  }
  uv_listener_resume(listener_);
  run_until([&] { return client_.eofs + client_.errors == 1; });
  EXPECT_EQ(uv_net_counters(net_).accept_shed, 1u);
  for (const int fd : hogs) close(fd);
  setrlimit(RLIMIT_NOFILE, &old);
}

}  // namespace
}  // namespace weir
