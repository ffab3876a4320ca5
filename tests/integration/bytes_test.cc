// What the provider is sent: the client's body byte for byte but for the model's name, and a head
// that Weir wrote itself. The mock's `echo` and /__requests tell.
#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "servers.h"

namespace weir::integration {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string config_of(const Mock& mock) {
  return mock_config(mock, "  - {provider: mock, id: river, alias: chat}\n");
}

// A JSON string's content as it was before it was quoted; enough for what these tests send.
std::string unquoted(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case 'r': out += '\r'; break;
      case 'u':
        out += static_cast<char>(std::stoi(text.substr(i + 1, 4), nullptr, 16));
        i += 4;
        break;
      default: out += text[i];
    }
  }
  return out;
}

// The newest request at the mock.
std::string last_request(const Mock& mock) {
  const std::string all = mock.ask("/__requests");
  const size_t at = all.rfind("{\"method\":");
  return at == std::string::npos ? std::string() : all.substr(at);
}

std::string last_body(const Mock& mock) {
  const std::string last = last_request(mock);
  constexpr std::string_view kName = "\"body\":\"";
  return unquoted(last.substr(last.rfind(kName) + kName.size()));
}

TEST(Bytes, BodyPassesButForTheModel) {
  const Mock mock;
  const Gateway gateway(config_of(mock));
  const std::string M = "@";  // stands for the model's value, quotes included
  const std::vector<std::string> bodies = {
      R"({"model":@,"messages":[]})",
      " \t\r\n{ \"model\" : @ ,\n \"messages\" : [ ] } \n",
      R"({"messages":[{"role":"user","content":"\u00e9\/\\\"\ud83c\udf0a"}],"model":@})",
      R"({"seed":12345678901234567890123,"temperature":1.0E-2,"model":@,"messages":[],"x":-0.0})",
      R"({"zz":{"model":"chat","model":"b"},"model":@,"messages":[],"a":[null,true,{}]})",
      R"({"messages":[{"content":"Fluß река 川 🌊"}],"model":@,"":"","user":"a b"})",
      R"({"messages":[{"content":")" + std::string(200'000, 'w') + R"("}],"model":@})",
      R"({"model":@,"messages":[{"content":")" + std::string(20'000, 'w') + R"("}]})",
  };
  Peer peer(gateway.port());
  for (std::string body : bodies) {
    std::string sent = body, wanted = body;
    sent.replace(sent.find(M), 1, "\"chat\"");
    wanted.replace(wanted.find(M), 1, "\"river\"");
    peer.send(post_request("/v1/chat/completions", sent));
    EXPECT_EQ(peer.read().status, 200) << body.substr(0, 80);
    EXPECT_EQ(last_body(mock), wanted);
  }
}

TEST(Bytes, SameBodyHoweverItArrives) {
  const Mock mock;
  const Gateway gateway(config_of(mock));
  const std::string body = R"({"messages":[{"content":"good morning river"}],"model":"chat"})";
  const std::string wanted = R"({"messages":[{"content":"good morning river"}],"model":"river"})";
  Peer slow(gateway.port());
  const std::string request = post_request("/v1/chat/completions", body);
  for (size_t i = 0; i < request.size(); i += 7) {
    slow.send(request.substr(i, 7));
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  EXPECT_EQ(slow.read().status, 200);
  EXPECT_EQ(last_body(mock), wanted);
  std::string chunked = "POST /v1/chat/completions HTTP/1.1\r\nHost: weir\r\n"
                        "Transfer-Encoding: chunked\r\nAuthorization: Bearer " +
                        std::string(kUserKey) + "\r\n\r\n";
  for (const char c : body) chunked += std::string("1;x=y\r\n") + c + "\r\n";
  chunked += "0\r\nx-trailer: river\r\n\r\n";
  EXPECT_EQ(gateway.ask(chunked).status, 200);
  EXPECT_EQ(last_body(mock), wanted);
  EXPECT_THAT(last_request(mock), Not(HasSubstr("x-trailer")));
}

// A large body is read into the block it began in. What a client sends behind it lies there too,
// and must outlive the first request, whether that is refused at once or goes to the provider.
TEST(Bytes, RequestsBehindALargeBodySurviveIt) {
  const Mock mock;
  const Gateway gateway(config_of(mock));
  const std::string text(40'000, 'w');
  const std::string good = R"({"model":"chat","messages":[{"content":")" + text + R"("}]})";
  const std::string bad = R"({"model":"chat","messages":[{"content":")" + text + R"("}]]})";
  for (const std::string& first : {bad, good}) {
    const std::string all = post_request("/v1/chat/completions", first) +
                            post_request("/v1/chat/completions", good) +
                            post_request("/v1/chat/completions", bad);
    for (const size_t cut : {size_t{20'000}, size_t{39'000}, all.size() - 50'000}) {
      Peer peer(gateway.port());
      peer.send(all.substr(0, cut));
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      peer.send(all.substr(cut));
      EXPECT_EQ(peer.read().status, first == bad ? 400 : 200);
      EXPECT_EQ(peer.read().status, 200);
      EXPECT_EQ(peer.read().status, 400);
    }
  }
}

TEST(Bytes, HeadIsWeirsOwn) {
  const Mock mock;
  const Gateway gateway(config_of(mock));
  const std::string fields =
      "Cookie: planted=1\r\nX-Original-URL: /planted\r\napi-key: planted\r\nConnection: x-named\r\n"
      "x-named: planted\r\nX-Forwarded-For: planted\r\nUpgrade: h2c\r\nHTTP2-Settings: planted\r\n"
      "x-mock: fail=500\r\n";
  const Answer answer = gateway.ask(
      post_request("/v1/chat/completions?planted=1", chat_body("chat"), kUserKey, fields));
  EXPECT_EQ(answer.status, 200);
  const std::string seen = last_request(mock);
  EXPECT_THAT(seen, Not(HasSubstr("planted")));
  EXPECT_THAT(seen, Not(HasSubstr(kUserKey)));
  EXPECT_THAT(seen, HasSubstr(std::string("Bearer ") + kUpstreamKey));
  EXPECT_THAT(seen, HasSubstr("\"path\":\"/v1/chat/completions\""));
}

TEST(Bytes, StreamIsAskedForUsageAndTheClientIsNotShownIt) {
  const Mock mock;
  const Gateway gateway(config_of(mock));
  const Answer answer = gateway.ask(chat_request("chat", true));
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(last_body(mock), HasSubstr("include_usage"));
  EXPECT_THAT(answer.body, Not(HasSubstr("\"usage\":{")));
  EXPECT_THAT(answer.body, testing::EndsWith("data: [DONE]\n\n"));
}

TEST(Bytes, StreamPassesUnchanged) {
  const Mock mock;
  const std::vector<std::string> scripts = {
      "events=30,usage=never", "events=30,usage=never,split=11,pause=0",
      "events=30,usage=never,each", "events=5,usage=never,utf8,split=1,pause=0"};
  std::string models;
  for (size_t i = 0; i < scripts.size(); ++i) {
    models += mock_model("m" + std::to_string(i), scripts[i]);
  }
  const Gateway gateway(mock_config(mock, models));
  for (size_t i = 0; i < scripts.size(); ++i) {
    Peer direct(mock.port());
    direct.send(post_request("/v1/chat/completions", chat_body("mock/" + scripts[i], true)));
    const std::string said = direct.read().body;
    EXPECT_THAT(said, testing::EndsWith("data: [DONE]\n\n"));
    EXPECT_EQ(gateway.ask(chat_request("m" + std::to_string(i), true)).body, said) << scripts[i];
  }
}

TEST(Bytes, LoopIsFound) {
  const uint16_t port = port_free();
  const std::string self = "http://127.0.0.1:" + std::to_string(port) + "/v1";
  const Gateway gateway(
      "providers:\n  - {name: self, type: openai, data: {apikey: " + std::string(kUserKey) +
          ", base_url: \"" + self + "\"}}\nmodels:\n  - {provider: self, id: chat, alias: chat}\n" +
          "keys:\n" + kUserEntry,
      {.more_listen = ", {address: \"127.0.0.1:" + std::to_string(port) + "\"}"});
  const Answer answer = gateway.ask(chat_request("chat"));
  EXPECT_GE(answer.status, 500);
  EXPECT_TRUE(answer.whole);
}

}  // namespace
}  // namespace weir::integration
