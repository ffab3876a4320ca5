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
                         << "secrets: {refresh: 1s" << allow_ << "}\n"
                         << "log: {access: \"off\"}\nproviders:\n"
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

  void reload(const std::string& providers) {
    write(providers);
    plane_->request_reload();
    plane_->tick(now_ += 10);
    worker_.turn(plane_->link());
  }
  std::string page() {
    worker_.call(plane_->link(), "GET", "/metrics");
    for (int i = 0; i < 3; ++i) {
      plane_->tick(now_ += 10);
      worker_.turn(plane_->link());
    }
    return worker_.answered.empty() ? "" : worker_.answered.back()->reply;
  }
  const Target& target_of(const char* tenant, const char* name) {
    return worker_.current->snapshot->find_route(tenant, "production", name)->targets[0];
  }

  std::string allow_;  // of the section `secrets`, with a comma before
  std::mutex mutex_;
  std::map<std::string, std::string> answers_;
  HttpPeer vault_;
  std::string file_ = testing::TempDir() + "weir-secrets-" + std::to_string(getpid()) + ".yaml";
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
  const std::string failing = page();
  EXPECT_THAT(failing, HasSubstr("\nweir_secrets_failing{kind=\"vault\"} 1\n"));
  EXPECT_THAT(failing, HasSubstr("\nweir_providers_withheld 1\n"));
  EXPECT_THAT(failing, testing::Not(HasSubstr("read_failures_total{kind=\"vault\"} 0\n")));
  EXPECT_THAT(failing, testing::Not(HasSubstr("vault:"))) << "nothing of what it refers to";
  withheld.health->on_fault({.started = now_}, Fault::kCredential, 60'000, -1, now_);
  set("openai", document(R"("key":"sk-1")"));
  EXPECT_EQ(target_when(true).provider->credential, "sk-1");
  plane_->tick(now_);
  EXPECT_THAT(page(), HasSubstr("\nweir_secrets_failing{kind=\"vault\"} 0\n"));
  EXPECT_THAT(page(), HasSubstr("\nweir_providers_withheld 0\n"));
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

// What a tenant was granted is read for it, and no more once the grant is gone.
TEST_F(ControlSecretsTest, ReadsForATenantWhatItIsGranted) {
  constexpr char kOwn[] = "  - {name: a, type: openai, data: {apikey: k}}\n";
  const std::string key = file_ + ".acme";
  setenv("ACME_TEST_KEY", "sk-variable", 1);
  allow_ = ", allow: [{tenant: acme, prefix: \"env:ACME_\"}, {tenant: acme, prefix: \"file:" +
           file_ + "\"}]";
  start(kOwn);
  Catalog& catalog = plane_->catalog();
  TenantObject acme;
  acme.tenant = acme.name = "acme";
  ASSERT_TRUE(catalog.create(acme, 1));
  std::ofstream(key) << "sk-file\n";
  const std::pair<const char*, std::string> made[] = {
      {"data", "env:ACME_TEST_KEY"}, {"header", "file:" + key}, {"whole", "file:" + key}};
  for (const auto& [name, reference] : made) {
    ProviderObject provider;
    provider.tenant = "acme";
    provider.config.name = name;
    provider.config.type = "openai";
    provider.needs_resolving = true;
    const std::string kind = name;
    if (kind == "whole") {
      provider.reference = reference;
    } else {
      provider.data = {{"apikey", Secret(kind == "data" ? reference : "k")},
                       {"base_url", Secret("http://h")}};
      if (kind == "header") provider.config.headers = {{"x-key", Secret(reference)}};
    }
    const auto created = catalog.create(std::move(provider), 1);
    ASSERT_TRUE(created) << created.error().message;
    ModelObject model;
    model.tenant = "acme";
    model.provider_uuid = (*created)->uuid;
    model.config.id = "m";
    model.config.alias = name;
    ASSERT_TRUE(catalog.create(std::move(model), 1));
  }
  std::ofstream(key) << R"({"apikey":"sk-whole","base_url":"http://h"})";
  ASSERT_TRUE(plane_->changes_apply());
  worker_.turn(plane_->link());
  EXPECT_EQ(target_of("acme", "data").provider->credential, "sk-variable");
  EXPECT_THAT(target_of("acme", "header").provider->headers[0].second, HasSubstr("sk-whole"));
  EXPECT_EQ(target_of("acme", "whole").provider->credential, "sk-whole");

  allow_.clear();
  reported().clear();
  reload(kOwn);
  for (const auto& [name, reference] : made) {
    const Target& target = target_of("acme", name);
    EXPECT_EQ(target.adapter, withheld_adapter()) << name;
    EXPECT_EQ(target.provider->credential.find("sk-"), std::string::npos) << name;
    for (const auto& [header, value] : target.provider->headers) {
      EXPECT_EQ(value.find("sk-"), std::string::npos) << name;
    }
    EXPECT_THAT(reported(), testing::Contains("provider \"" + std::string(name) +
                                              "\" is not used: its tenant may not use \"" +
                                              reference + "\": see secrets.allow"));
  }
  EXPECT_THAT(reported(), testing::Not(testing::Contains(HasSubstr("sk-"))));
  unlink(key.c_str());
  unsetenv("ACME_TEST_KEY");
}

// A file that is gone at a start is read when it is there again.
TEST_F(ControlSecretsTest, WaitsForAFileOfAnObjectOfTheApi) {
  start("  - {name: a, type: openai, data: {apikey: k, base_url: \"http://h\"}}\n");
  const std::string key = file_ + ".later";
  std::ofstream(key) << "sk-1\n";
  ProviderObject provider;
  provider.config.name = "late";
  provider.config.type = "openai";
  provider.needs_resolving = true;
  provider.data = {{"apikey", Secret("file:" + key)}, {"base_url", Secret("http://h")}};
  const auto created = plane_->catalog().create(std::move(provider), 1);
  ASSERT_TRUE(created) << created.error().message;
  ModelObject model;
  model.provider_uuid = (*created)->uuid;
  model.config.id = "m";
  model.config.alias = "late";
  ASSERT_TRUE(plane_->catalog().create(std::move(model), 1));
  unlink(key.c_str());
  ASSERT_TRUE(plane_->changes_apply());
  worker_.turn(plane_->link());
  EXPECT_EQ(target_of("default", "late").adapter, withheld_adapter());
  std::ofstream(key) << "sk-2\n";
  const auto used = [&] { return target_of("default", "late").adapter != withheld_adapter(); };
  for (int i = 0; i < 500 && !used(); ++i) {
    plane_->tick(now_ += 10);
    worker_.turn(plane_->link());
    usleep(10'000);
  }
  EXPECT_EQ(target_of("default", "late").provider->credential, "sk-2");
  unlink(key.c_str());
}

}  // namespace
}  // namespace weir
