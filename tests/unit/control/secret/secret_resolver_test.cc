// Goal: every place is asked once however many refer to it, what it said stays in use when it
// fails, a new value is told, and no report holds a value.
// Method: a server of one thread as Vault, Secrets Manager and IAM; wall time is what the tests
// say, but for the moment of an answer.
#include "control/secret/secret_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <fstream>

#include "../http_peer.h"
#include "route/target.h"

namespace weir {
namespace {

using test::HttpPeer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kCrn[] = "crn:v1:bluemix:public:secrets-manager:us-south:a/acc:inst:secret:id-1";

Result<void> iam_request(const Provider& provider, TokenRequest* out) {
  out->url = std::string(provider.option("auth_url"));
  out->body = "apikey=" + provider.credential;
  return {};
}
Result<void> iam_reply(int status, std::string_view body, int64_t unix_ms, Token* out) {
  if (status != 200) return std::unexpected(Error{Errc::kUpstreamAuth, "IAM refused the key"});
  out->value = std::string(body);
  out->expires_unix_ms = unix_ms + 3'600'000;
  return {};
}

std::string vault_json(const std::string& fields, int lease = 0) {
  return R"({"request_id":"r","lease_duration":)" + std::to_string(lease) +
         R"(,"data":{"data":{)" + fields + R"(},"metadata":{"version":3}}})";
}

class SecretResolverTest : public testing::Test {
 protected:
  SecretResolverTest()
      : peer_([this](const std::string& request) { return answer(request); }) {
    iam_.name = "watsonxai";
    iam_.token_request = iam_request;
    iam_.token_reply = iam_reply;
    config_.vault.address = peer_.url();
    config_.vault.token = Secret("vault-token-1");
    config_.vault.name_space = "team/one";
    config_.secrets_manager.apikey = Secret("ibm-key");
    config_.secrets_manager.base_url = peer_.url() + "/sm/";
    config_.secrets_manager.auth_url = peer_.url() + "/iam";
    resolver_.emplace(&outbound_, std::span(adapters_),
                      [this](const std::string& line) { reports_.push_back(line); });
  }
  ~SecretResolverTest() override { close(wake_); }

  std::string answer(const std::string& request) {
    const std::string target = request.substr(0, request.find(" HTTP/"));
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(target);
    if (target == "GET /v1/auth/token/lookup-self" && found == answers_.end()) {
      return HttpPeer::reply(403, "{}");
    }
    return found != answers_.end() ? found->second : HttpPeer::reply(404, R"({"errors":[]})");
  }
  void set(const std::string& target, int status, const std::string& body) {
    const std::lock_guard lock(mutex_);
    answers_[target] = HttpPeer::reply(status, body);
  }
  // Requests for anything but the token itself.
  [[nodiscard]] std::vector<std::string> asked() const {
    std::vector<std::string> out;
    for (const std::string& request : peer_.requests()) {
      if (request.find("/auth/token/") == std::string::npos) {
        out.push_back(request.substr(0, request.find(" HTTP/")));
      }
    }
    return out;
  }
  void settle() {
    while (outbound_.in_flight() != 0) {
      outbound_.wait(wake_, 50);
      outbound_.perform();
    }
  }
  // One round that refers to `text`; the value, or "! reason".
  std::string value_of(const std::string& text) {
    const auto reference = reference_parse(text, true);
    if (!reference) return std::string("! ") + reference.error();
    resolver_->begin(config_, false);
    const auto found = resolver_->find(*reference, "", now_);
    resolver_->forget();
    if (found.document == nullptr) return "! " + found.problem;
    const auto value = found.document->value(reference->field);
    return value ? value->reveal() : std::string("! ") + value.error();
  }
  // The same after what was started has ended.
  std::string settled(const std::string& text) {
    value_of(text);
    settle();
    return value_of(text);
  }

  int64_t now_ = unix_now_ms();
  std::mutex mutex_;
  std::map<std::string, std::string> answers_;
  HttpPeer peer_;
  Adapter iam_{};
  const Adapter* adapters_[1] = {&iam_};
  SecretsConfig config_;
  Outbound outbound_{nullptr};
  std::vector<std::string> reports_;
  std::optional<SecretResolver> resolver_;
  int wake_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
};

TEST_F(SecretResolverTest, ReadsAFieldOfVault) {
  set("GET /v1/secret/data/openai%20eu/key", 200, vault_json(R"("apikey":"sk-\u0041","n":7)"));
  EXPECT_THAT(value_of("vault:secret/openai eu/key#apikey"), HasSubstr("not read yet"));
  EXPECT_TRUE(resolver_->is_asking());
  settle();
  EXPECT_FALSE(resolver_->is_asking());
  EXPECT_TRUE(resolver_->tick(now_));
  EXPECT_FALSE(resolver_->tick(now_));
  EXPECT_EQ(value_of("vault:secret/openai eu/key#apikey"), "sk-A");
  EXPECT_EQ(value_of("vault:secret/openai eu/key#n"), "7");
  EXPECT_EQ(value_of("vault:secret/openai eu/key#none"), "! has no such field");
  const std::string request = peer_.requests().at(0);
  EXPECT_THAT(request, HasSubstr("X-Vault-Token: vault-token-1\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Vault-Namespace: team/one\r\n"));
  EXPECT_EQ(asked().size(), 1u) << "one reading for all fields";
  EXPECT_TRUE(reports_.empty());
}

TEST_F(SecretResolverTest, PutsTheMountInFront) {
  config_.vault.mount = "kv/team";
  set("GET /v1/kv/team/data/openai", 200, vault_json(R"("apikey":"sk-1")"));
  EXPECT_EQ(settled("vault:openai#apikey"), "sk-1");
}

TEST_F(SecretResolverTest, SaysWhyThereIsNoValue) {
  const std::pair<int, const char*> cases[] = {{403, "refused the token"},
                                               {404, "has no such secret"},
                                               {400, "KV engine of version 2"},
                                               {503, "the vault failed (status 503)"}};
  for (const auto& [status, reason] : cases) {
    const std::string path = "secret/s" + std::to_string(status);
    set("GET /v1/secret/data/s" + std::to_string(status), status, R"({"errors":["leak-me"]})");
    EXPECT_THAT(settled("vault:" + path + "#f"), HasSubstr(reason));
    EXPECT_THAT(reports_.back(), HasSubstr("secret \"vault:" + path + "\" cannot be read"));
    EXPECT_THAT(reports_.back(), Not(HasSubstr("leak-me")));
  }
  const std::pair<std::string, const char*> bodies[] = {
      {"<html>leak-me", "is no JSON"},
      {R"({"data":{"leak-me":"x"}})", "is it a KV engine of version 2?"},
      {R"({"data":{"data":null}})", "is it a KV engine of version 2?"},
      {"[]", "is no JSON object"},
      {vault_json(R"("a":"leak-me","a":"leak-me")"), "is it a KV engine"},
      {R"({"data":{"data":{"a":"leak-me")", "is no JSON"},
      {vault_json("\"a\":\"" + std::string(2 << 20, 'x') + "\""), "too large"}};
  int n = 0;
  for (const auto& [body, reason] : bodies) {
    const std::string path = "b" + std::to_string(++n);
    set("GET /v1/secret/data/" + path, 200, body);
    EXPECT_THAT(settled("vault:secret/" + path + "#a"), HasSubstr(reason));
    EXPECT_THAT(reports_.back(), Not(HasSubstr("leak-me")));
  }
  EXPECT_EQ(resolver_->places(), 1u) << "what is not referred to is forgotten";
}

TEST_F(SecretResolverTest, NeedsAnAddressATokenAndAMount) {
  EXPECT_THAT(settled("vault:alone#f"), HasSubstr("vault.mount"));
  config_.vault.token = Secret();
  EXPECT_THAT(settled("vault:secret/a#f"), HasSubstr("VAULT_TOKEN"));
  config_.vault.address.clear();
  EXPECT_THAT(settled("vault:secret/b#f"), HasSubstr("VAULT_ADDR"));
  EXPECT_TRUE(asked().empty());
}

TEST_F(SecretResolverTest, KeepsTheLastGoodValue) {
  const std::string target = "GET /v1/secret/data/openai";
  set(target, 200, vault_json(R"("apikey":"sk-1")"));
  EXPECT_EQ(settled("vault:secret/openai#apikey"), "sk-1");
  EXPECT_TRUE(resolver_->tick(now_));

  set(target, 500, "down");
  now_ = unix_now_ms() + config_.refresh_ms + 1;
  EXPECT_FALSE(resolver_->tick(now_));
  settle();
  EXPECT_FALSE(resolver_->tick(now_)) << "nothing new to publish";
  EXPECT_EQ(value_of("vault:secret/openai#apikey"), "sk-1");
  constexpr size_t kVault = SecretCounters::index_of(SecretReference::Kind::kVault);
  EXPECT_EQ(resolver_->counters().failing[kVault], 1u);
  EXPECT_EQ(resolver_->counters().failures[kVault], 1u);
  EXPECT_THAT(reports_, ElementsAre(HasSubstr("the last good value stays in use")));

  set(target, 200, vault_json(R"("apikey":"sk-2")"));
  now_ += 120'000;
  EXPECT_FALSE(resolver_->tick(now_));
  settle();
  EXPECT_TRUE(resolver_->tick(now_));
  EXPECT_EQ(value_of("vault:secret/openai#apikey"), "sk-2");
  EXPECT_EQ(resolver_->counters().failing[kVault], 0u);
  EXPECT_EQ(resolver_->counters().failures[kVault], 1u);
  EXPECT_THAT(reports_.back(), HasSubstr("is read again"));
}

TEST_F(SecretResolverTest, AsksAgainAfterAFailureButNotAtOnce) {
  const std::string target = "GET /v1/secret/data/x";
  EXPECT_THAT(settled("vault:secret/x#f"), HasSubstr("no such secret"));
  EXPECT_EQ(asked().size(), 1u);
  for (int i = 0; i < 5; ++i) value_of("vault:secret/x#f");
  (void)resolver_->tick(unix_now_ms());
  settle();
  EXPECT_EQ(asked().size(), 1u);
  set(target, 200, vault_json(R"("f":"v")"));
  (void)resolver_->tick(unix_now_ms() + 2'000);
  settle();
  EXPECT_EQ(asked().size(), 2u);
  EXPECT_EQ(value_of("vault:secret/x#f"), "v");
  EXPECT_EQ(reports_.size(), 2u);
}

TEST_F(SecretResolverTest, ReadsAgainBeforeALeaseEnds) {
  set("GET /v1/secret/data/x", 200, vault_json(R"("f":"v")", 30));
  EXPECT_EQ(settled("vault:secret/x#f"), "v");
  (void)resolver_->tick(unix_now_ms() + 19'000);
  EXPECT_EQ(asked().size(), 1u);
  (void)resolver_->tick(unix_now_ms() + 21'000);
  settle();
  EXPECT_EQ(asked().size(), 2u);
}

TEST_F(SecretResolverTest, RenewsTheToken) {
  set("GET /v1/secret/data/x", 200, vault_json(R"("f":"v")"));
  set("GET /v1/auth/token/lookup-self", 200, R"({"data":{"ttl":90,"renewable":true}})");
  set("POST /v1/auth/token/renew-self", 200,
      R"({"auth":{"lease_duration":90,"renewable":true,"client_token":"t"}})");
  EXPECT_EQ(settled("vault:secret/x#f"), "v");
  const auto renewals = [&] {
    size_t count = 0;
    for (const auto& request : peer_.requests()) count += request.starts_with("POST /v1/auth");
    return count;
  };
  (void)resolver_->tick(unix_now_ms());
  settle();
  (void)resolver_->tick(unix_now_ms() + 50'000);
  settle();
  EXPECT_EQ(renewals(), 0u);
  (void)resolver_->tick(unix_now_ms() + 61'000);
  settle();
  EXPECT_EQ(renewals(), 1u);
  (void)resolver_->tick(unix_now_ms() + 61'000);
  settle();
  EXPECT_EQ(renewals(), 2u) << "from the answer on";
}

TEST_F(SecretResolverTest, TakesATokenThatItsFileGotMeanwhile) {
  const std::string file = testing::TempDir() + "/weir-vault-token-" + std::to_string(getpid());
  std::ofstream(file) << "old-token\n";
  config_.vault.token = Secret::referred("file:" + file, "old-token");
  set("GET /v1/secret/data/x", 200, vault_json(R"("f":"v")"));
  EXPECT_EQ(settled("vault:secret/x#f"), "v");
  std::ofstream(file) << "new-token\n";
  (void)resolver_->tick(unix_now_ms() + config_.refresh_ms + 1);
  settle();
  EXPECT_THAT(peer_.requests().back(), HasSubstr("X-Vault-Token: new-token\r\n"));
  unlink(file.c_str());
}

TEST_F(SecretResolverTest, ReadsFilesWhenTheyAreWritten) {
  const std::string file = testing::TempDir() + "/weir-secret-" + std::to_string(getpid());
  std::ofstream(file) << "one\n";
  EXPECT_EQ(value_of("file:" + file), "one");
  EXPECT_FALSE(resolver_->tick(now_)) << "it was there at once";
  std::ofstream(file) << "second\n";
  now_ += 5'000;
  EXPECT_TRUE(resolver_->tick(now_));
  EXPECT_EQ(value_of("file:" + file), "second");
  unlink(file.c_str());
  now_ += 5'000;
  EXPECT_FALSE(resolver_->tick(now_));
  EXPECT_EQ(value_of("file:" + file), "second");
  EXPECT_THAT(reports_, ElementsAre(HasSubstr("No such file")));
  EXPECT_THAT(value_of("env:WEIR_TEST_NOT_SET"), HasSubstr("is not set"));
}

TEST_F(SecretResolverTest, ReadsSecretsManager) {
  set("POST /iam", 200, "iam-token-1");
  set("GET /sm/api/v2/secrets/id-1", 200,
      R"({"secret_type":"kv","data":{"apikey":"sk-1","project_id":"p"}})");
  settled(std::string(kCrn) + "#apikey");
  EXPECT_EQ(value_of(std::string(kCrn) + "#apikey"), "sk-1");
  EXPECT_EQ(value_of(std::string(kCrn) + "#project_id"), "p");
  EXPECT_THAT(asked(), ElementsAre("POST /iam", "GET /sm/api/v2/secrets/id-1"));
  EXPECT_THAT(peer_.requests().at(0), HasSubstr("apikey=ibm-key"));
  EXPECT_THAT(peer_.requests().at(1), HasSubstr("Authorization: Bearer iam-token-1\r\n"));
}

TEST_F(SecretResolverTest, AsksIamOnceForAllAndAgainWhenRefused) {
  set("POST /iam", 200, "iam-token-1");
  set("GET /sm/api/v2/secrets/id-1", 401, "{}");
  set("GET /sm/api/v2/secrets/id-2", 200, R"({"payload":"sk-2"})");
  std::string second(kCrn);
  second.back() = '2';
  resolver_->begin(config_, false);
  for (const std::string& text : {std::string(kCrn), second}) {
    (void)resolver_->find(*reference_parse(text), "", now_);
  }
  resolver_->forget();
  settle();
  size_t exchanges = 0;
  for (const std::string& target : asked()) exchanges += target == "POST /iam";
  EXPECT_EQ(exchanges, 2u) << "one for both, one for the refused token";
  EXPECT_EQ(value_of(second), "sk-2");
  EXPECT_THAT(reports_, ElementsAre(HasSubstr("refused secrets_manager.apikey")));
  EXPECT_THAT(reports_.front(), Not(HasSubstr("iam-token")));
}

TEST_F(SecretResolverTest, SaysWhyIamGaveNoToken) {
  set("POST /iam", 400, R"({"errorMessage":"leak-me"})");
  EXPECT_THAT(settled(kCrn), HasSubstr("IAM refused the key"));
  config_.secrets_manager.apikey = Secret();
  EXPECT_THAT(settled("crn:v1:a:b:secrets-manager:r:s:i:secret:x"),
              HasSubstr("set secrets_manager.apikey"));
}

TEST_F(SecretResolverTest, TakesSecretsManagersOtherKinds) {
  set("POST /iam", 200, "t");
  const std::pair<const char*, const char*> kinds[] = {
      {R"({"secret_type":"arbitrary","payload":"p"})", "p"},
      {R"({"secret_type":"iam_credentials","api_key":"a"})", "a"},
      {R"({"secret_type":"username_password","username":"u","password":"w"})",
       "! has several fields; name one behind #"},
      {R"({"secret_type":"service_credentials","credentials":{"apikey":"c","iam":"x"}})", "c"}};
  int n = 0;
  for (const auto& [body, value] : kinds) {
    const std::string id = "k" + std::to_string(++n);
    set("GET /sm/api/v2/secrets/" + id, 200, body);
    const std::string crn = "crn:v1:a:b:secrets-manager:r:s:i:secret:" + id;
    EXPECT_EQ(settled(crn), value);
  }
}

TEST(SecretDocument, GivesAllFieldsOfAnObject) {
  SecretDocument document;
  document.text = Secret(R"({"apikey":"k","region":"eu","deep":{"a":[1]}})");
  const auto fields = document.all("");
  ASSERT_TRUE(fields) << fields.error();
  ASSERT_EQ(fields->size(), 3u);
  EXPECT_EQ(fields->at(2).second.reveal(), R"({"a":[1]})");
  document.fields = {{"json", Secret(R"({"apikey":"inner"})")}, {"b", Secret("x\ny")}};
  EXPECT_EQ(document.all("json")->front().second.reveal(), "inner");
  EXPECT_EQ(document.all("")->size(), 2u);
  EXPECT_STREQ(document.all("none").error(), "has no such field");
  EXPECT_STREQ(document.all("b").error(), "is no JSON object");
  EXPECT_STREQ(document.value("b").error(), "holds a control byte");
}

}  // namespace
}  // namespace weir
