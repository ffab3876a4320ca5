// Goal: secrets that are kept elsewhere reach the provider and nobody else, whatever the vault
// does; a database is opened with its own key only.
// Method: the real program; a server of one thread is the vault, a mock the provider.
#include <gmock/gmock.h>

#include <map>

#include "servers.h"
#include "tests/unit/control/http_peer.h"

namespace weir::integration {
namespace {

using test::HttpPeer;
using testing::HasSubstr;
using testing::Not;

class Vault {
 public:
  Vault() : peer_([this](const std::string& request) { return answer(request); }) {}
  [[nodiscard]] std::string url() const { return peer_.url(); }
  void set(const std::string& path, int status, const std::string& fields) {
    const std::lock_guard lock(mutex_);
    replies_["GET /v1/kv/data/" + path + " "] =
        HttpPeer::reply(status, "{\"data\":{\"data\":{" + fields + "}}}");
  }

 private:
  std::string answer(const std::string& request) {
    const std::lock_guard lock(mutex_);
    for (const auto& [start, reply] : replies_) {
      if (request.starts_with(start)) return reply;
    }
    return HttpPeer::reply(404, R"({"errors":["planted-vault-error"]})");
  }
  std::mutex mutex_;
  std::map<std::string, std::string> replies_;
  HttpPeer peer_;
};

std::string vault_config(const Vault& vault, const Mock& mock) {
  return "vault: {address: \"" + vault.url() + "\", token: \"env:PLANTED_TOKEN\", mount: kv}\n" +
         "secrets: {refresh: 1s}\n" +
         "providers:\n"
         "  - {name: mock, type: openai, data: {apikey: \"vault:mock#key\", base_url: \"" +
         mock.url() + "\"}}\n" +
         "  - {name: whole, type: openai, data_reference: {resource: \"vault:whole\"}}\n"
         "models:\n" +
         mock_model("chat", "words=3") +
         "  - {provider: whole, id: mock/words=3, alias: whole}\n"
         "keys:\n" +
         kUserEntry + "log: {level: debug, access: stdout}\n";
}

// All that the program let out: what it wrote, and its folder. `data` is to be looked at while it
// runs too, since a log of the database may be gone afterwards.
std::string written_by(const Gateway& gateway) {
  std::string seen;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(gateway.folder() / "data")) {
    if (entry.is_regular_file()) seen += file_read(entry.path().string());
  }
  return seen;
}

TEST(VaultSecrets, ReachTheProviderAndNobodyElse) {
  const Mock mock;
  Vault vault;
  vault.set("mock", 200, std::string("\"key\":\"") + kUpstreamKey + "\"");
  Gateway gateway(vault_config(vault, mock), {.environment = {"PLANTED_TOKEN=planted-token"}});
  std::string seen;
  const auto ask = [&](const std::string& request) {
    const Answer answer = gateway.ask(request);
    seen += answer.head + answer.body;
    return answer;
  };
  EXPECT_EQ(ask(chat_request("chat")).status, 200);
  EXPECT_THAT(seen, HasSubstr("mock/words=3"));

  // Not there at the start: a clear error, then used as soon as it is there.
  const Answer refused = ask(chat_request("whole"));
  EXPECT_EQ(refused.status, 502);
  EXPECT_THAT(refused.body, HasSubstr("upstream_auth_failed"));
  EXPECT_THAT(refused.body, HasSubstr("The credential of the provider \\\"whole\\\""));
  vault.set("whole", 200, std::string("\"apikey\":\"") + kUpstreamKey + "\",\"base_url\":\"" +
                              mock.url() + "\"");
  EXPECT_TRUE(until([&] { return ask(chat_request("whole")).status == 200; }));

  // The same over the API: sealed in the database, masked in replies.
  const auto make = [&](const std::string& path, const std::string& body) {
    EXPECT_EQ(ask(post_request(path, body, kAdminKey)).status, 201) << path << body;
  };
  const std::string key_and_place = std::string(R"("apikey":")") + kUpstreamKey +
                                    R"(","base_url":")" + mock.url() + "\"";
  vault.set("api", 200, key_and_place);
  make("/v1/providers/openai", R"({"name":"inline","data":{)" + key_and_place + "}}");
  make("/v1/providers/openai",
       R"({"name":"referred","data_reference":{"resource":"vault:api"}})");
  for (const std::string name : {"inline", "referred"}) {
    make("/v1/providers/" + name + "/models",
         R"({"id":"mock/words=3","alias":")" + name + "\"}");
    EXPECT_TRUE(until([&] { return ask(chat_request(name)).status == 200; }));
    EXPECT_EQ(ask(get_request("/v1/providers/" + name, kAdminKey)).status, 200);
  }

  // A vault that fails changes nothing.
  vault.set("mock", 500, "");
  EXPECT_TRUE(until([&] {
    return gateway.process().err().find("the last good value stays in use") != std::string::npos;
  }));
  EXPECT_EQ(ask(chat_request("chat")).status, 200);
  ask(get_request("/metrics", kAdminKey));
  ask(get_request("/v1/targets", kAdminKey));
  ask(get_request("/v1/providers", kAdminKey));
  seen += written_by(gateway);
  seen += file_read("/proc/" + std::to_string(gateway.process().pid()) + "/cmdline");
  gateway.process().signal(SIGTERM);
  ASSERT_EQ(gateway.process().wait(), 0);
  seen += written_by(gateway) + gateway.process().out() + gateway.process().err();
  EXPECT_THAT(seen, HasSubstr("secret \"vault:whole\" cannot be read"));
  for (const char* secret : {kUpstreamKey, "planted-token", "planted-vault-error"}) {
    EXPECT_THAT(seen, Not(HasSubstr(secret)));
  }
}

TEST(SealingKey, OpensTheDatabaseThatItSealed) {
  const std::string first(64, 'a'), second(64, 'b');
  const std::string config = "providers: [{name: lo, type: loopback}]\n"
                             "models: [{provider: lo, id: loopback}]\n"
                             "sealing_key: \"env:SEALING\"\n";
  Gateway gateway(config, {.environment = {"SEALING=" + first}});
  const auto restart = [&](const std::string& key) {
    gateway.process().signal(SIGTERM);
    EXPECT_EQ(gateway.process().wait(), 0);
    Process weir({program_path("weir"), "run", "--config", gateway.folder() / "weir.yaml"},
                 gateway.folder() / "again", {"SEALING=" + key});
    EXPECT_TRUE(until([&] { return weir.ended(); }));
    EXPECT_EQ(weir.wait(), 1);
    return weir.err();
  };
  const std::string refused = restart(second);
  EXPECT_THAT(refused, HasSubstr("sealed with another key than the one in sealing_key"));
  EXPECT_EQ(std::count(refused.begin(), refused.end(), '\n'), 1);
  EXPECT_THAT(refused, Not(HasSubstr("bbbb")));
}

}  // namespace
}  // namespace weir::integration
