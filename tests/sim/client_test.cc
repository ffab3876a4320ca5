// The client's side: keep-alive, pipelines, bodies in pieces, slow and vanishing clients.
#include <gtest/gtest.h>

#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

class Client : public testing::Test {
 protected:
  Client() { world_.serve(); }
  // Answers whatever request has reached a provider.
  void serve(std::string_view reply = {}) {
    for (size_t i = 0; i < world_.dials(); ++i) {
      SimPeer* up = world_.upstream(i);
      if (up->take_received().empty()) continue;
      up->send(reply.empty() ? sim_reply(200, sim_ok_body()) : reply);
    }
    world_.run();
  }
  static std::vector<SimAnswer> answers(const SimPeer* client) {
    return sim_answers(client->received, client->saw_fin);
  }
  SimWorld world_;
};

TEST_F(Client, ExactRequestUpstream) {
  world_.connect(
      sim_post("{ \"model\" : \"m\",\"messages\":[1e400, 12345678901234567890] ,"
               "\"x\":\"\\u00e9\"}",
               "x-request-id: my id\r\nCookie: a=b\r\nX-Original-URL: /admin\r\n"
               "api-key-2: z\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n"));
  const std::string& got = world_.upstream(0)->received;
  const size_t id = got.find("x-request-id: req-");
  ASSERT_NE(id, std::string::npos) << got;
  const std::string id_line = got.substr(id, got.find("\r\n", id) - id);
  const std::string body =
      "{ \"model\" : \"model-0\",\"messages\":[1e400, 12345678901234567890] ,\"x\":\"\\u00e9\"}";
  EXPECT_EQ(got,
            "POST /v1/chat/completions HTTP/1.1\r\nHost: p0.test\r\n"
            "Authorization: Bearer upstream-secret-0\r\nContent-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\nAccept-Encoding: identity\r\n"
            "User-Agent: weir/0.1.0\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n" + id_line +
                "\r\nx-weir-hop: 1234567890abcdef\r\n\r\n" + body);
}

// A head like the one before is recalled: key, ids and length are those of the present request all
// the same, and nothing gets through that a first request could not do.
TEST_F(Client, HeadsLikeTheOneBeforeAreJudgedAnew) {
  SimPeer* client = world_.connect();
  std::string upstream;
  const auto ask = [&](const std::string& request) {
    client->received.clear();
    client->send(request);
    world_.run();
    if (world_.dials() != 0) upstream = world_.upstream(0)->received;
    serve();
    serve();  // one that was sent behind it
    return answers(client);
  };
  const auto post = [](std::string_view extra, std::string_view id) {
    return sim_post(sim_chat_body("m", extra), "x-request-id: " + std::string(id) + "\r\n");
  };
  EXPECT_EQ(ask(post("", "one")).at(0).field("x-request-id"), "one");
  const SimAnswer longer = ask(post(",\"pad\":\"" + std::string(200, 'p') + "\"", "two")).at(0);
  EXPECT_EQ(longer.status, 200);
  EXPECT_EQ(longer.field("x-request-id"), "two");
  EXPECT_TRUE(upstream.ends_with("pp\"}"));
  // Two at once: the second one is recalled from where it waited.
  EXPECT_EQ(ask(post("", "three") + post("", "four")).size(), 2u);
  std::string other_key = post("", "five");
  other_key.replace(other_key.find("client-key"), 10, "stolen-key");
  EXPECT_EQ(ask(other_key).at(0).status, 401);
  EXPECT_TRUE(client->saw_fin);
  const std::string good = post("", "six");
  const auto with = [&good](std::string_view from, std::string_view to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  const std::string bad[] = {
      with("x-request-id:", "x-request-id :"),
      with("six", "s\nx"),
      with("six", std::string_view("s\0x", 3)),
      with("x-request-id: six", "x-request-id: six\r\nTransfer-Encoding: chunked"),
      with("x-request-id: six", "x-request-id: six\r\nContent-Length: 5"),
      with("Content-Length: ", "Content-Length: +"),
      with("Content-Length: ", "Content-Length: 99999999999999999999"),
      with("HTTP/1.1", "HTTP/2.1"),
  };
  for (const std::string& request : bad) {
    client = world_.connect();
    EXPECT_EQ(ask(good).at(0).status, 200);
    const std::vector<SimAnswer> refused = ask(request + good);
    ASSERT_EQ(refused.size(), 1u) << request;
    EXPECT_GE(refused[0].status, 400) << request;
    EXPECT_TRUE(client->saw_fin);
  }
  client = world_.connect();
  EXPECT_EQ(ask(good).at(0).status, 200);
  EXPECT_EQ(ask(with("Content-Length: ", "Content-Length: 99999999")).at(0).status, 413);
}

TEST_F(Client, LoopIsRefused) {
  SimPeer* client = world_.connect(sim_post("{}", "x-weir-hop: 00,1234567890abcdef\r\n"));
  EXPECT_EQ(answers(client).at(0).status, 508);
  client = world_.connect(sim_post("{}", "x-weir-hop: 1,2,3,4,5,6,7,8\r\n"));
  EXPECT_EQ(answers(client).at(0).status, 508);
  EXPECT_EQ(world_.dials(), 0u);
}

TEST_F(Client, BodyByteByByte) {
  SimPeer* client = world_.connect();
  client->send_pieces(sim_chat(), 1);
  world_.run();
  EXPECT_TRUE(world_.upstream(0)->received.ends_with(sim_chat_body("model-0")));
  serve();
  EXPECT_EQ(answers(client).at(0).status, 200);
}

TEST_F(Client, ChunkedBodyInPieces) {
  const std::string body = sim_chat_body("m", ",\"pad\":\"" + std::string(40'000, 'p') + "\"");
  const std::string request =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: w\r\nAuthorization: Bearer client-key\r\n"
      "Transfer-Encoding: chunked\r\n\r\n" +
      sim_chunk(body.substr(0, 7)) + sim_chunk(body.substr(7)) + "0\r\nX-Trailer: 1\r\n\r\n";
  for (const size_t piece : {1ul, 3ul, 1000ul, request.size()}) {
    SCOPED_TRACE(piece);
    SimPeer* client = world_.connect();
    client->send_pieces(request, piece);
    world_.run();
    EXPECT_NE(world_.upstream(0)->received.find(std::string(40'000, 'p')), std::string::npos);
    serve();
    EXPECT_EQ(answers(client).at(0).status, 200);
  }
}

TEST_F(Client, LargeBodyStaysWhereItWasRead) {
  for (const size_t size : {16'000ul, 17'000ul, 120'000ul, 400'000ul}) {
    SCOPED_TRACE(size);
    const std::string extra = ",\"pad\":\"" + std::string(size, 'p') + "\"";
    SimPeer* client = world_.connect(sim_post(sim_chat_body("m", extra)));
    EXPECT_TRUE(world_.upstream(0)->received.ends_with(sim_chat_body("model-0", extra)));
    serve();
    EXPECT_EQ(answers(client).at(0).status, 200);
  }
  EXPECT_EQ(world_.net.base()->kept_bytes, 0u);
}

TEST_F(Client, SlowProviderTakesALargeBodyInBursts) {
  const std::string extra = ",\"pad\":\"" + std::string(3'000'000, 'p') + "\"";
  world_.net.auto_open = false;
  SimPeer* client = world_.connect(sim_post(sim_chat_body("m", extra)));
  SimPeer* up = world_.upstream(0);
  up->window = 1000;
  up->open();
  world_.run();
  EXPECT_LE(world_.most_queued, kWriteBurst);
  while (!up->received.ends_with("\"}")) {
    up->take(100'000);
    world_.run();
  }
  EXPECT_LE(world_.most_queued, kWriteBurst);
  EXPECT_TRUE(up->received.ends_with(sim_chat_body("model-0", extra)));
  up->window = SimPeer::kUnbounded;
  serve();
  EXPECT_EQ(answers(client).at(0).status, 200);
}

TEST_F(Client, ProviderRefusesBeforeItHasTheBody) {
  const std::string extra = ",\"pad\":\"" + std::string(3'000'000, 'p') + "\"";
  world_.net.auto_open = false;
  SimPeer* client = world_.connect(sim_post(sim_chat_body("m", extra)));
  SimPeer* up = world_.upstream(0);
  up->window = 1000;
  up->open();
  world_.run();
  up->send(sim_reply(413, R"({"error":{"message":"too big"}})"));
  world_.run();
  EXPECT_EQ(answers(client).at(0).status, 413);
  EXPECT_FALSE(up->connected());
}

// A provider may begin to answer while it still reads.
TEST_F(Client, RestOfTheBodyFollowsAnEarlyHead) {
  const std::string extra = ",\"pad\":\"" + std::string(1'000'000, 'p') + "\"";
  world_.net.auto_open = false;
  SimPeer* client = world_.connect(sim_post(sim_chat_body("m", extra)));
  SimPeer* up = world_.upstream(0);
  up->window = 1000;
  up->open();
  world_.run();
  const std::string reply = sim_reply(200, sim_ok_body());
  up->send(reply.substr(0, 100));
  world_.run();
  up->take(SimPeer::kUnbounded);
  world_.run();
  ASSERT_TRUE(up->received.ends_with(sim_chat_body("model-0", extra)));
  up->send(reply.substr(100));
  world_.run();
  EXPECT_EQ(answers(client).at(0).status, 200);
}

TEST_F(Client, PipelinedRequestsAreAnsweredInOrder) {
  SimPeer* client = world_.connect();
  std::string pipeline;
  for (int i = 0; i < 5; ++i) {
    pipeline += sim_post(sim_chat_body("m"), "x-request-id: r" + std::to_string(i) + "\r\n");
    pipeline += sim_get("/healthz", "x-request-id: h" + std::to_string(i) + "\r\n");
  }
  client->send_pieces(pipeline, 70);
  world_.run();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(answers(client).size(), static_cast<size_t>(2 * i));
    serve();
  }
  const auto all = answers(client);
  ASSERT_EQ(all.size(), 10u);
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(all[i].status, 200);
    EXPECT_EQ(all[i].field("x-request-id"), (i % 2 == 0 ? "r" : "h") + std::to_string(i / 2));
  }
  EXPECT_EQ(world_.dials(), 1u);
}

// More than the bound is not read until there is room, and reading does go on.
TEST_F(Client, PipelineIsBoundedAndGoesOn) {
  SimPeer* client = world_.connect();
  const std::string one = sim_chat("m", ",\"pad\":\"" + std::string(3000, 'p') + "\"");
  for (int i = 0; i < 60; ++i) client->send(one);
  world_.run();
  EXPECT_FALSE(client->near->reading);
  for (size_t done = 0; done < 60; ++done) {
    ASSERT_EQ(answers(client).size(), done);
    serve();
  }
  EXPECT_EQ(answers(client).size(), 60u);
  EXPECT_TRUE(client->near->reading);
  client->fin();
  world_.run();
  EXPECT_FALSE(client->connected());
}

TEST_F(Client, EachWayOfLeavingCancelsInTheSameStep) {
  const std::string stream_head = std::string(kSimStreamHead) + sim_chunk(sim_event("a"));
  for (const bool fin : {false, true}) {
    for (const int stage : {0, 1, 2, 3}) {
      SCOPED_TRACE(testing::Message() << fin << stage);
      SimWorld world;
      world.serve(2);
      world.net.auto_open = stage != 0;
      SimPeer* client = world.connect(stage == 3 ? sim_stream() : sim_chat());
      if (stage == 2) world.upstream(0)->send(sim_reply(200, sim_ok_body()).substr(0, 110));
      if (stage == 3) world.upstream(0)->send(stream_head);
      world.run();
      fin ? client->fin() : client->reset();
      ASSERT_TRUE(world.step(0));
      // One event later the provider sees the end, and nobody else is asked.
      EXPECT_TRUE(world.upstream(0)->saw_reset);
      world.run();
      EXPECT_EQ(world.dials(), 1u);
      ASSERT_EQ(world.records.size(), 1u);
      EXPECT_EQ(world.records[0].outcome, Outcome::kCancelled);
      EXPECT_EQ(world.records[0].status, stage == 3 ? 200 : 499);
      EXPECT_FALSE(world.health[0].suspended(world.now_ms()));
      EXPECT_EQ(world.metrics().targets[0].attempts_cancelled, 1u);
    }
  }
}

TEST_F(Client, LeavesInHeadAndBody) {
  const std::string request = sim_chat();
  for (const size_t cut : {1ul, 40ul, request.size() - 1}) {
    SimPeer* client = world_.connect(std::string_view(request).substr(0, cut));
    client->reset();
    world_.run();
  }
  EXPECT_EQ(world_.dials(), 0u);
  // Two had no head yet; the third was refused before it could be accepted.
  ASSERT_EQ(world_.records.size(), 1u);
  EXPECT_EQ(world_.records[0].outcome, Outcome::kRefused);
}

TEST_F(Client, ConnectionFields) {
  SimPeer* client =
      world_.connect(sim_get("/healthz", "Connection: close\r\n") + sim_get("/healthz"));
  ASSERT_EQ(answers(client).size(), 1u);
  EXPECT_EQ(answers(client)[0].field("connection"), "close");
  EXPECT_TRUE(client->saw_fin);
  client = world_.connect("GET /healthz HTTP/1.0\r\n\r\nGET /healthz HTTP/1.0\r\n\r\n");
  ASSERT_EQ(answers(client).size(), 1u);
  EXPECT_TRUE(client->saw_fin);
  client = world_.connect("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(answers(client).at(0).field("connection"), "keep-alive");
  EXPECT_TRUE(client->connected());
  client = world_.connect("HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client->received.ends_with("\r\n\r\n"));
  EXPECT_NE(client->received.find("content-length: 15"), std::string::npos);
}

TEST_F(Client, ExpectContinue) {
  const std::string request = sim_post(sim_chat_body("m"), "Expect: 100-continue\r\n");
  const size_t head = request.find("\r\n\r\n") + 4;
  SimPeer* client = world_.connect(request.substr(0, head));
  EXPECT_EQ(client->received, "HTTP/1.1 100 Continue\r\n\r\n");
  client->send(request.substr(head));
  world_.run();
  serve();
  EXPECT_EQ(answers(client).at(1).status, 200);
  // Not before the key was found good.
  std::string bad = request.substr(0, head);
  bad.replace(bad.find("client-key"), 10, "wrong--key");
  client = world_.connect(bad);
  ASSERT_EQ(answers(client).size(), 1u);
  EXPECT_EQ(answers(client)[0].status, 401);
  EXPECT_EQ(answers(client)[0].field("connection"), "close");
}

TEST_F(Client, BodyOfARefusedRequestIsNeverARequest) {
  const std::string inner = sim_get("/healthz");
  SimPeer* client =
      world_.connect("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                     std::to_string(inner.size()) + "\r\n\r\n" + inner + inner);
  ASSERT_EQ(answers(client).size(), 1u);
  EXPECT_EQ(answers(client)[0].status, 401);
  EXPECT_TRUE(client->saw_fin);
  world_.advance(1'010);
  EXPECT_EQ(client->near, nullptr);
  EXPECT_EQ(world_.metrics().refused_unrouted, 1u);
}

TEST_F(Client, Timeouts) {
  SimPeer* client = world_.connect("GET /heal");
  world_.advance(6'000);
  client->send("thz HTTP/1.1\r\n");  // no reason for more time
  world_.advance(3'990);
  EXPECT_EQ(client->received, "");
  world_.advance(20);
  EXPECT_EQ(answers(client).at(0).status, 408);
  const std::string request = sim_chat();
  client = world_.connect(request.substr(0, request.size() - 9));
  world_.advance(29'000);
  client->send(request.substr(request.size() - 9, 4));
  world_.advance(29'000);
  EXPECT_EQ(client->received, "");
  world_.advance(1'010);
  EXPECT_EQ(answers(client).at(0).status, 408);
  EXPECT_EQ(world_.records.at(0).outcome, Outcome::kRefused);
  client = world_.connect(sim_get("/healthz"));
  world_.advance(74'900);
  EXPECT_TRUE(client->connected());
  world_.advance(110);
  EXPECT_TRUE(client->saw_fin);
}

// The whole answer reaches a client that reads slowly, whatever waits behind it.
TEST_F(Client, SlowReaderGetsTheWholeAnswer) {
  const std::string body = "{\"choices\":[],\"pad\":\"" + std::string(2'000'000, 'x') + "\"}";
  for (const bool close : {false, true}) {
    SCOPED_TRACE(close);
    SimPeer* client = world_.connect();
    client->window = 1000;
    client->send(sim_post(sim_chat_body("m"), close ? "Connection: close\r\n" : ""));
    world_.run();
    serve(sim_reply(200, body));
    for (int i = 0; i < 10 && client->near != nullptr; ++i) {
      world_.advance(20'000);
      client->take(220'000);
    }
    world_.run();
    ASSERT_EQ(answers(client).size(), 1u);
    EXPECT_TRUE(sim_answers(client->received).at(0).whole);
  }
}

TEST_F(Client, BadBodiesAreRefusedBeforeAnythingGoesUpstream) {
  for (const std::string_view body :
       {"{", "[]", "{\"model\":\"m\"}", "{\"model\":\"m\",\"messages\":1", "{\"messages\":[]}",
        "\xff\xfe"}) {
    SimPeer* client = world_.connect(sim_post(body));
    EXPECT_EQ(answers(client).at(0).status, 400) << body;
    EXPECT_TRUE(client->connected());
  }
  SimPeer* client = world_.connect(sim_chat("nope"));
  EXPECT_EQ(answers(client).at(0).status, 404);
  EXPECT_EQ(world_.dials(), 0u);
  EXPECT_EQ(world_.metrics().accepted, 0u);
  EXPECT_EQ(world_.metrics().refused_unrouted, 7u);
}

TEST_F(Client, TooLargeBodies) {
  world_.limits.max_body_bytes = 1000;
  world_.publish();
  const std::string body(2000, ' ');
  // The bound is told with its number and with the name of the setting.
  constexpr std::string_view kBound = "larger than 1000 bytes (limits.max_body_bytes)";
  SimPeer* client = world_.connect(sim_post(body));
  EXPECT_EQ(answers(client).at(0).status, 413);
  EXPECT_NE(answers(client)[0].body.find(kBound), std::string::npos);
  client = world_.connect(
      "POST /v1/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
      "client-key\r\nTransfer-Encoding: chunked\r\n\r\n" +
      sim_chunk(body));
  EXPECT_EQ(answers(client).at(0).status, 413);
  EXPECT_NE(answers(client)[0].body.find(kBound), std::string::npos);
  EXPECT_TRUE(client->saw_fin);
}

TEST_F(Client, BufferedBytesOfTheProcessAreBounded) {
  world_.limits.max_buffered_bytes = 1 << 20;
  world_.publish();
  const std::string extra = ",\"pad\":\"" + std::string(300'000, 'p') + "\"";
  SimPeer* last = nullptr;
  for (int i = 0; i < 8; ++i) last = world_.connect(sim_post(sim_chat_body("m", extra)));
  EXPECT_EQ(answers(last).at(0).status, 503);
  EXPECT_EQ(answers(last)[0].field("retry-after"), "1");
  EXPECT_GE(world_.metrics().buffer_refused, 1u);
}

TEST_F(Client, ControlAnswersAndMayComeTooLate) {
  SimPeer* client = world_.connect(sim_get("/v1/providers?x=1"));
  EXPECT_EQ(client->received, "");
  EXPECT_EQ(world_.answer_control(), 1u);
  EXPECT_EQ(answers(client).at(0).body, "{\"path\":\"/v1/providers\"}");
  client = world_.connect(sim_get("/v1/providers"));
  client->reset();
  world_.run();
  EXPECT_EQ(world_.answer_control(), 1u);
  EXPECT_EQ(world_.metrics().management_requests, 2u);
}

}  // namespace
}  // namespace weir
