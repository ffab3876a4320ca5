// Goal: each resource does and answers what docs/management-api.md says, and names what is wrong.
#include <gtest/gtest.h>

#include "control/digest.h"
#include "control/object_ids.h"
#include "resource_world.h"

namespace weir {
namespace {

using test::Bad;
using Resources = test::ResourceTest;

TEST_F(Resources, AModelLives) {
  const std::string p = provider();
  const std::string made = good(
      "POST", "/v1/providers/" + p + "/models",
      R"({"id":"gpt-4o","alias":"openai/gpt-4o","metadata":{"cost":0.02,"model_family":"gpt-4",)"
      R"("weight":3,"nested":{"a":[1,true]}}})");
  const std::string uuid = member(made, "uuid");
  EXPECT_EQ(made, R"({"object":"model","uuid":")" + uuid +
                      R"(","id":"openai/gpt-4o","alias":"openai/gpt-4o","created":1800000000,)"
                      R"("owned_by":"openai:p","provider_model_id":"gpt-4o","provider_uuid":")" +
                      p +
                      R"(","environment":"production","metadata":{"cost":0.02,"model_family":)"
                      R"("gpt-4","weight":3,"nested":{"a":[1,true]}},"weight":3,)"
                      R"("managed_by":"api","status":"active"})");
  const std::string at = "/v1/providers/p/models/" + uuid;
  EXPECT_EQ(good("GET", at), made);
  EXPECT_EQ(good("GET", "/v1/providers/p/models"), R"({"object":"list","data":[)" + made + "]}");
  // PATCH changes what it names.
  const std::string changed = good("PATCH", at, R"({"alias":"chat"})");
  EXPECT_TRUE(has(changed, R"("id":"chat","alias":"chat")"));
  EXPECT_TRUE(has(changed, R"("weight":3)"));
  EXPECT_FALSE(has(good("PATCH", at, R"({"metadata":{"cost":1}})"), R"("weight":3)"));
  // PUT leaves only what it names.
  const std::string replaced = good("PUT", at, R"({"id":"gpt-4o-mini"})");
  EXPECT_TRUE(has(replaced, R"("id":"gpt-4o-mini","created")")) << replaced;
  EXPECT_EQ(ask("DELETE", "/ml/gateway/v1/models/" + uuid).status, 204);
  EXPECT_EQ(bad("GET", at), "404 model_not_found");
}

TEST_F(Resources, ModelsShareAliasesAndProvidersTakeThemAlong) {
  const std::string p = provider("p"), q = provider("q");
  model(p, "m", "chat");
  model(q, "m", "chat");
  model(p, "m", "other");
  model(p, "m");
  const Bad cases[] = {
      {R"({"id":"m","alias":"chat"})", "409 conflict"},
      {R"({"id":"m"})", "409 conflict"},
      {R"({"alias":"chat"})", "400 invalid_request_error id"},
      {R"({"id":"","alias":"chat"})", "400 invalid_request_error id"},
      {R"({"id":"x","weight":0})", "400 invalid_request_error weight"},
      {R"({"id":"x","metadata":{"weight":"many"}})", "400 invalid_request_error metadata.weight"},
      {R"({"id":"x","metadata":{"cost":-1}})", "400 invalid_request_error metadata.cost"},
      {R"({"id":"x","metadata":7})", "400 invalid_request_error metadata"},
      {R"({"id":"x","environment":"test"})", "400 invalid_request_error environment"},
      {R"({"id":"x","provider":"q"})", "400 invalid_request_error provider"},
  };
  expect_bad("POST", "/v1/providers/p/models", cases);
  EXPECT_EQ(bad("POST", "/v1/providers/nobody/models", R"({"id":"m"})"),
            "404 provider_not_found");
  model(p, "x");
  EXPECT_EQ(bad("DELETE", "/v1/models/chat"), "409 conflict");
  EXPECT_EQ(ask("DELETE", "/v1/models/x").status, 204);
  EXPECT_EQ(count(good("GET", "/v1/providers/p"), R"("object":"model")"), 3u);
  good("DELETE", "/v1/providers/p");
  EXPECT_EQ(catalog.list<ModelObject>("default").size(), 1u);
}

TEST_F(Resources, ALoadBalancerLives) {
  const std::string p = provider();
  const std::string a = model(p, "a", "chat"), b = model(p, "b");
  const std::string made = good(
      "POST", "/v1/load-balancers",
      R"({"name":"mine","alias":"chat","algorithm":"quota_priority","suspend_duration":"30s",)"
      R"("backends":[{"model_uuid":")" + a + R"(","weight":2},{"model":"p/b","priority":1}]})");
  const std::string uuid = member(made, "uuid");
  EXPECT_TRUE(has(made, R"("algorithm":"quota_priority","suspend_duration":"30s","max_attempts":3,)"
                        R"("backends":[{"model_uuid":")" + a + R"(","model":"p/a","weight":2},)"
                        R"({"model_uuid":")" + b + R"(","model":"p/b","priority":1}])")) << made;
  EXPECT_EQ(good("GET", "/v1/load-balancers/" + uuid), made);
  EXPECT_EQ(good("GET", "/v1/load-balancers/chat"), made);
  for (const char* algorithm : {"round_robin", "weighted_round_robin", "least_connections"}) {
    EXPECT_EQ(member(good("PUT", "/v1/load-balancers/" + uuid,
                          R"({"alias":"chat","algorithm":")" + std::string(algorithm) + "\"}"),
                     "algorithm"),
              algorithm);
  }
  const Bad cases[] = {
      {R"({"alias":"chat"})", "409 conflict"},
      {R"({"algorithm":"round_robin"})", "400 invalid_request_error alias"},
      {R"({"alias":"x","algorithm":"best"})", "400 invalid_request_error algorithm"},
      {R"({"alias":"x"})", "400 invalid_request_error alias"},
      {R"({"alias":"x","backends":[{"model_uuid":"nobody"}]})",
       "404 model_not_found backends[0].model_uuid"},
      {R"({"alias":"x","backends":[{"weight":1}]})", "400 invalid_request_error backends[0].model"},
      {R"({"alias":"x","backends":[{"model":"p/a","model_id":"p/a"}]})",
       "400 invalid_request_error model_id"},
      {R"({"alias":"x","backends":[{"model":"p/a","weight":0}]})",
       "400 invalid_request_error backends[0].weight"},
      {R"({"alias":"x","backends":[{"model":"p/a"},{"model":"p/a"}]})",
       "400 invalid_request_error backends[1].model_uuid"},
      {R"({"alias":"x","suspend_duration":"soon"})", "400 invalid_request_error suspend_duration"},
  };
  expect_bad("POST", "/v1/load-balancers", cases);
  EXPECT_EQ(ask("DELETE", "/v1/load-balancers/" + uuid).status, 204);
  EXPECT_EQ(bad("DELETE", "/v1/load-balancers/" + uuid), "404 load_balancer_not_found");
}

TEST_F(Resources, RateLimitsTakeEverySpelling) {
  const std::string p = provider();
  const std::string m = model(p, "m", "chat");
  constexpr char kBucket[] = R"("request":{"amount":10,"capacity":100,"duration":"1m"}})";
  for (const char* field : {"provider_uuid", "providerId", "provider_id", "provider"}) {
    const std::string made =
        good("POST", "/v1/rate-limits",
             R"({"type":"provider",")" + std::string(field) + "\":\"" + p + "\"," + kBucket);
    const std::string uuid = member(made, "uuid");
    EXPECT_EQ(made.substr(0, made.find(",\"created_at\"")),
              R"({"uuid":")" + uuid +
                  R"(","type":"provider","request":{"amount":10,"capacity":100,"duration":"1m"},)"
                  R"("provider_uuid":")" + p + "\"");
    good("DELETE", "/v1/rate-limits/" + uuid);
  }
  for (const char* field : {"model_uuid", "modelId", "model_id", "model"}) {
    const std::string made =
        good("POST", "/v1/rate-limits",
             R"({"type":"model",")" + std::string(field) + "\":\"" + m + "\"," + kBucket);
    EXPECT_EQ(member(made, "model_uuid"), m);
    good("DELETE", "/v1/rate-limits/" + member(made, "uuid"));
  }
  EXPECT_TRUE(has(good("POST", "/v1/rate-limits",
                       R"({"type":"model","model":"chat",)" + std::string(kBucket)),
                  R"("alias":"chat")"));
  const std::string tenant_limit =
      good("POST", "/v1/rate-limits",
           R"({"type":"tenant","token":{"amount":1,"capacity":2,"duration":"1d"}})");
  EXPECT_TRUE(has(tenant_limit, R"("token":{"amount":1,"capacity":2,"duration":"24h"})"));
  EXPECT_FALSE(has(tenant_limit, "request"));
  EXPECT_EQ(count(good("GET", "/v1/rate-limits"), "\"uuid\""), 2u);
  EXPECT_EQ(good("GET", "/v1/rate-limits/" + member(tenant_limit, "uuid")), tenant_limit);
}

TEST_F(Resources, BadRateLimitsNameTheField) {
  const std::string p = provider();
  constexpr char kBucket[] = R"("request":{"amount":1,"capacity":1,"duration":"1s"}})";
  good("POST", "/v1/rate-limits", R"({"type":"provider","provider":"p",)" + std::string(kBucket));
  const std::string same = R"({"type":"provider","providerId":")" + p + "\"," + kBucket;
  const std::string nobody = R"({"type":"model","modelId":"nobody",)" + std::string(kBucket);
  const std::string none = R"({"type":"provider",)" + std::string(kBucket);
  const std::string wrong = R"({"type":"tenant","provider_uuid":"p",)" + std::string(kBucket);
  const std::string unknown = R"({"type":"user",)" + std::string(kBucket);
  const Bad cases[] = {
      {same, "409 conflict"},
      {nobody, "404 model_not_found model_uuid"},
      {none, "400 invalid_request_error provider"},
      {wrong, "400 invalid_request_error provider"},
      {unknown, "400 invalid_request_error type"},
      {R"({"type":"tenant"})", "400 invalid_request_error"},
      {R"({"type":"tenant","request":{"amount":1,"capacity":1}})",
       "400 invalid_request_error request.duration"},
      {R"({"type":"tenant","request":{"amount":1,"capacity":1,"duration":"0s"}})",
       "400 invalid_request_error request.duration"},
      {R"({"type":"tenant","request":{"amount":1,"capacity":1,"duration":"1 minute"}})",
       "400 invalid_request_error request.duration"},
      {R"({"type":"tenant","request":{"amount":-1,"capacity":1,"duration":"1s"}})",
       "400 invalid_request_error request.amount"},
      {R"({"type":"tenant","request":{"amount":1.5,"capacity":1,"duration":"1s"}})",
       "400 invalid_request_error request.amount"},
      {R"({"type":"tenant","request":{"amount":0,"capacity":0,"duration":"1s"}})",
       "400 invalid_request_error request"},
  };
  expect_bad("POST", "/v1/rate-limits", cases);
}

// One client sends its own placeholder where the id belongs; what the limit is for says which.
TEST_F(Resources, ALimitIsFoundByWhatItLimits) {
  const std::string p = provider();
  const std::string m = model(p, "m", "chat");
  constexpr char kAt[] = "/ml/gateway/v1/rate-limits/%7Brate_limit_id%7D";
  constexpr char kBucket[] = R"("request":{"amount":1,"capacity":1,"duration":"1s"}})";
  const std::string for_model = R"({"type":"model","model_uuid":")" + m + "\"," + kBucket;
  EXPECT_EQ(bad("PUT", kAt, for_model), "404 rate_limit_not_found");
  const std::string uuid = member(good("POST", "/v1/rate-limits", for_model), "uuid");
  good("POST", "/v1/rate-limits", R"({"type":"tenant",)" + std::string(kBucket));
  const std::string changed =
      good("PUT", kAt,
           R"({"type":"model","model_uuid":")" + m +
               R"(","token":{"amount":5,"capacity":6,"duration":"1h30m"}})");
  EXPECT_EQ(member(changed, "uuid"), uuid);
  EXPECT_TRUE(has(changed, R"("token":{"amount":5,"capacity":6,"duration":"90m"})")) << changed;
  EXPECT_FALSE(has(changed, "\"request\""));
  EXPECT_EQ(bad("PUT", "/v1/rate-limits/" + uuid, R"({"type":"tenant",)" + std::string(kBucket)),
            "400 invalid_request_error type");
}

TEST_F(Resources, APolicyLives) {
  const std::string p = provider();
  const std::string m = model(p, "m", "chat");
  const std::string body = R"({"action":"read","effect":"deny","resource":"model:)" + m +
                           R"(","subject":"AccessGroupId-1"})";
  const ManagementCall made = ask("POST", "/v1/policies", body);
  EXPECT_EQ(made.status, 201);
  const std::string uuid = member(made.reply, "uuid");
  EXPECT_EQ(made.reply, R"({"uuid":")" + uuid + R"(","action":"read","effect":"deny",)"
                        R"("resource":"model:)" + m + R"(","subject":"AccessGroupId-1",)"
                        R"("created":1800000000,"managed_by":"api"})");
  EXPECT_EQ(member(good("POST", "/v1/policies", body), "uuid"), uuid);  // the same again
  EXPECT_EQ(member(good("POST", "/v1/policies",
                        R"({"action":"read","resource":"*","subject":"*"})"), "effect"), "allow");
  EXPECT_EQ(count(good("GET", "/v1/policies"), "\"uuid\""), 2u);
  EXPECT_EQ(ask("DELETE", "/v1/policies", body).status, 204);
  EXPECT_EQ(bad("DELETE", "/v1/policies", body), "404 policy_not_found");
  EXPECT_EQ(bad("DELETE", "/v1/policies/" + uuid), "404 policy_not_found");
  const Bad cases[] = {
      {R"({"action":"use","resource":"*","subject":"*"})", "400 invalid_request_error action"},
      {R"({"action":"read","effect":"maybe","resource":"*","subject":"*"})",
       "400 invalid_request_error effect"},
      {R"({"action":"read","resource":"table:x","subject":"*"})",
       "400 invalid_request_error resource"},
      {R"({"action":"read","subject":"*"})", "400 invalid_request_error resource"},
      {R"({"action":"read","resource":"*"})", "400 invalid_request_error subject"},
  };
  expect_bad("POST", "/v1/policies", cases);
}

TEST_F(Resources, AKeyLives) {
  const ManagementCall made = ask(
      "POST", "/v1/keys",
      R"({"name":"app","groups":["research"],"models":["chat"],"expires_at":1900000000,)"
      R"("limits":{"request":{"amount":1,"capacity":2,"duration":"1s"}}})");
  ASSERT_EQ(made.status, 201) << made.error_message;
  const std::string value = member(made.reply, "key"), uuid = member(made.reply, "uuid");
  EXPECT_EQ(value.size(), 45u);
  EXPECT_EQ(value.find('.'), std::string::npos);
  EXPECT_TRUE(has(made.reply, R"("role":"user","environment":"production","groups":["research"],)"
                              R"("models":["chat"])"));
  EXPECT_TRUE(has(made.reply, R"("expires_at":1900000000)"));
  EXPECT_TRUE(has(made.reply, R"("limits":{"request":{"amount":1,"capacity":2,"duration":"1s"}})"));
  const KeyObject* key = catalog.key("default", "app");
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(digest_from_hex(key->config.sha256), sha256_digest(value));
  EXPECT_TRUE(value.starts_with(key->prefix));
  const std::string shown = good("GET", "/v1/keys/" + uuid);
  EXPECT_FALSE(has(shown, value));
  EXPECT_FALSE(has(shown, key->config.sha256));
  EXPECT_EQ(good("GET", "/v1/keys"), R"({"object":"list","data":[)" + shown + "]}");
  // Its limit goes with it.
  EXPECT_EQ(catalog.list<LimitObject>("default").size(), 1u);
  EXPECT_EQ(ask("DELETE", "/v1/keys/" + uuid).status, 204);
  EXPECT_EQ(catalog.list<LimitObject>("default").size(), 0u);
  EXPECT_EQ(bad("DELETE", "/v1/keys/" + uuid), "404 key_not_found");
}

TEST_F(Resources, BadKeysNameTheField) {
  good("POST", "/v1/keys", R"({"name":"taken","role":"admin"})");
  const Bad cases[] = {
      {R"({})", "400 invalid_request_error name"},
      {R"({"name":"taken"})", "409 conflict"},
      {R"({"name":"a","role":"root"})", "400 invalid_request_error role"},
      {R"({"name":"a","key":"my-own"})", "400 invalid_request_error key"},
      {R"({"name":"a","sha256":"00"})", "400 invalid_request_error sha256"},
      {R"({"name":"a","models":[]})", "400 invalid_request_error models"},
      {R"({"name":"a","models":"chat"})", "400 invalid_request_error models"},
      {R"({"name":"a","expires_at":1700000000})", "400 invalid_request_error expires_at"},
      {R"({"name":"a","expires_at":"soon"})", "400 invalid_request_error expires_at"},
      {R"({"name":"a","limits":{}})", "400 invalid_request_error limits"},
      {R"({"name":"a","limits":{"type":"tenant"}})", "400 invalid_request_error limits"},
      {R"({"name":"a","limits":{"token":{"amount":1}}})",
       "400 invalid_request_error limits.token.capacity"},
  };
  expect_bad("POST", "/v1/keys", cases);
  EXPECT_EQ(catalog.list<KeyObject>("default").size(), 1u);
}

TEST_F(Resources, ARotatedKeyKeepsItsIdAndItsOldValueForAWhile) {
  const std::string first = member(good("POST", "/v1/keys", R"({"name":"app"})"), "key");
  const std::string uuid = catalog.key("default", "app")->uuid;
  const std::string answer = good("POST", "/v1/keys/app/rotate", R"({"overlap":"1h"})");
  const std::string second = member(answer, "key");
  EXPECT_NE(second, first);
  EXPECT_EQ(member(answer, "uuid"), uuid);
  EXPECT_TRUE(has(answer, R"("previous_key_expires_at":1800003600)"));
  const KeyConfig& config = catalog.key("default", "app")->config;
  EXPECT_EQ(digest_from_hex(config.sha256), sha256_digest(second));
  EXPECT_EQ(digest_from_hex(config.previous_sha256), sha256_digest(first));
  EXPECT_TRUE(has(good("POST", "/v1/keys/app/rotate"), R"("previous_key_expires_at":1800086400)"));
  EXPECT_FALSE(has(good("POST", "/v1/keys/app/rotate", R"({"overlap":"0s"})"), "previous"));
  const Bad cases[] = {{R"({"overlap":"1y"})", "400 invalid_request_error overlap"},
                       {R"({"overlap":"100d"})", "400 invalid_request_error overlap"},
                       {R"({"over":"1h"})", "400 invalid_request_error over"}};
  expect_bad("POST", "/v1/keys/app/rotate", cases);
  EXPECT_EQ(bad("POST", "/v1/keys/nobody/rotate"), "404 key_not_found");
}

TEST_F(Resources, TenantsAreApart) {  // the clock stands
  EXPECT_EQ(ask("POST", "/v1/tenant",
                R"({"name":"Lakes","secretsManager":"https://secrets.example"})").status, 201);
  EXPECT_EQ(ask("POST", "/v1/tenant", R"({"name":"Lakes"})").status, 200);
  const std::string own = good("GET", "/v1/tenant");
  EXPECT_TRUE(has(own, R"("name":"Lakes")"));
  EXPECT_TRUE(has(own, R"("base_url":"https://secrets.example")"));
  EXPECT_EQ(member(own, "id"), member(own, "uuid"));
  EXPECT_TRUE(has(good("PATCH", "/v1/tenant", R"({"name":"Rivers"})"), R"("name":"Rivers")"));
  EXPECT_EQ(bad("PUT", "/v1/tenant", R"({"nam":"x"})"), "400 invalid_request_error nam");
  EXPECT_TRUE(has(good("PUT", "/v1/tenant", R"({"name":"Seas"})"), "https://secrets.example"));
  const std::string cleared = good("PUT", "/v1/tenant", R"({"secretsManager":""})");
  EXPECT_FALSE(has(cleared, "secrets_manager")) << cleared;
  EXPECT_FALSE(has(cleared, "remote_credential_store")) << cleared;
  EXPECT_TRUE(has(cleared, R"("name":"Seas")"));
  EXPECT_EQ(bad("DELETE", "/v1/tenant"), "409 conflict");
  provider();

  const std::string made = good("POST", "/v1/tenants", R"({"name":"acme"})");
  const std::string admin_key = member(made, "key");
  ASSERT_NE(catalog.key("acme", "admin"), nullptr);
  EXPECT_EQ(digest_from_hex(catalog.key("acme", "admin")->config.sha256),
            sha256_digest(admin_key));
  EXPECT_EQ(bad("POST", "/v1/tenants", R"({"name":"acme"})"), "409 conflict");
  EXPECT_EQ(count(good("GET", "/v1/tenants"), "\"object\":\"tenant\""), 2u);
  EXPECT_FALSE(has(good("GET", "/v1/tenants"), admin_key));
  tenant = "acme";
  EXPECT_EQ(good("GET", "/v1/providers"), R"({"object":"list","data":[]})");
  EXPECT_EQ(bad("GET", "/v1/providers/p"), "404 provider_not_found");
  provider();
  EXPECT_EQ(ask("POST", "/v1/tenant", R"({"name":"Acme"})").status, 201);
  EXPECT_EQ(ask("POST", "/v1/tenant", R"({"name":"Acme"})").status, 200);
  EXPECT_EQ(ask("DELETE", "/v1/tenant").status, 204);
  EXPECT_EQ(catalog.list<ProviderObject>("acme").size(), 0u);
}

TEST_F(Resources, ObjectsOfTheFileAreReadOnly) {
  LoadedConfig loaded = config_load_text(
      R"(
providers: [{name: filed, type: openai, data: {apikey: sk-planted-secret}}]
models: [{provider: filed, id: m, alias: chat, metadata: {cost: 0.5}}]
load_balancers: [{alias: chat}]
rate_limits: [{type: tenant, request: {amount: 1, capacity: 1, duration: 1s}}]
keys: [{name: app, key: file-key}]
policies: [{action: read, resource: "*", subject: "*"}]
)", "f", "", options);
  ASSERT_TRUE(loaded.usable()) << loaded.first_error();
  object_ids_fill(&loaded.config);
  ASSERT_TRUE(catalog.set_file(loaded.config, now));
  for (const char* list : {"providers", "providers/filed/models", "load-balancers", "rate-limits",
                           "keys", "policies"}) {
    const std::string text = good("GET", "/v1/" + std::string(list));
    EXPECT_TRUE(has(text, R"("managed_by":"file")")) << text;
    EXPECT_FALSE(has(text, "sk-planted-secret"));
  }
  const auto uuid_of = [&](const char* list) {
    return member(good("GET", "/v1/" + std::string(list)), "uuid");
  };
  const std::string limit = "/v1/rate-limits/" + uuid_of("rate-limits");
  const std::string model = uuid_of("providers/filed/models");
  EXPECT_TRUE(has(good("GET", "/v1/providers/filed/models"), R"("metadata":{"cost":0.5})"));
  const std::pair<const char*, std::string> writes[] = {
      {"PUT", "/v1/providers/filed/openai"},
      {"DELETE", "/v1/providers/filed"},
      {"PUT", "/v1/providers/filed/models/" + model},
      {"PATCH", "/v1/providers/filed/models/" + model},
      {"DELETE", "/v1/models/" + model},
      {"PUT", "/v1/load-balancers/chat"},
      {"DELETE", "/v1/load-balancers/chat"},
      {"PUT", limit},
      {"DELETE", limit},
      {"DELETE", "/v1/keys/app"},
      {"POST", "/v1/keys/app/rotate"},
      {"DELETE", "/v1/policies/" + uuid_of("policies")}};
  for (const auto& [method, path] : writes) {
    EXPECT_EQ(bad(method, path), "409 managed_by_file") << method << path;
  }
  // An API model may join a file's alias, and is shown as orphaned when its provider is gone.
  good("POST", "/v1/providers/filed/models", R"({"id":"n","alias":"chat"})");
  ASSERT_TRUE(catalog.set_file(Config(), now));
  EXPECT_EQ(catalog.list<ModelObject>("default").size(), 1u);
}

}  // namespace
}  // namespace weir
