#include "net/resolver.h"

#include <gtest/gtest.h>
#include <netdb.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace weir {
namespace {

// A name service under the test's control: lookups wait until the test answers them.
struct Pending {
  uv_getaddrinfo_t* request;
  uv_getaddrinfo_cb done;
};
std::map<std::string, Pending> pending;
int lookups;
uint64_t fake_now;

int fake_lookup(uv_loop_t*, uv_getaddrinfo_t* request, uv_getaddrinfo_cb done, const char* host,
                const char*, const addrinfo*) {
  ++lookups;
  if (std::string_view(host) == "too.long") return UV_EINVAL;
  pending[host] = {request, done};
  return 0;
}

// Answers with these literal addresses; none means failure.
void reply(const std::string& host, const std::vector<std::string>& addresses) {
  const Pending p = pending.at(host);
  pending.erase(host);
  addrinfo* head = nullptr;
  for (auto it = addresses.rbegin(); it != addresses.rend(); ++it) {
    addrinfo hints;
    std::memset(&hints, 0, sizeof(hints));
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* one = nullptr;
    ASSERT_EQ(getaddrinfo(it->c_str(), nullptr, &hints, &one), 0);
    one->ai_next = head;
    head = one;
  }
  p.done(p.request, head == nullptr ? UV_EAI_NONAME : 0, head);
}

struct Asker {
  ResolveWaiter waiter;
  int answers = 0;
  NetError error = NetError::kNone;
  AddressList addresses;
  Asker() {
    waiter.on_resolved = [](ResolveWaiter* w, NetError e, const AddressList& list) {
      auto* self = reinterpret_cast<Asker*>(w);
      ++self->answers;
      self->error = e;
      self->addresses = list;
    };
  }
  ~Asker() { waiter.node.unlink(); }
  std::string order() const {
    std::string out;
    for (size_t i = 0; i < addresses.count; ++i) {
      out += addresses.items[i].any.sa_family == AF_INET6 ? '6' : '4';
    }
    return out;
  }
};

class ResolverTest : public ::testing::Test {
 protected:
  ResolverTest() {
    uv_loop_init(&loop_);
    pending.clear();
    lookups = 0;
    fake_now = 1'000'000;
    resolver_.set_hooks({.lookup = fake_lookup, .now = [](const uv_loop_t*) { return fake_now; }});
  }
  ~ResolverTest() override { uv_loop_close(&loop_); }
  uv_loop_t loop_;
  Resolver resolver_{&loop_};
};

TEST_F(ResolverTest, OneLookupServesAllWhoWaitAndAllWhoComeSoon) {
  Asker first;
  Asker second;
  Asker third;
  resolver_.resolve("a.test", &first.waiter);
  resolver_.resolve("a.test", &second.waiter);
  EXPECT_EQ(lookups, 1);
  EXPECT_EQ(resolver_.running(), 1u);
  EXPECT_EQ(first.answers, 0);
  reply("a.test", {"192.0.2.1"});
  EXPECT_EQ(first.answers, 1);
  EXPECT_EQ(second.answers, 1);
  EXPECT_EQ(first.addresses.count, 1u);
  fake_now += Resolver::kFreshMs - 1;
  resolver_.resolve("a.test", &third.waiter);
  EXPECT_EQ(third.answers, 1);
  EXPECT_EQ(lookups, 1);
}

TEST_F(ResolverTest, AnswersAgeAndFailuresAreForgottenSoon) {
  Asker a;
  resolver_.resolve("a.test", &a.waiter);
  reply("a.test", {});
  EXPECT_EQ(a.error, NetError::kResolve);
  resolver_.resolve("a.test", &a.waiter);
  EXPECT_EQ(a.answers, 2);
  EXPECT_EQ(lookups, 1);
  fake_now += Resolver::kFailedMs;
  resolver_.resolve("a.test", &a.waiter);
  EXPECT_EQ(lookups, 2);
  reply("a.test", {"192.0.2.1"});
  EXPECT_EQ(a.error, NetError::kNone);
  fake_now += Resolver::kFreshMs;
  resolver_.resolve("a.test", &a.waiter);
  EXPECT_EQ(lookups, 3);
  reply("a.test", {"192.0.2.2", "192.0.2.3"});
  EXPECT_EQ(a.addresses.count, 2u);
}

TEST_F(ResolverTest, OldAddressesBridgeAFailingNameServer) {
  Asker a;
  resolver_.resolve("a.test", &a.waiter);
  reply("a.test", {"192.0.2.1"});
  fake_now += Resolver::kFreshMs;
  resolver_.resolve("a.test", &a.waiter);
  reply("a.test", {});
  EXPECT_EQ(a.error, NetError::kNone);
  EXPECT_EQ(a.addresses.count, 1u);
  fake_now += Resolver::kStaleMs;
  resolver_.resolve("a.test", &a.waiter);
  reply("a.test", {});
  EXPECT_EQ(a.error, NetError::kResolve);
  EXPECT_EQ(a.addresses.count, 0u);
}

TEST_F(ResolverTest, WaiterThatLeftIsNotCalled) {
  Asker stays;
  resolver_.resolve("a.test", &stays.waiter);
  {
    Asker leaves;
    resolver_.resolve("a.test", &leaves.waiter);
  }
  reply("a.test", {"192.0.2.1"});
  EXPECT_EQ(stays.answers, 1);
}

TEST_F(ResolverTest, FamiliesTakeTurns) {
  Asker a;
  resolver_.resolve("a.test", &a.waiter);
  reply("a.test", {"2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"});
  EXPECT_EQ(a.order(), "64646");
  resolver_.resolve("b.test", &a.waiter);
  reply("b.test", {"192.0.2.1", "2001:db8::1", "2001:db8::2"});
  EXPECT_EQ(a.order(), "466");
  resolver_.resolve("c.test", &a.waiter);
  reply("c.test", std::vector<std::string>(20, "192.0.2.1"));
  EXPECT_EQ(a.addresses.count, AddressList::kMax);
}

TEST_F(ResolverTest, LookupThatCannotStartFailsAtOnce) {
  Asker a;
  resolver_.resolve("too.long", &a.waiter);
  EXPECT_EQ(a.answers, 1);
  EXPECT_EQ(a.error, NetError::kResolve);
  EXPECT_EQ(resolver_.running(), 0u);
}

TEST_F(ResolverTest, CacheIsBounded) {
  Asker a;
  for (size_t i = 0; i < Resolver::kMaxHosts + 100; ++i) {
    const std::string host = "h" + std::to_string(i) + ".test";
    resolver_.resolve(host, &a.waiter);
    reply(host, {"192.0.2.1"});
    ++fake_now;
    ASSERT_LE(resolver_.size(), Resolver::kMaxHosts);
  }
  // The newest is still known, the oldest is not.
  const int before = lookups;
  resolver_.resolve("h" + std::to_string(Resolver::kMaxHosts + 99) + ".test", &a.waiter);
  EXPECT_EQ(lookups, before);
  resolver_.resolve("h0.test", &a.waiter);
  EXPECT_EQ(lookups, before + 1);
  reply("h0.test", {"192.0.2.1"});
}

TEST_F(ResolverTest, TooManyAtOnceAreRefused) {
  std::vector<Asker> askers(Resolver::kMaxHosts + 1);
  for (size_t i = 0; i < askers.size(); ++i) {
    resolver_.resolve("h" + std::to_string(i), &askers[i].waiter);
  }
  EXPECT_EQ(askers.back().error, NetError::kNoResources);
  for (size_t i = 0; i + 1 < askers.size(); ++i) reply("h" + std::to_string(i), {"192.0.2.1"});
  EXPECT_EQ(askers.front().answers, 1);
}

TEST_F(ResolverTest, CloseWaitsForRunningLookups) {
  Asker a;
  resolver_.resolve("a.test", &a.waiter);
  // The fake request is in no thread pool; a cancelled one comes back through its callback.
  const Pending p = pending.at("a.test");
  p.request->type = UV_UNKNOWN_REQ;
  bool idle = false;
  resolver_.close([](void* user) { *static_cast<bool*>(user) = true; }, &idle);
  EXPECT_FALSE(idle);
  EXPECT_FALSE(a.waiter.node.linked());
  reply("a.test", {"192.0.2.1"});
  EXPECT_TRUE(idle);
  EXPECT_EQ(a.answers, 0);
  resolver_.resolve("b.test", &a.waiter);
  EXPECT_EQ(a.error, NetError::kNoResources);
}

}  // namespace
}  // namespace weir
