// Goal: what another tenant refers to is what it was granted and nothing else, whatever the text
// looks like; and what a GET shows may be sent back.
#include "control/api/provider_body.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "resource_world.h"

namespace weir {
namespace {

class ProviderBody : public test::ResourceTest {
 protected:
  ProviderBody() {
    EXPECT_EQ(mkdir_of(folder_ + "/acme"), 0);
    std::ofstream(folder_ + "/acme/key") << "sk-of-acme-in-a-file\n";
    std::ofstream(folder_ + "/key") << "sk-of-somebody-else\n";
    setenv("ACME_TEST_KEY", "sk-of-acme-in-a-variable", 1);
    secrets.grants = {{"acme", "env:ACME_"}, {"acme", "file:" + folder_ + "/acme/"}};
    for (const char* name : {"acme", "other"}) {
      good("POST", "/v1/tenants", "{\"name\":\"" + std::string(name) + "\"}");
    }
  }
  ~ProviderBody() override {
    unlink((folder_ + "/acme/key").c_str());
    unlink((folder_ + "/key").c_str());
    rmdir((folder_ + "/acme").c_str());
    rmdir(folder_.c_str());
    unsetenv("ACME_TEST_KEY");
  }
  static int mkdir_of(const std::string& path) { return mkdir(path.c_str(), 0700); }
  static std::string made_folder() {
    std::string path = testing::TempDir() + "weir-body-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    return path;
  }
  // With the reference in each of the places that may hold one.
  std::vector<std::string> bodies(const std::string& reference) {
    const std::string text = "\"" + reference + "\"";
    return {R"({"name":"a","data":{"apikey":)" + text + "}}",
            R"({"name":"a","data":{"apikey":"k"},"headers":{"x-key":)" + text + "}}",
            R"({"name":"a","data_reference":{"resource":)" + text + "}}"};
  }
  void expect_each(const std::string& reference, const std::string& answer) {
    const char* params[] = {"data.apikey", "headers.x-key", "data_reference.resource"};
    size_t i = 0;
    for (const std::string& body : bodies(reference)) {
      const std::string param = params[i++];
      const std::string said = bad("POST", "/v1/providers/openai", body);
      if (answer == "good") {
        EXPECT_TRUE(said.starts_with("good: ")) << tenant << " " << body << ": " << said;
        good("DELETE", "/v1/providers/a");
      } else {
        EXPECT_EQ(said, answer + " " + param) << tenant << " " << body;
      }
    }
  }

  std::string folder_ = made_folder();
};

TEST_F(ProviderBody, AGrantReachesAsFarAsItSays) {
  const std::string file = "file:" + folder_;
  struct {
    std::string reference, acme, other, own;
  } cases[] = {
      {"env:ACME_TEST_KEY", "good", "403 access_denied", "good"},
      {"env:HOME", "403 access_denied", "403 access_denied", "good"},
      {file + "/acme/key", "good", "403 access_denied", "good"},
      {file + "/key", "403 access_denied", "403 access_denied", "good"},
      {file + "/acme/../key", "403 access_denied", "403 access_denied", "good"},
      {file + "/acme/./key", "403 access_denied", "403 access_denied", "good"},
      {file + "/acme//key", "403 access_denied", "403 access_denied", "good"},
      {file + "/acme/none", "400 invalid_request_error", "403 access_denied",
       "400 invalid_request_error"},
      {"env:ACME_NONE", "400 invalid_request_error", "403 access_denied",
       "400 invalid_request_error"},
      {"vault:kv/acme#k", "403 access_denied", "403 access_denied", "good"},
  };
  for (const auto& c : cases) {
    tenant = "acme";
    expect_each(c.reference, c.acme);
    tenant = "other";
    expect_each(c.reference, c.other);
    tenant = kDefaultTenant;
    expect_each(c.reference, c.own);
  }
}

TEST_F(ProviderBody, NothingIsReadForWhoMayNotRefer) {
  tenant = "other";
  const auto said = [&](const std::string& reference) {
    return ask("POST", "/v1/providers/openai", bodies(reference)[1]).error_message;
  };
  std::string there = said("file:" + folder_ + "/key");
  const std::string not_there = said("file:" + folder_ + "/nay");
  there.replace(there.find("/key"), 4, "/nay");
  EXPECT_EQ(there, not_there) << "whether a file is there is told to nobody";
}

TEST_F(ProviderBody, FilesAndCopiesAreTheOperators) {
  tenant = "acme";
  EXPECT_EQ(bad("POST", "/v1/providers/openai",
                R"({"name":"a","data":{"apikey":"k"},"tls":{"ca_file":")" + folder_ +
                    R"(/acme/key"}})"),
            "403 access_denied tls.ca_file");
  EXPECT_EQ(bad("POST", "/v1/providers/openai",
                R"({"name":"a","data":{"apikey":"k"},"proxy":"env:ACME_TEST_KEY"})"),
            "403 access_denied proxy");
}

TEST_F(ProviderBody, ReferencesAreKeptAsTheyWereSent) {
  tenant = "acme";
  const std::string reference = "file:" + folder_ + "/acme/key";
  good("POST", "/v1/providers/openai", bodies(reference)[1]);
  const ProviderObject* kept = catalog.provider("acme", "a");
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->config.headers[0].second.reveal(), reference);
  EXPECT_TRUE(kept->needs_resolving);
  EXPECT_TRUE(has(good("GET", "/v1/providers/a"), "\"headers\":{\"x-key\":\"" + reference));
}

TEST_F(ProviderBody, MaskedValuesMeanTheOldOnes) {
  const std::string first =
      R"({"name":"a","data":{"apikey":"k"},"headers":{"X-Key":"a-long-header-value"},)"
      R"("proxy":"http://me:planted-password@proxy:3128"})";
  good("POST", "/v1/providers/openai", first);
  const std::string shown = good("GET", "/v1/providers/a");
  EXPECT_TRUE(has(shown, R"("headers":{"X-Key":"****alue"})")) << shown;
  EXPECT_TRUE(has(shown, R"("proxy":"http://****@proxy:3128")")) << shown;
  const auto put = [&](const std::string& rest) {
    return bad("PUT", "/v1/providers/a/openai", R"({"name":"a","data":{"apikey":"k"},)" + rest);
  };
  EXPECT_TRUE(put(R"("headers":{"X-Key":"****alue"},"proxy":"http://****@proxy:3128"})")
                  .starts_with("good"));
  const ProviderConfig& kept = catalog.provider(kDefaultTenant, "a")->config;
  EXPECT_EQ(kept.headers[0].second.reveal(), "a-long-header-value");
  EXPECT_EQ(kept.proxy.authorization.reveal(), "Basic bWU6cGxhbnRlZC1wYXNzd29yZA==");
  EXPECT_EQ(put(R"("headers":{"X-Other":"****alue"}})"),
            "400 invalid_request_error headers.X-Other");
  EXPECT_EQ(put(R"("proxy":"http://****@evil:3128"})"), "400 invalid_request_error proxy");
  EXPECT_TRUE(put(R"("proxy":"http://proxy:3128"})").starts_with("good"));
  EXPECT_FALSE(catalog.provider(kDefaultTenant, "a")->config.proxy.authorization.given());
}

}  // namespace
}  // namespace weir
