// What goes wrong at a provider before a byte has gone to the client, one fault at a time, with one
// target: the exact answer, the record, and what the fault does to the target.
#include <gtest/gtest.h>

#include <functional>

#include "sim_http.h"
#include "sim_world.h"

namespace weir {
namespace {

struct Seen {
  int status = 0;
  std::string code;
};

std::string code_of(const SimAnswer& answer) {
  const size_t at = answer.body.find("\"code\":\"");
  if (at == std::string::npos) return {};
  return answer.body.substr(at + 8, answer.body.find('"', at + 8) - at - 8);
}

// One request to one target whose provider does what `act` says; the only answer it gets.
class UpstreamFault : public testing::Test {
 protected:
  UpstreamFault() { world_.serve(); }
  Seen run(const std::function<void(SimPeer*)>& act, std::string_view request = {}) {
    SimPeer* client = world_.connect(request.empty() ? sim_chat() : request);
    EXPECT_EQ(world_.dials(), 1u);
    act(world_.upstream(0));
    world_.run();
    return seen(client);
  }
  Seen seen(SimPeer* client) {
    const auto answers = sim_answers(client->received);
    EXPECT_EQ(answers.size(), 1u) << client->received;
    if (answers.size() != 1) return {};
    EXPECT_TRUE(answers[0].whole);
    EXPECT_EQ(answers[0].field("x-request-id"), "test-1");
    EXPECT_EQ(answers[0].field("content-type"), "application/json");
    return {answers[0].status, code_of(answers[0])};
  }
  void expect(const Seen& seen, int status, std::string_view code, Fault fault, bool suspended) {
    EXPECT_EQ(seen.status, status);
    EXPECT_EQ(seen.code, code);
    ASSERT_EQ(world_.records.size(), 1u);
    const LedgerRecord& record = world_.records[0];
    EXPECT_EQ(record.status, status);
    EXPECT_EQ(record.outcome, status >= 500 ? Outcome::kFailed : Outcome::kCompleted);
    EXPECT_EQ(record.attempt_count, 1);
    EXPECT_EQ(record.attempts[0].fault, fault);
    EXPECT_EQ(world_.health[0].suspended(world_.now_ms()), suspended);
    EXPECT_EQ(world_.metrics().in_flight, 0u);
  }
  void expect_unusable(const std::function<void(SimPeer*)>& act) {
    expect(run(act), 502, "upstream_unavailable", Fault::kTarget, true);
    EXPECT_FALSE(world_.upstream(0)->connected());
  }
  void expect_bad_bytes(std::string_view bytes) {
    expect_unusable([&](SimPeer* up) { up->send(bytes); });
  }
  // Framed well, so the connection is none the worse for it.
  void expect_bad_reply(std::string_view bytes) {
    const Seen got = run([&](SimPeer* up) { up->send(bytes); });
    expect(got, 502, "upstream_unavailable", Fault::kTarget, true);
    EXPECT_TRUE(world_.upstream(0)->connected());
  }
  SimWorld world_;
};

TEST_F(UpstreamFault, Refused) {
  world_.net.auto_open = false;
  expect_unusable([](SimPeer* up) { up->refuse(NetError::kRefused); });
}
TEST_F(UpstreamFault, NameUnknown) {
  world_.net.auto_open = false;
  expect_unusable([](SimPeer* up) { up->refuse(NetError::kResolve); });
}
TEST_F(UpstreamFault, TlsFails) {
  world_.net.auto_open = false;
  expect_unusable([](SimPeer* up) { up->refuse(NetError::kTls, "certificate has expired"); });
}
TEST_F(UpstreamFault, NoDescriptorsIsOurFault) {
  world_.net.auto_open = false;
  const Seen seen = run([](SimPeer* up) { up->refuse(NetError::kNoResources); });
  expect(seen, 503, "overloaded", Fault::kGateway, false);
}
TEST_F(UpstreamFault, ConnectTimeout) {
  world_.net.auto_open = false;
  SimPeer* client = world_.connect(sim_chat());
  world_.advance(4'990);
  EXPECT_EQ(client->received, "");
  world_.advance(20);
  expect(seen(client), 504, "upstream_timeout", Fault::kTimeout, true);
  EXPECT_TRUE(world_.upstream(0)->saw_reset);
}
TEST_F(UpstreamFault, ResetBeforeHead) {
  expect_unusable([](SimPeer* up) { up->reset(); });
}
TEST_F(UpstreamFault, EndBeforeHead) {
  expect_unusable([](SimPeer* up) { up->fin(); });
}
TEST_F(UpstreamFault, ResetInHead) {
  expect_unusable([](SimPeer* up) {
    up->send("HTTP/1.1 200 OK\r\nContent-");
    up->reset();
  });
}
TEST_F(UpstreamFault, EndInHead) {
  expect_unusable([](SimPeer* up) {
    up->send("HTTP/1.1 200 OK\r\n");
    up->fin();
  });
}
TEST_F(UpstreamFault, ResetInBody) {
  expect_unusable([](SimPeer* up) {
    up->send(sim_reply(200, sim_ok_body()).substr(0, 120));
    up->reset();
  });
}
TEST_F(UpstreamFault, ShortBody) {
  expect_unusable([](SimPeer* up) {
    const std::string reply = sim_reply(200, sim_ok_body());
    up->send(std::string_view(reply).substr(0, reply.size() - 1));
    up->fin();
  });
}
TEST_F(UpstreamFault, CutChunks) {
  expect_unusable([](SimPeer* up) {
    up->send(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: "
        "chunked\r\n\r\n" +
        sim_chunk(sim_ok_body()));
    up->fin();
  });
}

TEST_F(UpstreamFault, Garbage) {
  expect_bad_bytes("SSH-2.0-OpenSSH_9.2\r\n");
}
TEST_F(UpstreamFault, BinaryGarbage) {
  expect_bad_bytes(std::string_view("\x16\x03\x01\0\2", 5));
}
TEST_F(UpstreamFault, BadChunk) {
  expect_bad_bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n");
}
TEST_F(UpstreamFault, TwoLengths) {
  expect_bad_bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}");
}
TEST_F(UpstreamFault, BothFramings) {
  expect_bad_bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}");
}
TEST_F(UpstreamFault, SwitchingProtocols) {
  expect_bad_bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n");
}
TEST_F(UpstreamFault, NotJson) {
  expect_bad_reply(sim_reply(200, "<html>welcome</html>"));
}
TEST_F(UpstreamFault, EmptyBody) {
  expect_bad_reply(sim_reply(200, ""));
}
TEST_F(UpstreamFault, NoContent) {
  expect_bad_reply("HTTP/1.1 204 No Content\r\n\r\n");
}
TEST_F(UpstreamFault, CutJson) {
  expect_bad_reply(sim_reply(200, "{\"choices\":["));
}
TEST_F(UpstreamFault, JsonList) {
  expect_bad_reply(sim_reply(200, "[]"));
}
TEST_F(UpstreamFault, EncodedBody) {
  expect_bad_bytes(sim_reply(200, "{}", "Content-Encoding: gzip\r\n"));
}
TEST_F(UpstreamFault, Redirect) {
  expect_bad_reply(sim_reply(302, "", "Location: http://169.254.169.254/\r\n"));
  EXPECT_EQ(world_.dials(), 1u);
}
TEST_F(UpstreamFault, HeadTooLarge) {
  expect_bad_bytes("HTTP/1.1 200 OK\r\nX-Long: " + std::string(70'000, 'a') + "\r\n\r\n");
}

TEST_F(UpstreamFault, ErrorInside200) {
  const Seen seen = run([](SimPeer* up) {
    up->send(sim_reply(200, "{\"error\":{\"message\":\"down\",\"code\":503}}"));
  });
  EXPECT_EQ(seen.status, 503);
  EXPECT_EQ(world_.records[0].outcome, Outcome::kFailed);
}

TEST_F(UpstreamFault, OversizedBodies) {
  world_.limits.max_response_bytes = 1000;
  world_.publish();
  for (const bool chunked : {false, true}) {
    SCOPED_TRACE(chunked);
    const std::string body = "{\"choices\":[\"" + std::string(2000, 'x') + "\"]}";
    world_.health[0].clear();
    SimPeer* client = world_.connect(sim_chat());
    SimPeer* up = world_.net.dialled().back();
    if (chunked) {
      up->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + sim_chunk(body));
    } else {
      up->send(sim_reply(200, body));
    }
    up->send(kSimLastChunk);
    world_.run();
    EXPECT_EQ(sim_answers(client->received).at(0).status, 502);
  }
}

TEST_F(UpstreamFault, HeadTimeout) {
  world_.providers[0].timeouts.head_ms = 2000;
  world_.publish();
  SimPeer* client = world_.connect(sim_chat());
  // Pieces of a head are no reason to wait longer.
  world_.upstream(0)->send("HTTP/1.1 200 OK\r\n");
  world_.advance(1'500);
  world_.upstream(0)->send("X-Y: z\r\n");
  world_.upstream(0)->send("X-A: b\r\n");
  world_.advance(600);
  expect(seen(client), 504, "upstream_timeout", Fault::kTimeout, true);
  EXPECT_TRUE(world_.upstream(0)->saw_reset);
}

TEST_F(UpstreamFault, BodyStalls) {
  world_.providers[0].timeouts.idle_ms = 1000;
  world_.publish();
  SimPeer* client = world_.connect(sim_chat());
  const std::string reply = sim_reply(200, sim_ok_body());
  world_.upstream(0)->send(reply.substr(0, 100));
  world_.advance(900);
  world_.upstream(0)->send(reply.substr(100, 50));
  world_.advance(900);
  EXPECT_EQ(client->received, "");
  world_.advance(200);
  expect(seen(client), 504, "upstream_timeout", Fault::kTimeout, true);
}

TEST_F(UpstreamFault, TotalTimeout) {
  world_.providers[0].timeouts.total_ms = 3000;
  world_.publish();
  SimPeer* client = world_.connect(sim_chat());
  world_.advance(3'010);
  expect(seen(client), 504, "upstream_timeout", Fault::kTimeout, true);
}

TEST_F(UpstreamFault, SomeInformationalAnswers) {
  SimPeer* client = world_.connect(sim_chat());
  for (int i = 0; i < 16; ++i) world_.upstream(0)->send("HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n");
  world_.upstream(0)->send(sim_reply(200, sim_ok_body()));
  world_.run();
  EXPECT_EQ(seen(client).status, 200);
}

TEST_F(UpstreamFault, TooManyInformationalAnswers) {
  expect_unusable([](SimPeer* up) {
    for (int i = 0; i < 17; ++i) up->send("HTTP/1.1 103 Early Hints\r\n\r\n");
  });
}

// What a status of the provider becomes for the client, and for the target.
struct StatusCase {
  int upstream;
  std::string_view body;
  int status;
  std::string_view code;
  bool suspends;
};

class UpstreamStatus : public testing::TestWithParam<StatusCase> {};

TEST_P(UpstreamStatus, BecomesOurs) {
  const StatusCase& c = GetParam();
  SimWorld world;
  world.serve();
  SimPeer* client = world.connect(sim_chat());
  world.upstream(0)->send(sim_reply(c.upstream, c.body, "Retry-After: 7\r\n"));
  world.run();
  const auto answers = sim_answers(client->received);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].status, c.status);
  EXPECT_EQ(code_of(answers[0]), c.code) << answers[0].body;
  EXPECT_EQ(world.health[0].suspended(world.now_ms()), c.suspends);
  EXPECT_EQ(answers[0].body.find("upstream-secret"), std::string::npos);
  ASSERT_EQ(world.records.size(), 1u);
  EXPECT_EQ(world.records[0].attempts[0].status, c.upstream);
  // The reply was whole, so the connection serves the next request.
  EXPECT_TRUE(world.upstream(0)->connected());
}

constexpr std::string_view kPlain = R"({"error":{"message":"no","type":"t","code":"c"}})";
constexpr std::string_view kQuota =
    R"({"error":{"message":"no","type":"insufficient_quota","code":"insufficient_quota"}})";
constexpr std::string_view kLeak = R"({"error":{"message":"bad key upstream-secret-0"}})";

INSTANTIATE_TEST_SUITE_P(Table, UpstreamStatus,
                         testing::Values(StatusCase{500, kPlain, 502, "upstream_unavailable", true},
                                         StatusCase{502, kPlain, 502, "upstream_unavailable", true},
                                         StatusCase{503, kPlain, 503, "upstream_unavailable", true},
                                         StatusCase{504, kPlain, 504, "upstream_unavailable", true},
                                         StatusCase{529, kPlain, 503, "overloaded", true},
                                         StatusCase{408, kPlain, 504, "upstream_unavailable", true},
                                         StatusCase{424, kPlain, 502, "upstream_unavailable",
                                                    false},
                                         StatusCase{429, kPlain, 429, "c", true},
                                         StatusCase{429, "{}", 429, "rate_limit_exceeded", true},
                                         StatusCase{429, kQuota, 429, "insufficient_quota", true},
                                         StatusCase{401, kLeak, 502, "upstream_auth_failed", true},
                                         StatusCase{403, kPlain, 502, "upstream_auth_failed", true},
                                         StatusCase{402, kPlain, 502, "upstream_auth_failed", true},
                                         StatusCase{400, kPlain, 400, "c", false},
                                         StatusCase{404, kPlain, 404, "c", false},
                                         StatusCase{413, "{}", 413, "request_too_large", false},
                                         StatusCase{422, kPlain, 422, "c", false}),
                         [](const auto& test) {
                           return std::to_string(test.param.upstream) + "_" +
                                  std::to_string(test.index);
                         });

}  // namespace
}  // namespace weir
