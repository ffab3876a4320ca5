// Goal: a provider whose secrets are kept elsewhere is used as soon as they can be read, fails with
// a clear error until then, and follows when they change.
// Method: the test is the worker; a server of one thread is the vault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "control/control_plane.h"
#include "control/routing_withheld.h"
#include "fake_worker.h"
#include "http_peer.h"

namespace weir {
namespace {

using test::HttpPeer;
using testing::HasSubstr;

std::vector<std::string>& reported() {
  static std::vector<std::string> lines;
  return lines;
}

std::string document(const std::string& fields) {
  return HttpPeer::reply(200, R"({"data":{"data":{)" + fields + "}}}");
}

class ControlSecretsTest : public testing::Test {
 protected:
  ControlSecretsTest() : vault_([this](const std::string& request) { return answer(request); }) {}
  std::string answer(const std::string& request) {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, reply] : answers_) {
      if (request.starts_with("GET /v1/kv/data/" + path + " ")) return reply;
    }
    return HttpPeer::reply(404, "{}");
  }
  void set(const std::string& path, const std::string& reply) {
    const std::lock_guard lock(mutex_);
    answers_[path] = reply;
  }
  void start(const std::string& providers, uint32_t wait_ms = 3'000) {
    reported().clear();
    write(providers);
    ControlOptions options;
    options.config = test::fake_options();
    options.config_file = file_;
    options.default_prepare = test::fake_prepare;
    options.secret_wait_ms = wait_ms;
    options.report = [](const std::string& line) { reported().push_back(line); };
    auto made = ControlPlane::create(options, config_load(file_, options.config));
    ASSERT_TRUE(made) << made.error();
    plane_ = std::move(*made);
    WorkerLink* links[] = {&worker_.link};
    plane_->attach(links);
    // What was held back for the start is reported; from here on the test is the thread.
    plane_->start();
    plane_->stop();
    worker_.turn(plane_->link());
  }
  void write(const std::string& providers) {
    std::ofstream(file_) << "vault: {address: \"" + vault_.url() + "\", token: t, mount: kv}\n"
                         << "secrets: {refresh: 1s}\nlog: {access: \"off\"}\nproviders:\n"
                         << providers
                         << "models: [{provider: a, id: m, alias: chat}]\n";
  }
  void TearDown() override { unlink(file_.c_str()); }

  // Until the target is used (or not), at most some seconds.
  const Target& target_when(bool used) {
    for (int i = 0; i < 500; ++i) {
      plane_->tick(now_ += 10);
      worker_.turn(plane_->link());
      if ((target().adapter != withheld_adapter()) == used) break;
      usleep(10'000);
    }
    EXPECT_EQ(target().adapter != withheld_adapter(), used);
    return target();
  }
  const Target& target() {
    return worker_.current->snapshot->find_route("default", "production", "chat")->targets[0];
  }

  std::mutex mutex_;
  std::map<std::string, std::string> answers_;
  HttpPeer vault_;
  std::string file_ = testing::TempDir() + "/weir-secrets-" + std::to_string(getpid()) + ".yaml";
  std::unique_ptr<ControlPlane> plane_;
  test::FakeWorker worker_;
  Millis now_ = 1'000;
};

constexpr char kOneField[] =
    "  - {name: a, type: openai, data: {base_url: \"http://h\", apikey: \"vault:openai#key\"}}\n";
constexpr char kWhole[] = "  - {name: a, type: openai, data_reference: {resource: vault:openai}}\n";

TEST_F(ControlSecretsTest, ReadsAtTheStart) {
  set("openai", document(R"("key":"sk-1")"));
  start(kOneField);
  EXPECT_EQ(target_when(true).provider->credential, "sk-1");
  EXPECT_THAT(reported(), testing::Not(testing::Contains(HasSubstr("provider \"a\""))));
  EXPECT_THAT(reported(), testing::Not(testing::Contains(HasSubstr("cannot be read"))));
}

TEST_F(ControlSecretsTest, StartsWithoutTheVaultAndFollows) {
  start(kOneField);
  const Target& withheld = target_when(false);
  const std::string head(withheld.heads[0].view());
  EXPECT_THAT(head, HasSubstr("The credential of the provider \"a\" could not be"));
  EXPECT_EQ(head.find("openai"), std::string::npos) << "clients see no path";
  EXPECT_THAT(reported(), testing::Contains(HasSubstr("\"vault:openai\" cannot be read: the vault "
                                                      "has no such secret")));
  EXPECT_THAT(reported(), testing::Contains(HasSubstr("provider \"a\" is not used")));
  withheld.health->on_fault({.started = now_}, Fault::kCredential, 60'000, -1, now_);
  set("openai", document(R"("key":"sk-1")"));
  EXPECT_EQ(target_when(true).provider->credential, "sk-1");
  plane_->tick(now_);
  EXPECT_FALSE(target().health->suspended(now_)) << "what it could not do then is forgotten";

  // A new value makes a new snapshot; a vault that fails leaves the old one.
  set("openai", document(R"("key":"sk-2")"));
  for (int i = 0; i < 500 && target().provider->credential != "sk-2"; ++i) {
    plane_->tick(now_ += 10);
    worker_.turn(plane_->link());
    usleep(10'000);
  }
  EXPECT_EQ(target().provider->credential, "sk-2");
}

TEST_F(ControlSecretsTest, TakesAWholeObject) {
  set("openai", document(R"("apiKey":"sk-1","baseURL":"http://elsewhere:81/v1","note":"n")"));
  start(kWhole);
  const Provider& provider = *target_when(true).provider;
  EXPECT_EQ(provider.credential, "sk-1");
  EXPECT_EQ(provider.host, "elsewhere");
  EXPECT_EQ(provider.port, 81);
  EXPECT_TRUE(provider.options.empty());
}

TEST_F(ControlSecretsTest, JudgesAWholeObjectLikeTheFile) {
  const std::pair<const char*, const char*> cases[] = {
      {R"("apikey":"leak-me","base_url":"ftp://leak-me")", "needs to begin with http:// or https"},
      {R"("base_url":"http://169.254.169.254/")", "metadata and unspecified addresses"},
      {R"("region":"eu")", "need the field \"apikey\""},
      {R"("apikey":"leak\nme")", "#apikey\" holds a control byte"},
      {R"("apikey":"refused")", "provider \"a\" is not used: data.apikey: the key is refused"}};
  for (const auto& [fields, reason] : cases) {
    set("openai", document(fields));
    start(kWhole);
    target_when(false);
    EXPECT_THAT(reported(), testing::Contains(HasSubstr(reason))) << fields;
    EXPECT_THAT(reported(), testing::Not(testing::Contains(HasSubstr("leak"))));
  }
}

TEST_F(ControlSecretsTest, WaitsForAReloadsNewReference) {
  set("openai", document(R"("key":"sk-1")"));
  set("other", document(R"("key":"sk-other")"));
  start(kOneField);
  target_when(true);
  std::string other(kOneField);
  write(other.replace(other.find("vault:openai"), 12, "vault:other"));
  plane_->request_reload();
  plane_->tick(now_);
  worker_.turn(plane_->link());
  EXPECT_EQ(target().provider->credential, "sk-other") << "no snapshot without a credential";
}

TEST_F(ControlSecretsTest, FollowsAFile) {
  const std::string secret = file_ + ".key";
  std::ofstream(secret) << "sk-1\n";
  start("  - {name: a, type: openai, data: {base_url: \"http://h\", apikey: \"file:" + secret +
        "\"}}\n");
  EXPECT_EQ(target_when(true).provider->credential, "sk-1");
  std::ofstream(secret) << "sk-longer\n";
  for (int i = 0; i < 500 && target().provider->credential == "sk-1"; ++i) {
    plane_->tick(now_ += 10);
    worker_.turn(plane_->link());
    usleep(10'000);
  }
  EXPECT_EQ(target().provider->credential, "sk-longer");
  unlink(secret.c_str());
}

}  // namespace
}  // namespace weir
