#include "net/uv_net.h"

#include <sys/socket.h>

#include "net_harness.h"

namespace weir {
namespace {

class UvNetTest : public NetTest {};

// An embedder's loop ends when only our housekeeping is left.
TEST_F(UvNetTest, IdleNetKeepsNoLoopAlive) {
  EXPECT_EQ(uv_run(&loop_, UV_RUN_DEFAULT), 0);
  EXPECT_EQ(uv_loop_alive(&loop_), 0);
}

TEST_F(UvNetTest, LoopEndsAfterTheLastConnection) {
  client_.on_open = [&](Peer& self) { self.close(); };
  on_accept_ = [&](Peer& peer) {
    peer.close();
    uv_listener_close(listener_);
  };
  client_.dial(base_, provider(listen()));
  EXPECT_EQ(uv_run(&loop_, UV_RUN_DEFAULT), 0);
  EXPECT_EQ(client_.closes, 1);
}

TEST_F(UvNetTest, CloseEndsEverythingAndSaysSo) {
  const uint16_t port = listen();
  client_.dial(base_, provider(port));
  run_until([&] { return client_.opens == 1 && accepted_.size() == 1; });
  Peer opening;
  opening.dial(base_, provider(port));
  Peer resolving;
  resolving.dial(base_, provider(port, "no-such-host.invalid"));
  Peer failing;
  failing.dial(base_, provider(port, "169.254.169.254"));
  close_net();
  for (Peer* peer : {&client_, &opening, &resolving, &failing}) {
    EXPECT_EQ(peer->closes, 1);
    EXPECT_EQ(peer->errors, 0);
  }
  EXPECT_EQ(opening.opens + resolving.opens + failing.opens, 0);
  EXPECT_EQ(accepted_[0]->closes, 1);
}

TEST_F(UvNetTest, DialDuringCloseIsClosedToo) {
  Peer late;
  client_.on_closed = [&](Peer&) { late.dial(base_, provider(1)); };
  client_.dial(base_, provider(listen()));
  run_until([&] { return client_.opens == 1; });
  close_net();
  EXPECT_EQ(late.closes, 1);
  EXPECT_EQ(late.opens, 0);
}

TEST_F(UvNetTest, AdoptedSocketTalks) {
  int fd[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
  Peer left;
  Peer right;
  left.attach(uv_net_adopt(net_, fd[0], nullptr));
  right.attach(uv_net_adopt(net_, fd[1], nullptr));
  left.write("hello");
  run_until([&] { return right.received == "hello"; });
  EXPECT_STREQ(right.transport->peer, "");
  EXPECT_EQ(right.opens, 0);
  right.close();
  run_until([&] { return left.eofs == 1; });
  left.close();
  run_until([&] { return left.closes + right.closes == 2; });
}

TEST_F(UvNetTest, AdoptRefusesWhatIsNoConnection) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(uv_net_adopt(net_, fd, nullptr), nullptr);
}

}  // namespace
}  // namespace weir
