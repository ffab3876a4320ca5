// Goal: providers do and answer what docs/management-api.md says, and name what is wrong.
#include <gtest/gtest.h>

#include "resource_world.h"

namespace weir {
namespace {

using test::Bad;
using Providers = test::ResourceTest;

TEST_F(Providers, AProviderLives) {
  const std::string made = good("POST", "/ml/gateway/v1/providers/openai",
                                R"({"name":"my-openai","data":{"apikey":"sk-planted-secret"}})");
  const std::string uuid = member(made, "uuid");
  EXPECT_EQ(made, "{\"uuid\":\"" + uuid + "\",\"id\":\"" + uuid +
                      "\",\"name\":\"my-openai\",\"type\":\"openai\"}");
  const std::string shown = good("GET", "/v1/providers/" + uuid);
  EXPECT_TRUE(has(shown, R"("data":{"apikey":"****cret"})")) << shown;
  EXPECT_TRUE(has(shown, R"("managed_by":"api")"));
  EXPECT_TRUE(has(shown, R"("models":[])"));
  EXPECT_EQ(good("GET", "/v1/providers/my-openai"), shown);
  EXPECT_EQ(good("GET", "/v1/providers"), R"({"object":"list","data":[)" + shown + "]}");
  EXPECT_EQ(good("GET", "/v1/providers?name=other"), R"({"object":"list","data":[]})");
  EXPECT_EQ(count(good("GET", "/v1/providers?version=2025-02-11&name=my-openai"), uuid), 2u);
  good("PUT", "/v1/providers/" + uuid + "/openai",
       R"({"name":"renamed","data":{"apikey":"k2"}})");
  EXPECT_TRUE(has(good("GET", "/v1/providers/renamed"), R"("apikey":"****")"));
  EXPECT_EQ(bad("GET", "/v1/providers/my-openai"), "404 provider_not_found");
  EXPECT_EQ(ask("DELETE", "/v1/providers/" + uuid).status, 204);
  EXPECT_EQ(bad("DELETE", "/v1/providers/" + uuid), "404 provider_not_found");
}

TEST_F(Providers, CredentialFieldsHaveManySpellings) {
  for (const char* key : {"apikey", "apiKey", "api_key", "API-KEY"}) {
    good("POST", "/v1/providers/openai",
         "{\"name\":\"x\",\"data\":{\"" + std::string(key) +
             R"(":"0123456789ab","baseURL":"http://h/v1"},"description":"d"})");
    const std::string shown = good("GET", "/v1/providers/x");
    EXPECT_TRUE(has(shown, R"("data":{"apikey":"****89ab","base_url":"http://h/v1"})")) << shown;
    good("DELETE", "/v1/providers/x");
  }
}

TEST_F(Providers, WhatIsNotKnownInDataIsKeptAndMasked) {
  good("POST", "/v1/providers/openai",
       R"({"name":"x","data":{"apikey":"k","keep_alive":"a-long-value"}})");
  EXPECT_TRUE(has(good("GET", "/v1/providers/x"), R"("keep_alive":"****alue")"));
}

TEST_F(Providers, BadProvidersNameTheField) {
  provider("taken");
  const Bad cases[] = {
      {"", "400 invalid_request_error"},
      {"[]", "400 invalid_request_error"},
      {"{", "400 invalid_request_error"},
      {R"({"name":"a","name":"b","data":{"apikey":"k"}})", "400 invalid_request_error name"},
      {R"({"data":{"apikey":"k"}})", "400 invalid_request_error name"},
      {R"({"name":null,"data":{"apikey":"k"}})", "400 invalid_request_error name"},
      {R"({"name":7.5,"data":{"apikey":"k"}})", "400 invalid_request_error name"},
      {R"({"name":["a"],"data":{"apikey":"k"}})", "400 invalid_request_error name"},
      {R"({"name":"a_b","data":{"apikey":"k"}})", "400 invalid_request_error name"},
      {R"({"name":"a  b","data":{"apikey":"k"}})", "400 invalid_request_error name"},
      {R"({"name":" a","data":{"apikey":"k"}})", "400 invalid_request_error name"},
      {R"({"name":"a/b","data":{"apikey":"k"}})", "400 invalid_request_error name"},
      {R"({"name":"a"})", "400 invalid_request_error data"},
      {R"({"name":"a","data":{},"data_reference":{"resource":"env:X"}})",
       "400 invalid_request_error data_reference"},
      {R"({"name":"a","data":"k"})", "400 invalid_request_error data"},
      {R"({"name":"a","data":{"apikey":["k"]}})", "400 invalid_request_error data.apikey"},
      {R"({"name":"a","data":{"apikey":"k\n"}})", "400 invalid_request_error data.apikey"},
      {R"({"name":"a","data":{"apikey":"k","apiKey":"l"}})",
       "400 invalid_request_error data.apiKey"},
      {R"({"name":"a","data":{"apikey":"****cret"}})", "400 invalid_request_error data.apikey"},
      {R"({"name":"a","data":{"apikey":"k","base_url":"ftp://h"}})",
       "400 invalid_request_error data.base_url"},
      {R"({"name":"a","data":{"apikey":"k","base_url":"http://169.254.169.254/"}})",
       "400 invalid_request_error data.base_url"},
      {R"({"name":"a","data_reference":{"resource":"secret"}})",
       "400 invalid_request_error data_reference.resource"},
      {R"({"name":"a","data":{"apikey":"k"},"max_conections":3})",
       "400 invalid_request_error max_conections"},
      {R"({"name":"a","data":{"apikey":"k"},"max_connections":"3"})",
       "400 invalid_request_error max_connections"},
      {R"({"name":"a","data":{"apikey":"k"},"timeouts":{"head":"soon"}})",
       "400 invalid_request_error timeouts.head"},
      {R"({"name":"a","data":{"apikey":"k"},"type":"bedrock"})", "400 invalid_request_error type"},
      {R"({"name":"a","data":{"apikey":"k"},"tenant":"acme"})",
       "400 invalid_request_error tenant"},
      {R"({"name":"taken","data":{"apikey":"k"}})", "409 conflict"},
  };
  expect_bad("POST", "/v1/providers/openai", cases);
  EXPECT_EQ(bad("POST", "/v1/providers/openia", R"({"name":"a","data":{"apikey":"k"}})"),
            "400 invalid_request_error type");
  EXPECT_EQ(bad("PUT", "/v1/providers/taken/loopback", R"({"name":"a","data":{"apikey":"k"}})"),
            "400 invalid_request_error");
}

TEST_F(Providers, SettingsAreTheFilesAndStay) {
  good("POST", "/v1/providers/openai",
       R"({"name":"x","data":{"apikey":"k"},"timeouts":{"head":"30s"},"max_connections":8,)"
       R"("auth_errors":"passthrough","strict_params":true,"headers":{"X-Team":"lakes"},)"
       R"("options":{"deployments":{"a":"b"}},"proxy":"http://proxy:3128"})");
  const std::string settings =
      R"("timeouts":{"connect":"5s","head":"30s","idle":"120s","total":"0s"},"max_connections":8,)"
      R"("max_waiting":1024,"auth_errors":"passthrough","strict_params":true,)"
      R"("headers":{"X-Team":"****"},"options":{"deployments.a":"b"},"proxy":"http://proxy:3128"})";
  EXPECT_TRUE(has(good("GET", "/v1/providers/x"), settings)) << good("GET", "/v1/providers/x");
  // A client that knows nothing of them changes the rest.
  good("PUT", "/v1/providers/x/openai", R"({"name":"x","data":{"apikey":"long-enough-key"}})");
  EXPECT_TRUE(has(good("GET", "/v1/providers/x"), settings));
  // What was shown masked may come back.
  good("PUT", "/v1/providers/x/openai", R"({"name":"y","data":{"apikey":"****-key"}})");
  EXPECT_EQ(catalog.provider("default", "y")->data[0].second.reveal(), "long-enough-key");
}

}  // namespace
}  // namespace weir
