// Connections to a provider: reuse, the cap, the queue behind it, and ends while idle.
#include <gtest/gtest.h>

#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

class PoolOfConnections : public testing::Test {
 protected:
  PoolOfConnections() {
    Provider& provider = world_.add_provider();
    provider.max_connections = 2;
    provider.max_waiting = 3;
    world_.add_route("m", {0});
    world_.publish();
  }
  void answer(size_t dial) {
    world_.upstream(dial)->take_received();
    world_.upstream(dial)->send(sim_reply(200, sim_ok_body()));
    world_.run();
  }
  static int status(const SimPeer* client) {
    const auto answers = sim_answers(client->received);
    return answers.empty() ? 0 : answers.back().status;
  }
  SimWorld world_;
};

TEST_F(PoolOfConnections, WaitersAreServedInOrder) {
  std::vector<SimPeer*> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(world_.connect(sim_chat()));
  EXPECT_EQ(world_.dials(), 2u);
  EXPECT_EQ(world_.metrics().waiting_for_connection, 3u);
  // The sixth finds the queue full.
  EXPECT_EQ(status(clients[5]), 503);
  EXPECT_EQ(sim_answers(clients[5]->received)[0].field("retry-after"), "1");
  EXPECT_EQ(world_.metrics().wait_queue_full, 1u);
  EXPECT_FALSE(world_.health[0].suspended(world_.now_ms()));
  answer(0);
  answer(1);
  EXPECT_EQ(status(clients[0]), 200);
  EXPECT_EQ(status(clients[1]), 200);
  EXPECT_EQ(status(clients[2]), 0);
  answer(0);
  EXPECT_EQ(status(clients[2]), 200);
  EXPECT_EQ(status(clients[3]), 0);
  answer(1);
  answer(0);
  EXPECT_EQ(status(clients[3]), 200);
  EXPECT_EQ(status(clients[4]), 200);
  EXPECT_EQ(world_.dials(), 2u);
}

TEST_F(PoolOfConnections, BrokenConnectionMakesRoomForAWaiter) {
  world_.connect(sim_chat());
  world_.connect(sim_chat());
  SimPeer* waiting = world_.connect(sim_chat());
  world_.upstream(0)->reset();
  world_.run();
  ASSERT_EQ(world_.dials(), 3u);
  EXPECT_NE(world_.upstream(2)->received, "");
  answer(2);
  EXPECT_EQ(status(waiting), 200);
}

TEST_F(PoolOfConnections, WaitingHasAnEnd) {
  for (int i = 0; i < 2; ++i) world_.connect(sim_chat());
  SimPeer* waiting = world_.connect(sim_chat());
  world_.advance(5'010);
  EXPECT_EQ(status(waiting), 503);
  EXPECT_EQ(world_.metrics().waiting_for_connection, 0u);
  EXPECT_FALSE(world_.health[0].suspended(world_.now_ms()));
}

// A waiter that got its turn late has the whole time to connect.
TEST_F(PoolOfConnections, WaitingDoesNotShortenTheDial) {
  for (int i = 0; i < 2; ++i) world_.connect(sim_chat());
  SimPeer* waiting = world_.connect(sim_chat());
  world_.advance(4'900);
  world_.net.auto_open = false;
  world_.upstream(0)->reset();
  world_.run();
  ASSERT_EQ(world_.dials(), 3u);
  world_.advance(1'000);
  world_.upstream(2)->open();
  world_.run();
  answer(2);
  EXPECT_EQ(status(waiting), 200);
}

TEST_F(PoolOfConnections, WaiterLeaves) {
  for (int i = 0; i < 2; ++i) world_.connect(sim_chat());
  SimPeer* leaves = world_.connect(sim_chat());
  SimPeer* stays = world_.connect(sim_chat());
  leaves->reset();
  world_.run();
  EXPECT_EQ(world_.metrics().waiting_for_connection, 1u);
  answer(0);
  answer(0);
  EXPECT_EQ(status(stays), 200);
}

TEST_F(PoolOfConnections, NewestIdleConnectionIsUsedFirst) {
  world_.connect(sim_chat());
  world_.connect(sim_chat());
  answer(1);
  answer(0);
  world_.connect(sim_chat());
  EXPECT_NE(world_.upstream(0)->received, "");
  EXPECT_EQ(world_.upstream(1)->received, "");
}

TEST_F(PoolOfConnections, EndWhileIdleTakesItOut) {
  for (const bool reset : {false, true}) {
    world_.connect(sim_chat());
    const size_t last = world_.dials() - 1;
    answer(last);
    EXPECT_EQ(world_.metrics().upstream_idle, 1u);
    reset ? world_.upstream(last)->reset() : world_.upstream(last)->fin();
    world_.run();
    EXPECT_EQ(world_.metrics().upstream_idle, 0u);
    EXPECT_EQ(world_.metrics().upstream_connections, 0u);
  }
  EXPECT_EQ(world_.metrics().replays, 0u);
}

TEST_F(PoolOfConnections, IdleTimeAndTheServersHint) {
  world_.connect(sim_chat());
  answer(0);
  world_.advance(59'900);
  EXPECT_TRUE(world_.upstream(0)->connected());
  world_.advance(110);
  EXPECT_TRUE(world_.upstream(0)->saw_fin);
  world_.connect(sim_chat());
  world_.upstream(1)->send(sim_reply(200, sim_ok_body(), "Keep-Alive: timeout=5\r\n"));
  world_.run();
  world_.advance(4'010);
  EXPECT_TRUE(world_.upstream(1)->saw_fin);
}

TEST_F(PoolOfConnections, BytesNobodyAskedFor) {
  // While idle, and behind a whole answer in the same read.
  world_.connect(sim_chat());
  answer(0);
  world_.upstream(0)->send("HTTP/1.1 408 Request Timeout\r\n\r\n");
  world_.run();
  EXPECT_TRUE(world_.upstream(0)->saw_reset);
  SimPeer* client = world_.connect(sim_chat());
  world_.upstream(1)->send(sim_reply(200, sim_ok_body()) + "x");
  world_.run();
  EXPECT_EQ(status(client), 200);
  EXPECT_TRUE(world_.upstream(1)->saw_reset);
  EXPECT_EQ(world_.metrics().upstream_idle, 0u);
}

// A connection that is being closed is not given to a request, however early that comes.
TEST_F(PoolOfConnections, ClosingConnectionIsNotReused) {
  SimPeer* client = world_.connect(sim_chat());
  answer(0);
  world_.upstream(0)->send("unasked");
  ASSERT_TRUE(world_.step(0));
  ASSERT_TRUE(world_.upstream(0)->saw_reset);
  EXPECT_EQ(world_.metrics().upstream_idle, 0u);
  client->send(sim_chat());
  ASSERT_TRUE(world_.step(0));
  EXPECT_EQ(world_.dials(), 2u);
  EXPECT_EQ(world_.metrics().replays, 0u);
  answer(1);
  EXPECT_EQ(status(client), 200);
}

// The answer with surplus bytes ends while another request waits for the connection.
TEST_F(PoolOfConnections, ConnectionWithSurplusBytesDoesNotGoToAWaiter) {
  world_.providers[0].max_connections = 1;
  world_.publish();
  SimPeer* first = world_.connect(sim_chat());
  SimPeer* second = world_.connect(sim_chat());
  world_.upstream(0)->send(sim_reply(200, sim_ok_body()) + sim_reply(200, "{\"choices\":[1]}"));
  world_.run();
  EXPECT_EQ(status(first), 200);
  ASSERT_EQ(world_.dials(), 2u);
  answer(1);
  ASSERT_EQ(status(second), 200);
  EXPECT_EQ(sim_answers(second->received).at(0).body, sim_ok_body());
}

TEST_F(PoolOfConnections, ConnectionCloseAndHttp10AreNotReused) {
  for (const std::string_view reply :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\n", "HTTP/1.0 200 OK\r\n"}) {
    SimPeer* client = world_.connect(sim_chat());
    SimPeer* up = world_.upstream(world_.dials() - 1);
    up->send(std::string(reply) + "Content-Length: " + std::to_string(sim_ok_body().size()) +
             "\r\n\r\n" + sim_ok_body());
    world_.run();
    EXPECT_EQ(status(client), 200);
    EXPECT_FALSE(up->connected());
  }
  SimPeer* client = world_.connect(sim_chat());
  SimPeer* up = world_.upstream(world_.dials() - 1);
  up->send("HTTP/1.1 200 OK\r\n\r\n" + sim_ok_body());
  up->fin();
  world_.run();
  EXPECT_EQ(status(client), 200);
}

TEST_F(PoolOfConnections, RetiredPlaceClosesItsIdleConnections) {
  world_.connect(sim_chat());
  SimPeer* running = world_.connect(sim_chat());
  answer(0);
  world_.add_provider();
  world_.routes[0].providers = {1};
  world_.publish();
  world_.run();
  EXPECT_FALSE(world_.upstream(0)->connected());
  EXPECT_TRUE(world_.upstream(1)->connected());
  answer(1);
  EXPECT_EQ(status(running), 200);
  EXPECT_FALSE(world_.upstream(1)->connected());
}

}  // namespace
}  // namespace weir
