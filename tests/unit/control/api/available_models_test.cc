// Goal: a provider's models are listed over all pages, with its token, within bounds, and every
// call is answered once. Method: a server of one thread as the provider.
#include "control/api/available_models.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../http_peer.h"
#include "base/arena.h"

namespace weir {
namespace {

using test::HttpPeer;

Result<void> prepare(const PrepareInput& input, std::string* head) {
  *head = "POST /chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + input.provider.credential +
          "\r\nContent-Type: application/json\r\n";
  return {};
}

// A page is "name name >cursor".
Result<size_t> list_models(std::string_view body, Arena& arena, std::span<ModelName> out,
                           std::string_view* cursor) {
  if (body == "garbage") return std::unexpected(Error{Errc::kUpstreamUnavailable, "no list"});
  size_t count = 0;
  for (std::string_view rest = body; !rest.empty();) {
    const size_t end = std::min(rest.find(' '), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (word.starts_with('>')) {
      *cursor = arena.copy(word.substr(1));
    } else if (count < out.size()) {
      out[count++].id = arena.copy(word);
    }
  }
  return count;
}

Result<void> list_request(const ListInput& input, ListRequest* out) {
  out->head = "GET /list?after=" + std::string(input.cursor) +
              " HTTP/1.1\r\nHost: x\r\nX-Token: " + std::string(input.token) + "\r\n";
  return {};
}

Result<void> list_nothing(const ListInput&, ListRequest*) {
  return std::unexpected(Error{Errc::kUnsupportedEndpoint, "cannot"});
}

Result<void> token_request(const Provider& provider, TokenRequest* out) {
  out->url = "http://" + provider.authority + "/token";
  return {};
}

Result<void> token_reply(int status, std::string_view body, int64_t unix_ms, Token* out) {
  if (status != 200) return std::unexpected(Error{Errc::kUpstreamAuth, "the key was refused"});
  out->value = std::string(body);
  out->expires_unix_ms = unix_ms + 1000;
  return {};
}

class AvailableModelsTest : public testing::Test {
 protected:
  AvailableModelsTest()
      : outbound_(nullptr),
        lister_(&outbound_, {prepare, list_models},
                [this](ManagementCall* call) { answered_.emplace_back(call); }) {}
  ~AvailableModelsTest() override { close(fd_); }

  ManagementCall& ask(const std::string& url) {
    auto provider = std::make_shared<Provider>();
    provider->type = "kind";
    provider->adapter = &adapter_;
    provider->authority = url.substr(7);
    provider->base_path = "/v1";
    provider->credential = "sk-planted";
    lister_.start(std::move(provider), new ManagementCall);
    while (answered_.empty()) {
      outbound_.wait(fd_, 1'000);
      outbound_.perform();
    }
    EXPECT_EQ(answered_.size(), 1u);
    EXPECT_EQ(lister_.in_flight(), 0u);
    last_ = std::move(answered_.front());
    answered_.clear();
    return *last_;
  }

  Adapter adapter_{};
  int fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  Outbound outbound_;
  AvailableModels lister_;
  std::vector<std::unique_ptr<ManagementCall>> answered_;
  std::unique_ptr<ManagementCall> last_;
};

TEST_F(AvailableModelsTest, TheDefaultsAskForTheOpenAiPath) {
  HttpPeer peer([](const std::string&) { return HttpPeer::reply(200, "a b"); });
  const ManagementCall& call = ask(peer.url());
  EXPECT_EQ(call.status, 200);
  EXPECT_EQ(call.reply,
            R"({"object":"list","data":[{"id":"a","object":"model","created":0,"owned_by":"kind"},)"
            R"({"id":"b","object":"model","created":0,"owned_by":"kind"}]})");
  const std::string request = peer.requests().at(0);
  EXPECT_TRUE(request.starts_with("GET /v1/models HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("Authorization: Bearer sk-planted\r\n"), std::string::npos);
  EXPECT_EQ(request.find("Host: x"), std::string::npos);
}

TEST_F(AvailableModelsTest, PagesAndTokensAreTheAdapters) {
  adapter_.list_request = list_request;
  adapter_.token_request = token_request;
  adapter_.token_reply = token_reply;
  HttpPeer peer([](const std::string& request) {
    if (request.starts_with("POST /token")) return HttpPeer::reply(200, "short-lived");
    return HttpPeer::reply(200, request.find("after=next") == std::string::npos ? "a >next" : "b");
  });
  const ManagementCall& call = ask(peer.url());
  EXPECT_NE(call.reply.find("\"a\""), std::string::npos);
  EXPECT_NE(call.reply.find("\"b\""), std::string::npos);
  ASSERT_EQ(peer.requests().size(), 3u);
  EXPECT_NE(peer.requests()[2].find("X-Token: short-lived"), std::string::npos);
}

TEST_F(AvailableModelsTest, PagesWithoutEndEnd) {
  adapter_.list_request = list_request;
  int page = 0;
  HttpPeer peer([&page](const std::string&) {
    return HttpPeer::reply(200, "m >" + std::to_string(++page));
  });
  EXPECT_EQ(ask(peer.url()).status, 200);
  EXPECT_EQ(peer.requests().size(), AvailableModels::kMaxPages);
}

TEST_F(AvailableModelsTest, WhoCannotTellIsNull) {
  adapter_.list_request = list_nothing;
  EXPECT_EQ(ask("http://127.0.0.1:1").reply, R"({"object":"list","data":null})");
  adapter_.local = true;
  EXPECT_EQ(ask("http://127.0.0.1:1").reply, R"({"object":"list","data":null})");
}

TEST_F(AvailableModelsTest, FailuresSayWhoseTheyAre) {
  int status = 401;
  HttpPeer peer([&status](const std::string&) { return HttpPeer::reply(status, "garbage"); });
  EXPECT_EQ(ask(peer.url()).error_code, "upstream_auth_failed");
  status = 500;
  EXPECT_EQ(ask(peer.url()).error_code, "upstream_error");
  status = 200;
  EXPECT_EQ(ask(peer.url()).error_code, "upstream_error");
  const ManagementCall& gone = ask("http://127.0.0.1:1");
  EXPECT_EQ(gone.error_code, "upstream_unavailable");
  EXPECT_EQ(gone.status, 502);
  EXPECT_EQ(gone.error_message.find("sk-planted"), std::string::npos);
  adapter_.token_request = token_request;
  adapter_.token_reply = token_reply;
  status = 400;
  EXPECT_EQ(ask(peer.url()).error_code, "upstream_auth_failed");
}

}  // namespace
}  // namespace weir
