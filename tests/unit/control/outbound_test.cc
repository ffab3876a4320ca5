// Goal: each call ends in exactly one report, whatever the other side does.
// Method: a server of one thread; the calls are driven until all have ended.
#include "control/outbound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "http_peer.h"
#include "net/address.h"

namespace weir {
namespace {

using test::HttpPeer;
using testing::HasSubstr;

AddressClass all_private(std::string_view) { return AddressClass::kPrivate; }
AddressClass all_forbidden(std::string_view) { return AddressClass::kForbidden; }

class OutboundTest : public testing::Test {
 protected:
  OutboundReply call(OutboundRequest request,
                     AddressClass (*classify)(std::string_view) = nullptr) {
    Outbound outbound(classify);
    OutboundReply reply;
    int reports = 0;
    outbound.start(std::move(request), [&](OutboundReply got) {
      reply = std::move(got);
      ++reports;
    });
    while (outbound.in_flight() != 0) {
      outbound.wait(wake_, 50);
      outbound.perform();
    }
    EXPECT_EQ(reports, 1);
    return reply;
  }
  void TearDown() override { close(wake_); }
  int wake_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
};

TEST_F(OutboundTest, PostsWhatItIsGiven) {
  const HttpPeer peer([](const std::string&) { return HttpPeer::reply(201, "{\"ok\":1}"); });
  OutboundRequest request;
  request.url = peer.url() + "/token?x=1";
  request.headers = {{"Content-Type", "text/plain"}, {"X-Own", "yes"}};
  request.body = std::string("a\0b", 3);
  const OutboundReply reply = call(request);
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body, "{\"ok\":1}");
  const std::string sent = peer.requests().at(0);
  EXPECT_THAT(sent, testing::StartsWith("POST /token?x=1 HTTP/1.1\r\n"));
  EXPECT_THAT(sent, HasSubstr("X-Own: yes\r\n"));
  EXPECT_THAT(sent, testing::EndsWith("\r\n\r\n" + request.body));
}

TEST_F(OutboundTest, DoesNotFollowARedirect) {
  const HttpPeer peer([](const std::string&) {
    return HttpPeer::reply(302, "", "Location: http://127.0.0.1:1/elsewhere\r\n");
  });
  OutboundRequest request;
  request.is_get = true;
  request.url = peer.url();
  EXPECT_EQ(call(request).status, 302);
  EXPECT_EQ(peer.requests().size(), 1u);
}

TEST_F(OutboundTest, BoundsTheAnswer) {
  const HttpPeer peer([](const std::string&) {
    return HttpPeer::reply(200, std::string(100'000, 'x'));
  });
  OutboundRequest request;
  request.url = peer.url();
  request.max_body = 99'999;
  const OutboundReply reply = call(request);
  EXPECT_EQ(reply.status, 0);
  EXPECT_THAT(reply.error, HasSubstr("too large"));
  request.max_body = 100'000;
  EXPECT_EQ(call(request).status, 200);
}

TEST_F(OutboundTest, AnswersThatAreNone) {
  OutboundRequest request;
  {
    const HttpPeer peer([](const std::string&) { return std::string(); });
    request.url = peer.url();
    EXPECT_EQ(call(request).status, 0);
  }
  // Nobody listens there any more.
  const OutboundReply reply = call(request);
  EXPECT_EQ(reply.status, 0);
  EXPECT_FALSE(reply.error.empty());
  request.url = "file:///etc/hostname";
  EXPECT_EQ(call(request).status, 0);
}

TEST_F(OutboundTest, ConnectsOnlyWhereItMay) {
  const HttpPeer peer([](const std::string&) { return HttpPeer::reply(200, "{}"); });
  OutboundRequest request;
  request.url = peer.url();
  EXPECT_EQ(call(request, all_private).status, 200);
  EXPECT_THAT(call(request, all_forbidden).error, HasSubstr("not allowed"));
  request.deny_private = true;
  EXPECT_THAT(call(request, all_private).error, HasSubstr("not allowed"));
  EXPECT_EQ(peer.requests().size(), 1u);
}

TEST_F(OutboundTest, WhatIsUnderWayIsDroppedWithIt) {
  const HttpPeer peer([](const std::string&) { return std::string(); });
  OutboundRequest request;
  request.url = peer.url();
  Outbound outbound(nullptr);
  outbound.start(request, [](const OutboundReply&) { FAIL() << "reported"; });
}

}  // namespace
}  // namespace weir
