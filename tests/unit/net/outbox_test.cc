#include "net/outbox.h"

#include <algorithm>
#include <string>

#include "net/tcp.h"
#include "net_harness.h"

namespace weir {
namespace {

// The rounds begin and end where the test says.
class OutboxTest : public NetTest {
 protected:
  OutboxTest() { use_rounds(false); }
  ~OutboxTest() override {
    for (const auto& peer : clients_) peer->close();
    if (net_ != nullptr) uv_net_end_round(net_);
    close_net();
  }
  void connect(size_t count) {
    const uint16_t port = listen();
    for (size_t i = 0; i < count; ++i) {
      clients_.push_back(std::make_unique<Peer>());
      clients_.back()->dial(base_, provider(port));
      run_until([&] { return clients_.back()->opens == 1 && accepted_.size() == i + 1; });
      ASSERT_TRUE(clients_.back()->opened);
    }
  }
  Peer& client(size_t i = 0) { return *clients_.at(i); }
  Peer& server(size_t i = 0) { return *accepted_.at(i); }

  std::vector<std::unique_ptr<Peer>> clients_;
};

TEST_F(OutboxTest, WritesOfARoundGoTogetherAtItsEnd) {
  connect(1);
  uv_net_begin_round(net_);
  client().write("one ");
  const Slice slices[] = {Slice("two "), Slice(""), Slice("three")};
  transport_write(client().transport, slices);
  EXPECT_EQ(client().transport->queued_bytes, 0u) << "kept is not queued";
  run_turns(5);
  EXPECT_EQ(server().received, "");
  uv_net_end_round(net_);
  run_until([&] { return server().received == "one two three"; });
  EXPECT_EQ(server().reads, 1);
}

TEST_F(OutboxTest, OutsideOfRoundsNothingIsKept) {
  connect(1);
  client().write("at once");
  run_until([&] { return server().received == "at once"; });
}

TEST_F(OutboxTest, ALargeWriteGoesAtOnceBehindWhatWasKept) {
  connect(1);
  uv_net_begin_round(net_);
  client().write("small ");
  const std::string large = test_bytes(Outbox::kPieceBytes + 1);
  client().write(large);
  run_until([&] { return server().received == "small " + large; });
}

TEST_F(OutboxTest, SmallWritesThatBecomeALargePieceAreNotKept) {
  connect(1);
  uv_net_begin_round(net_);
  const std::string all = test_bytes(3 * Outbox::kPieceBytes);
  for (size_t at = 0; at < all.size(); at += 1000) {
    client().write(std::string_view(all).substr(at, 1000));
  }
  run_until([&] { return server().received.size() > Outbox::kPieceBytes; });
  uv_net_end_round(net_);
  run_until([&] { return server().received == all; });
}

TEST_F(OutboxTest, WritesOfConnectionsInTurnsStayInOrder) {
  connect(2);
  uv_net_begin_round(net_);
  for (const char* text : {"a", "b", "c"}) {
    client(0).write(text);
    client(1).write(text);
  }
  uv_net_end_round(net_);
  run_until([&] { return server(0).received == "abc" && server(1).received == "abc"; });
}

TEST_F(OutboxTest, MoreThanItHoldsMakesRoom) {
  connect(3);
  uv_net_begin_round(net_);
  const std::string part = test_bytes(Outbox::kPieceBytes);
  const size_t times = 2 * Outbox::kBytes / part.size();
  for (size_t i = 0; i < times; ++i) {
    for (size_t peer = 0; peer < 3; ++peer) client(peer).write(part);
  }
  uv_net_end_round(net_);
  run_until([&] {
    return server(0).received.size() + server(1).received.size() + server(2).received.size() ==
           3 * times * part.size();
  });
  for (size_t peer = 0; peer < 3; ++peer) {
    for (size_t i = 0; i < times; ++i) {
      ASSERT_EQ(server(peer).received.substr(i * part.size(), part.size()), part);
    }
  }
}

TEST_F(OutboxTest, MoreConnectionsThanPieces) {
  const size_t count = Outbox::kPieces + 3;
  connect(count);
  uv_net_begin_round(net_);
  for (size_t i = 0; i < count; ++i) client(i).write(std::to_string(i));
  run_until([&] { return server(0).received == "0"; });
  EXPECT_EQ(server(count - 1).received, "");
  uv_net_end_round(net_);
  run_until([&] { return server(count - 1).received == std::to_string(count - 1); });
  for (size_t i = 0; i < count; ++i) EXPECT_EQ(server(i).received, std::to_string(i));
}

TEST_F(OutboxTest, CloseSendsWhatWasKept) {
  connect(2);
  uv_net_begin_round(net_);
  client(0).write("last words");
  client(1).write("others");
  client(0).close();
  run_until([&] { return server(0).eofs == 1; });
  EXPECT_EQ(server(0).received, "last words");
  EXPECT_EQ(server(1).received, "");
  uv_net_end_round(net_);
  run_until([&] { return server(1).received == "others"; });
}

TEST_F(OutboxTest, FinComesBehindWhatWasKept) {
  connect(1);
  uv_net_begin_round(net_);
  client().write("last words");
  transport_shutdown(client().transport);
  run_until([&] { return server().eofs == 1; });
  EXPECT_EQ(server().received, "last words");
  uv_net_end_round(net_);
}

TEST_F(OutboxTest, AnAbortedConnectionLeavesNothingBehind) {
  connect(2);
  uv_net_begin_round(net_);
  client(0).write("lost or not");
  client(0).abort();
  client(1).write("kept");
  run_until([&] { return client(0).closes == 1; });
  uv_net_end_round(net_);
  run_until([&] { return server(1).received == "kept"; });
}

// A peer that went away before the end of the round is told of as one that went away before.
TEST_F(OutboxTest, AFaultOfALateSendIsTold) {
  connect(1);
  // Both ends are read by one loop; the reset must not be seen before the send.
  transport_pause(client().transport);
  run_turns(2);
  server().abort();
  run_until([&] { return server().closes == 1; });
  uv_net_begin_round(net_);
  client().write("nobody reads this");
  EXPECT_EQ(client().errors, 0);
  uv_net_end_round(net_);
  EXPECT_EQ(client().errors, 0) << "told in a later turn";
  run_until([&] { return client().errors == 1; });
  EXPECT_EQ(client().error, NetError::kReset);
}

TEST_F(OutboxTest, WhatTheKernelDoesNotTakeIsQueued) {
  connect(1);
  transport_pause(server().transport);
  const std::string part = test_bytes(8000);
  size_t written = 0;
  while (client().transport->queued_bytes == 0) {
    uv_net_begin_round(net_);
    client().write(part);
    uv_net_end_round(net_);
    written += part.size();
  }
  // Behind bytes that wait nothing is kept.
  uv_net_begin_round(net_);
  client().write(part);
  written += part.size();
  uv_net_end_round(net_);
  transport_resume(server().transport);
  run_until([&] { return server().received.size() == written && client().drains == 1; });
  for (size_t at = 0; at < written; at += part.size()) {
    ASSERT_EQ(server().received.substr(at, part.size()), part);
  }
}

TEST_F(OutboxTest, ALongReadLetsOthersGoFirst) {
  connect(2);
  uv_net_begin_round(net_);
  client(1).write("waiting");
  // Out of the box at once, as it is large; reading it lets the other one go.
  client(0).write(test_bytes(100'000));
  run_until([&] { return server(0).received.size() == 100'000 && !server(1).received.empty(); });
  EXPECT_EQ(server(1).received, "waiting");
  uv_net_end_round(net_);
}

TEST_F(OutboxTest, LentMemoryIsReadAtTheEndAndThenGivenBack) {
  connect(1);
  static int backs = 0;
  backs = 0;
  Loan loan;
  std::string memory = test_bytes(5000);
  uv_net_begin_round(net_);
  transport_write_lent(client().transport, memory, &loan);
  EXPECT_EQ(loan.out, 1u);
  loan.back = [](Loan*) { ++backs; };
  run_turns(3);
  EXPECT_EQ(backs, 0);
  uv_net_end_round(net_);
  EXPECT_EQ(loan.out, 0u);
  EXPECT_EQ(backs, 1);
  std::fill(memory.begin(), memory.end(), '!');
  run_until([&] { return server().received.size() == memory.size(); });
  EXPECT_EQ(server().received, test_bytes(5000));
}

TEST_F(OutboxTest, NothingIsLentOutsideOfARoundNorBehindOtherBytes) {
  connect(1);
  Loan loan;
  transport_write_lent(client().transport, "now ", &loan);
  EXPECT_EQ(loan.out, 0u);
  uv_net_begin_round(net_);
  client().write("copied ");
  transport_write_lent(client().transport, "as well ", &loan);
  EXPECT_EQ(loan.out, 0u);
  const std::string large = test_bytes(Outbox::kPieceBytes + 1);
  transport_write_lent(client().transport, large, &loan);
  EXPECT_EQ(loan.out, 0u);
  uv_net_end_round(net_);
  run_until([&] { return server().received == "now copied as well " + large; });
}

TEST_F(OutboxTest, AWriteBehindLentMemoryEndsTheLoan) {
  connect(1);
  Loan loan;
  const std::string memory = "lent ";
  uv_net_begin_round(net_);
  transport_write_lent(client().transport, memory, &loan);
  client().write("and more");
  EXPECT_EQ(loan.out, 0u);
  uv_net_end_round(net_);
  run_until([&] { return server().received == "lent and more"; });
}

TEST_F(OutboxTest, ClosingEndsALoan) {
  connect(2);
  Loan loan;
  const std::string memory = "for both";
  uv_net_begin_round(net_);
  transport_write_lent(client(0).transport, memory, &loan);
  transport_write_lent(client(1).transport, memory, &loan);
  EXPECT_EQ(loan.out, 2u);
  client(0).close();
  EXPECT_EQ(loan.out, 1u);
  client(1).abort();
  EXPECT_EQ(loan.out, 0u);
  run_until([&] { return server(0).eofs == 1; });
  EXPECT_EQ(server(0).received, memory);
  uv_net_end_round(net_);
}

}  // namespace
}  // namespace weir
