#include "net/tcp.h"

#include <sys/socket.h>

#include <algorithm>
#include <deque>

#include "net_harness.h"

namespace weir {
namespace {

class TcpTest : public NetTest {
 protected:
  // Two connected ends: client_ and server().
  void connect() {
    client_.dial(base_, provider(listen()));
    run_until([&] { return client_.opens == 1 && accepted_.size() == 1; });
    ASSERT_TRUE(client_.opened) << client_.open_detail;
  }
  Peer& server() { return *accepted_.at(0); }
  void echo() {
    on_accept_ = [](Peer& peer) {
      peer.on_read = [](Peer& self, std::string_view bytes) { self.write(bytes); };
    };
  }
};

TEST_F(TcpTest, Echo) {
  echo();
  connect();
  EXPECT_STREQ(client_.transport->peer, "127.0.0.1");
  EXPECT_STREQ(server().transport->peer, "127.0.0.1");
  const Slice slices[] = {Slice("one "), Slice(""), Slice("two "), Slice("three")};
  transport_write(client_.transport, slices);
  run_until([&] { return client_.received == "one two three"; });
  EXPECT_EQ(server().reads, 1);
  EXPECT_EQ(client_.drains, 0) << "nothing was queued";
}

TEST_F(TcpTest, OnOpenNeverComesFromInsideDial) {
  client_.dial(base_, provider(listen()));
  EXPECT_EQ(client_.opens, 0);
  Peer refused;
  refused.dial(base_, provider(1));
  EXPECT_EQ(refused.opens, 0);
  run_until([&] { return client_.opens == 1 && refused.opens == 1; });
  EXPECT_EQ(refused.open_error, NetError::kRefused);
  EXPECT_NE(refused.open_detail.find("127.0.0.1 port 1"), std::string::npos) << refused.open_detail;
  refused.close();
  run_until([&] { return refused.closes == 1; });
}

// Goal: a reader that stops makes the writer queue; when it goes on, everything arrives in order,
// and the writer is told once that its queue is empty.
TEST_F(TcpTest, BackPressureAndDrain) {
  connect();
  transport_pause(server().transport);
  const std::string all = test_bytes(24 * 1024 * 1024 + 7);
  size_t offset = 0;
  size_t step = 1;
  while (offset < all.size()) {
    const size_t part = std::min(step, all.size() - offset);
    client_.write(std::string_view(all).substr(offset, part));
    offset += part;
    step = step * 3 % 250'001 + 1;
  }
  ASSERT_GT(client_.transport->queued_bytes, 0u);
  EXPECT_EQ(base_->queued_bytes, client_.transport->queued_bytes);
  run_turns(20);
  EXPECT_EQ(server().reads, 0);
  EXPECT_EQ(client_.drains, 0);
  transport_resume(server().transport);
  run_until([&] { return server().received.size() == all.size(); });
  EXPECT_TRUE(server().received == all);
  run_until([&] { return client_.drains == 1; });
  EXPECT_EQ(base_->queued_bytes, 0u);
}

TEST_F(TcpTest, WritingFromOnDrainGoesOn) {
  connect();
  const std::string chunk = test_bytes(1024 * 1024);
  int rounds = 0;
  client_.on_drain = [&](Peer& self) {
    while (rounds < 20 && self.transport->queued_bytes == 0) {
      ++rounds;
      self.write(chunk);
    }
  };
  transport_pause(server().transport);
  while (client_.transport->queued_bytes == 0) {
    ++rounds;
    client_.write(chunk);
  }
  transport_resume(server().transport);
  run_until([&] { return rounds == 20 && server().received.size() == 20 * chunk.size(); });
}

TEST_F(TcpTest, PausedFromOnReadNothingComesUntilResume) {
  connect();
  server().on_read = [](Peer& self, std::string_view) { transport_pause(self.transport); };
  client_.write(test_bytes(kReadBlockBytes * 2));
  run_until([&] { return server().reads == 1; });
  run_turns(20);
  EXPECT_EQ(server().reads, 1);
  transport_resume(server().transport);
  run_until([&] { return server().reads == 2; });
}

TEST_F(TcpTest, EofIsToldOnceAndTheOtherDirectionGoesOn) {
  connect();
  client_.write("last words");
  transport_shutdown(client_.transport);
  transport_shutdown(client_.transport);
  run_until([&] { return server().eofs == 1; });
  EXPECT_EQ(server().received, "last words");
  EXPECT_FALSE(server().transport->reading);
  transport_resume(server().transport);
  run_turns(20);
  EXPECT_EQ(server().eofs, 1);
  server().write("answer");
  run_until([&] { return client_.received == "answer"; });
  EXPECT_EQ(client_.closes, 0);
}

TEST_F(TcpTest, FinFollowsWhatIsQueued) {
  connect();
  transport_pause(server().transport);
  const std::string all = test_bytes(16 * 1024 * 1024);
  client_.write(all);
  ASSERT_GT(client_.transport->queued_bytes, 0u);
  transport_shutdown(client_.transport);
  client_.write("too late");
  transport_resume(server().transport);
  run_until([&] { return server().eofs == 1; });
  EXPECT_TRUE(server().received == all);
}

TEST_F(TcpTest, CloseIsAFinAndAbortIsAReset) {
  connect();
  client_.close();
  EXPECT_EQ(client_.closes, 0) << "never from inside close()";
  client_.close();
  client_.abort();
  run_until([&] { return server().eofs == 1 && client_.closes == 1; });
  EXPECT_EQ(server().errors, 0);
  Peer second;
  second.dial(base_, provider(listen()));
  run_until([&] { return second.opens == 1 && accepted_.size() == 2; });
  second.abort();
  run_until([&] { return accepted_[1]->errors == 1 && second.closes == 1; });
  EXPECT_EQ(accepted_[1]->error, NetError::kReset);
  EXPECT_EQ(accepted_[1]->eofs, 0);
}

TEST_F(TcpTest, AbortAfterShutdownIsStillAReset) {
  connect();
  transport_shutdown(client_.transport);
  run_until([&] { return server().eofs == 1; });
  client_.abort();
  run_until([&] { return client_.closes == 1; });
  server().write("x");
  run_until([&] { return server().errors == 1; });
  EXPECT_EQ(server().error, NetError::kReset);
}

// A write into a dead connection tells of it in a later turn, once.
TEST_F(TcpTest, WriteErrorComesLater) {
  connect();
  transport_pause(server().transport);
  client_.abort();
  run_until([&] { return client_.closes == 1; });
  run_turns(5);
  server().write("x");
  server().write("y");
  EXPECT_EQ(server().errors, 0);
  run_until([&] { return server().errors == 1; });
  EXPECT_EQ(server().error, NetError::kReset);
  run_turns(10);
  EXPECT_EQ(server().errors, 1);
  EXPECT_EQ(server().transport->queued_bytes, 0u);
}

// What the peer had sent before it went away is read before the failed write is told.
TEST_F(TcpTest, BytesBeforeTheWriteErrorAreRead) {
  connect();
  std::string order;
  server().on_read = [&](Peer&, std::string_view) { order += "read "; };
  server().on_error = [&](Peer&) { order += "error"; };
  server().on_eof = [&](Peer&) { order += "eof "; };
  client_.write("early answer");
  int fd = -1;
  uv_fileno(reinterpret_cast<uv_handle_t*>(&static_cast<Tcp*>(server().transport)->handle), &fd);
  ::shutdown(fd, SHUT_WR);  // makes the next write fail with EPIPE
  server().write("x");
  EXPECT_EQ(order, "");
  run_until([&] { return server().errors == 1; });
  EXPECT_EQ(order, "read error");
}

TEST_F(TcpTest, CloseFromWithinEachEvent) {
  enum Event { kOpen, kRead, kEof, kError, kDrain, kEvents };
  const uint16_t port = listen();
  for (int event = kOpen; event < kEvents; ++event) {
    for (const bool abort : {false, true}) {
      accepted_.clear();
      Peer peer;
      const auto end = [&](Peer& self) {
        abort ? self.abort() : self.close();
        self.write("into the void");
        transport_pause(self.transport);
        transport_resume(self.transport);
        transport_shutdown(self.transport);
      };
      on_accept_ = [&](Peer& self) {
        if (event == kRead) self.write("hello");
        if (event == kEof) transport_shutdown(self.transport);
        if (event == kError) self.on_read = [](Peer& s, std::string_view) { s.abort(); };
      };
      if (event == kOpen) peer.on_open = end;
      if (event == kRead) peer.on_read = [&](Peer& self, std::string_view) { end(self); };
      if (event == kEof) peer.on_eof = end;
      if (event == kError) {
        peer.on_error = end;
        peer.on_open = [](Peer& self) { self.write("go"); };
      }
      if (event == kDrain) {
        peer.on_drain = end;
        peer.on_open = [](Peer& self) {
          const std::string chunk(1024 * 1024, 'x');
          for (int i = 0; i < 12; ++i) self.write(chunk);
        };
      }
      peer.dial(base_, provider(port));
      run_until([&] { return peer.closes == 1; });
      for (auto& other : accepted_) other->close();
      run_until([&] {
        return std::ranges::all_of(accepted_, [](auto& p) { return p->transport == nullptr; });
      });
    }
  }
  accepted_.clear();
}

TEST_F(TcpTest, CloseWhileWritesAreQueued) {
  connect();
  transport_pause(server().transport);
  client_.write(test_bytes(16 * 1024 * 1024));
  ASSERT_GT(base_->queued_bytes, 0u);
  client_.close();
  EXPECT_EQ(base_->queued_bytes, 0u);
  run_until([&] { return client_.closes == 1; });
  EXPECT_EQ(client_.drains, 0);
}

TEST_F(TcpTest, KeptBlockOutlivesLaterReads) {
  connect();
  std::deque<std::pair<ReadBlock*, std::string_view>> kept;
  server().on_read = [&](Peer&, std::string_view bytes) {
    kept.emplace_back(net_keep_block(base_), bytes);
  };
  for (int i = 0; i < 10; ++i) {
    client_.write("message " + std::to_string(i));
    run_until([&] { return kept.size() == static_cast<size_t>(i) + 1; });
  }
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(kept[static_cast<size_t>(i)].second, "message " + std::to_string(i));
    net_release_block(base_, kept[static_cast<size_t>(i)].first);
  }
  EXPECT_EQ(base_->kept_bytes, 0u);
}

// Goal: many short lives at once, each ended at a random point by a random side.
TEST_F(TcpTest, ThousandConnectionsChurn) {
  const uint64_t seed = static_cast<uint64_t>(uv_hrtime());
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  uint64_t state = seed | 1;
  const auto random = [&] {
    return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33;
  };
  const auto random_end = [&](Peer& peer) {
    if (peer.transport == nullptr) return;
    const uint64_t how = random() % 4;
    if (how == 0) peer.close();
    if (how == 1) peer.abort();
    if (how == 2) transport_shutdown(peer.transport);
  };
  on_accept_ = [&](Peer& peer) {
    if (random() % 20 == 0) return peer.close();
    peer.on_read = [&](Peer& self, std::string_view bytes) {
      self.write(bytes);
      if (random() % 4 == 0) random_end(self);
    };
    peer.on_eof = peer.on_error = [](Peer& self) { self.close(); };
  };
  const uint16_t port = listen();
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 1000; ++i) {
    peers.push_back(std::make_unique<Peer>());
    Peer& peer = *peers.back();
    peer.on_open = [&](Peer& self) {
      if (self.opened) self.write(std::string(random() % 50'000, 'x'));
      random_end(self);
    };
    peer.on_read = [&](Peer& self, std::string_view) { random_end(self); };
    peer.on_eof = peer.on_error = [](Peer& self) { self.close(); };
    peer.dial(base_, provider(port));
    if (random() % 10 == 0) random_end(peer);
    if (i % 50 == 49) run_turns(3);
  }
  run_turns(300);
  for (auto& peer : peers) peer->close();
  for (auto& peer : accepted_) peer->close();
  run_until([&] {
    return std::ranges::all_of(peers, [](auto& p) { return p->closes == 1; }) &&
           std::ranges::all_of(accepted_, [](auto& p) { return p->closes == 1; });
  });
  EXPECT_EQ(base_->queued_bytes, 0u);
  for (auto& peer : peers) {
    EXPECT_LE(peer->opens, 1);
    EXPECT_LE(peer->eofs + peer->errors, 2);
  }
}

}  // namespace
}  // namespace weir
