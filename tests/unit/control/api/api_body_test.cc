// Goal: the answer of a GET is a body for a PUT of the same object, for every resource, and changes
// nothing.
// Method: each route with PUT must have a case here, with an object in which every field is set.
#include <gtest/gtest.h>

#include <set>

#include "resource_world.h"

namespace weir {
namespace {

struct RoundTrip {
  std::string pattern;  // of the route
  std::string path;     // of this object
  std::string get;      // where it is shown; empty: at `path`
  std::vector<std::string> shown;  // some of what has to be there, so that it is worth a test
};

class RoundTrips : public test::ResourceTest {
 protected:
  RoundTrips() {
    good("POST", "/v1/tenant",
         R"({"name":"lakes","secrets_manager":"https://secrets.example.com"})");
    good("POST", "/v1/providers/openai", std::string(kProvider));
    good("POST", "/v1/providers/openai",
         R"({"name":"referred","data_reference":{"resource":"vault:kv/openai"}})");
    const std::string body =
        R"({"id":"gpt","alias":"chat","environment":"sandbox","weight":3,"priority":1,)"
        R"("metadata":{"cost":0.02,"weight":4,"nested":{"a":[1,true]}}})";
    model_ = member(good("POST", "/v1/providers/full/models", body), "uuid");
    const std::string balancer =
        R"({"name":"lb","alias":"chat","environment":"sandbox","algorithm":"quota_priority",)"
        R"("suspend_duration":"20s","max_attempts":2,"backends":[{"model_uuid":")" + model_ +
        R"(","weight":2,"priority":5}]})";
    balancer_ = member(good("POST", "/v1/load-balancers", balancer), "uuid");
    const std::string key = member(good("POST", "/v1/keys", R"({"name":"app"})"), "uuid");
    const std::string bucket = R"({"amount":10,"capacity":20,"duration":"1m30s"})";
    const std::vector<std::string> subjects = {
        R"("tenant")", R"("provider","provider":"full")",
        R"("model","model_uuid":")" + model_ + "\"", R"("model","model":"chat")",
        R"("key","key_uuid":")" + key + "\""};
    for (const std::string& subject : subjects) {
      limits_.push_back(member(good("POST", "/v1/rate-limits",
                                    "{\"type\":" + subject + ",\"request\":" + bucket +
                                        ",\"token\":" + bucket + "}"),
                               "uuid"));
    }
  }
  void expect_unchanged(const RoundTrip& one) {
    const std::string at = one.get.empty() ? one.path : one.get;
    const std::string before = good("GET", at);
    for (const std::string& text : one.shown) EXPECT_TRUE(has(before, text)) << text << before;
    const ManagementCall put = ask("PUT", one.path, before);
    EXPECT_FALSE(put.has_error) << one.path << ": " << put.error_message << "\n" << before;
    EXPECT_EQ(good("GET", at), before) << one.path;
  }

  static constexpr std::string_view kProvider =
      R"({"name":"full","data":{"apikey":"sk-planted-secret","base_url":"http://h/v1","other":"x"},)"
      R"("timeouts":{"connect":"1s","head":"0s","idle":"3s","total":"4s"},"max_connections":8,)"
      R"("max_waiting":9,"auth_errors":"passthrough","strict_params":true,)"
      R"("headers":{"X-Team":"lakes-and-rivers","X-Ref":"env:HOME"},)"
      R"("options":{"deployments":{"a":"b"},"flag":true},"proxy":"http://u:p@[::1]:3128",)"
      R"("tls":{"ca_pem":"-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"}})";
  std::string model_, balancer_;
  std::vector<std::string> limits_;
};

TEST_F(RoundTrips, WhatIsShownMayBeSentBack) {
  std::vector<RoundTrip> cases = {
      {"/v1/tenant", "/v1/tenant", "", {"remote_credential_store", "stable_name"}},
      {"/v1/providers/{provider}/{type}", "/v1/providers/full/openai", "/v1/providers/full",
       {R"("tls":{"ca_pem":"-----BEGIN)", R"("X-Team":"****vers")", R"("models":[{)",
        R"("proxy":"http://****@[::1]:3128")"}},
      {"/v1/providers/{provider}/{type}", "/v1/providers/referred/openai",
       "/v1/providers/referred", {"data_reference"}},
      {"/v1/providers/{provider}/models/{model*}", "/v1/providers/full/models/" + model_, "",
       {R"("id":"chat")", R"("provider_model_id":"gpt")", "metadata", R"("weight":3)"}},
      {"/v1/load-balancers/{load_balancer*}", "/v1/load-balancers/" + balancer_, "",
       {R"("model":"full/gpt")", "updated_at"}},
  };
  for (const std::string& limit : limits_) {
    cases.push_back({"/v1/rate-limits/{rate_limit}", "/v1/rate-limits/" + limit, "", {"token"}});
  }
  std::set<std::string_view> seen;
  for (const RoundTrip& one : cases) {
    expect_unchanged(one);
    seen.insert(one.pattern);
  }
  for (const ApiRoute& route : api_routes()) {
    if (route.method != "PUT") continue;
    EXPECT_TRUE(seen.contains(route.path)) << "no case for PUT " << route.path;
  }
  EXPECT_EQ(catalog.provider("default", "full")->data[0].second.reveal(), "sk-planted-secret");
}

// Policies never change: making the one that is shown is making nothing, and it may be deleted so.
TEST_F(RoundTrips, APolicyIsMadeAgainAndDeletedByItsAnswer) {
  const std::string made =
      good("POST", "/v1/policies",
           R"({"action":"read","effect":"deny","resource":"model:chat","subject":"group:g"})");
  EXPECT_EQ(good("POST", "/v1/policies", made), made);
  EXPECT_EQ(ask("DELETE", "/v1/policies", made).status, 204);
}

TEST_F(RoundTrips, AModelIsChangedInItsAnswer) {
  const std::string at = "/v1/providers/full/models/" + model_;
  std::string body = good("GET", at);
  const auto replace = [&body](std::string_view from, std::string_view to) {
    body.replace(body.find(from), from.size(), to);
  };
  replace(R"("alias":"chat")", R"("alias":"talk")");
  EXPECT_TRUE(has(good("PUT", at, body), R"("id":"talk","alias":"talk")"));
  EXPECT_EQ(catalog.list<ModelObject>("default")[0]->config.id, "gpt");
  replace(R"("provider_model_id":"gpt")", R"("provider_model_id":"gpt-5")");
  replace(R"("id":"chat")", R"("id":"talk")");
  good("PUT", at, body);
  EXPECT_EQ(catalog.list<ModelObject>("default")[0]->config.id, "gpt-5");
  replace(R"("id":"talk")", R"("id":"else")");
  EXPECT_EQ(bad("PUT", at, body), "400 invalid_request_error id");
}

TEST_F(RoundTrips, AnotherPlaceForSecretsIsNotPassedOver) {
  EXPECT_EQ(bad("PUT", "/v1/tenant",
                R"({"name":"x","remote_credential_store":{"ibm_cloud_secret_manager":{}}})"),
            "400 invalid_request_error remote_credential_store");
}

}  // namespace
}  // namespace weir
