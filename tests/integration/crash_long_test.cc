// Goal: management writes that were acknowledged survive kill -9 at any moment, whole; what was
// never sent is not there. Method: several connections make and delete models at the real program,
// which is killed and started again, twenty times over; then the list of models is compared with
// what each connection knows, and some of the models are called.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "servers.h"

namespace weir::integration {
namespace {

constexpr int kWriters = 4;
constexpr int kRounds = 20;

// One connection and what it knows of its models, by alias.
class Writer {
 public:
  explicit Writer(int number) : number_(number) {}

  // Until the connection breaks.
  void run(uint16_t port) {
    Peer peer(port);
    while (peer.connected()) {
      const bool removes = made_ % 3 == 2 && !there_.empty();
      const bool went_on = removes ? remove_one(&peer) : make_one(&peer);
      ++made_;
      if (!went_on) return;
    }
  }
  // What is there in place of what nobody was told about.
  void settle(const std::map<std::string, std::string>& listed) {
    for (const auto* doubt : {&maybe_made_, &maybe_removed_}) {
      if (doubt->empty()) continue;
      const auto found = listed.find(*doubt);
      if (found == listed.end()) {
        there_.erase(*doubt);
      } else {
        there_[*doubt] = uuid_of(found->second);
      }
    }
    maybe_made_.clear();
    maybe_removed_.clear();
  }
  [[nodiscard]] const std::map<std::string, std::string>& there() const { return there_; }
  [[nodiscard]] bool doubts(const std::string& alias) const {
    return alias == maybe_made_ || alias == maybe_removed_;
  }
  [[nodiscard]] int acknowledged() const { return acknowledged_; }

  static std::string uuid_of(const std::string& json) {
    const size_t at = json.find("\"uuid\":\"");
    return at == std::string::npos ? "" : json.substr(at + 8, 36);
  }
  static std::string id_of(const std::string& alias) { return "loopback-of-" + alias; }

 private:
  bool make_one(Peer* peer) {
    maybe_made_ = "w" + std::to_string(number_) + "-" + std::to_string(next_++);
    peer->send(post_request("/v1/providers/lo/models",
                            R"({"id":")" + id_of(maybe_made_) + R"(","alias":")" + maybe_made_ +
                                R"(","metadata":{"cost":0.5,"mark":")" + maybe_made_ + "\"}}",
                            kAdminKey));
    const Answer answer = peer->read();
    if (!answer.whole) return false;
    EXPECT_EQ(answer.status, 201) << answer.body;
    ++acknowledged_;
    there_[std::exchange(maybe_made_, {})] = uuid_of(answer.body);
    return true;
  }
  bool remove_one(Peer* peer) {
    const auto oldest = there_.begin();
    maybe_removed_ = oldest->first;
    peer->send("DELETE /v1/models/" + oldest->second +
               " HTTP/1.1\r\nHost: weir\r\nAuthorization: Bearer " + std::string(kAdminKey) +
               "\r\n\r\n");
    const Answer answer = peer->read();
    if (!answer.whole) return false;
    EXPECT_EQ(answer.status / 100, 2) << answer.body;
    ++acknowledged_;
    there_.erase(std::exchange(maybe_removed_, {}));
    return true;
  }

  int number_;
  int next_ = 0, made_ = 0, acknowledged_ = 0;
  std::map<std::string, std::string> there_;  // alias to uuid
  std::string maybe_made_, maybe_removed_;    // sent, and no answer came
};

// The models of a list by alias, each as its JSON.
std::map<std::string, std::string> models_of(const std::string& page) {
  constexpr std::string_view kBegin = "{\"object\":\"model\"";
  constexpr std::string_view kAlias = "\"alias\":\"";
  std::map<std::string, std::string> out;
  for (size_t at = page.find(kBegin); at != std::string::npos;) {
    const size_t next = page.find(kBegin, at + 1);
    const std::string json = page.substr(at, next - at);
    const size_t alias = json.find(kAlias) + kAlias.size();
    out[json.substr(alias, json.find('"', alias) - alias)] = json;
    at = next;
  }
  return out;
}

TEST(CrashLong, AcknowledgedWritesSurviveAKill) {
  std::mt19937 random(20'261'128);
  Gateway gateway("providers: [{name: lo, type: loopback}]\nlog: {access: \"off\"}\n",
                  {.arguments = {"--workers", "2"}});
  std::vector<Writer> writers;
  for (int i = 0; i < kWriters; ++i) writers.emplace_back(i);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::vector<std::thread> threads;
    for (Writer& writer : writers) {
      threads.emplace_back([&writer, &gateway] { writer.run(gateway.port()); });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50 + random() % 500));
    gateway.process().signal(SIGKILL);
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(gateway.process().wait(), 128 + SIGKILL);
    gateway.start({.arguments = {"--workers", "2"}});
    const Answer answer = gateway.ask(get_request("/v1/providers/lo/models", kAdminKey));
    ASSERT_EQ(answer.status, 200);
    const auto listed = models_of(answer.body);
    std::set<std::string> expected;
    for (Writer& writer : writers) {
      for (const auto& [alias, json] : listed) {
        if (writer.doubts(alias)) expected.insert(alias);
      }
      for (const auto& [alias, uuid] : writer.there()) {
        if (writer.doubts(alias)) continue;
        expected.insert(alias);
        ASSERT_TRUE(listed.contains(alias)) << alias << " was acknowledged";
        ASSERT_EQ(Writer::uuid_of(listed.at(alias)), uuid);
      }
      writer.settle(listed);
    }
    ASSERT_EQ(listed.size(), expected.size()) << "something is there that nobody sent";
    for (const auto& [alias, json] : listed) {
      ASSERT_NE(json.find("\"provider_model_id\":\"" + Writer::id_of(alias) + "\""),
                std::string::npos) << json;
      ASSERT_NE(json.find("\"mark\":\"" + alias + "\""), std::string::npos) << json;
    }
    if (!listed.empty()) {
      const auto some = std::next(listed.begin(), static_cast<long>(random() % listed.size()));
      EXPECT_EQ(gateway.ask(chat_request(some->first, false, kAdminKey)).status, 200);
    }
  }
  for (const Writer& writer : writers) EXPECT_GT(writer.acknowledged(), kRounds);
}

}  // namespace
}  // namespace weir::integration
