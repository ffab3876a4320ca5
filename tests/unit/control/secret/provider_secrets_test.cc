// Goal: a tenant refers over the API to nothing but what it was granted, and its Secrets Manager
// gets no token of the operator's unless it is one of IBM's.
#include "control/secret/provider_secrets.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

ProviderConfig provider_of(const char* tenant, const std::string& reference) {
  ProviderConfig provider;
  provider.name = "p";
  provider.tenant = tenant;
  provider.api_key = Secret::referred(reference);
  return provider;
}

TEST(ProviderGrants, HoldOverTheApiOnly) {
  SecretsConfig secrets;
  secrets.grants = {{"acme", "vault:kv/acme/"}, {"acme", ""}};
  const auto refused = [&](const ProviderConfig& provider) {
    return provider_not_granted(secrets, "", provider);
  };
  EXPECT_EQ(refused(provider_of("acme", "vault:kv/acme/openai#k")), "");
  EXPECT_EQ(refused(provider_of("acme", "vault:kv/other#k")), "vault:kv/other#k");
  EXPECT_EQ(refused(provider_of("other", "vault:kv/acme/openai#k")), "vault:kv/acme/openai#k");
  EXPECT_EQ(refused(provider_of(kDefaultTenant, "file:/any")), "");
  ProviderConfig of_file = provider_of("acme", "vault:kv/other#k");
  of_file.path = "providers[0]";
  EXPECT_EQ(refused(of_file), "");
  ProviderConfig whole = provider_of("acme", "");
  whole.data_reference = "env:HOME";
  EXPECT_EQ(refused(whole), "env:HOME");
  ProviderConfig header = provider_of("acme", "");
  header.headers = {{"x-key", Secret::referred("crn:v1:x")}};
  EXPECT_EQ(refused(header), "crn:v1:x");
}

TEST(ProviderGrants, KeepTheTokenFromServersOfOthers) {
  SecretsConfig secrets;
  secrets.secrets_manager.base_url = "http://own:81";
  secrets.grants = {{"acme", "crn:"}};
  const ProviderConfig provider = provider_of("acme", "crn:v1:x");
  const std::string ibm = "https://i.us-south.secrets-manager.appdomain.cloud";
  EXPECT_EQ(provider_not_granted(secrets, ibm, provider), "");
  EXPECT_EQ(provider_not_granted(secrets, "http://own:81", provider), "");
  for (const char* url : {"https://evil.example", "https://secrets-manager.appdomain.cloud.evil.x",
                          "http://i.us-south.secrets-manager.appdomain.cloud",
                          "https://evil.x/.secrets-manager.appdomain.cloud"}) {
    EXPECT_EQ(provider_not_granted(secrets, url, provider), url);
    EXPECT_EQ(provider_not_granted(secrets, url, provider_of(kDefaultTenant, "crn:v1:x")), "");
  }
}

}  // namespace
}  // namespace weir
