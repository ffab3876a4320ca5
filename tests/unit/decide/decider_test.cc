// Goal: deciding alone does what a worker does with a request: keys, names, shares, failover,
// suspension and limits. Method: a configuration's text, times that are numbers.
#include <weir/decide.h>

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace weir {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// SHA-256 of "app-key".
std::string config(std::string_view extra = {}) {
  std::string sha;
  for (const uint8_t byte : key_sha256("app-key")) {
    sha += "0123456789abcdef"[byte >> 4];
    sha += "0123456789abcdef"[byte & 15];
  }
  return R"(
providers:
  - {name: a, type: openai, data: {apikey: "env:NOT_THERE"}}
  - {name: b, type: openai-compatible, data: {base_url: "http://127.0.0.1:8000/v1"}}
  - {name: c, type: anthropic, data: {apikey: "env:NOT_THERE"}}
models:
  - {provider: a, id: one, alias: fast}
  - {provider: b, id: two, alias: fast}
  - {provider: c, id: three, alias: fast}
  - {provider: b, id: vectors, alias: embed}
keys:
  - {name: app, sha256: ")" + sha + R"(", models: [fast]}
)" + std::string(extra);
}

struct DeciderTest : testing::Test {
  std::unique_ptr<Router> router;
  std::unique_ptr<Decider> decider;
  std::string body;
  RequestView view;
  uint64_t now = kSecond;
  KeyDigest key = key_sha256("app-key");

  void start(std::string_view extra = {}) {
    auto made = Router::create(config(extra), {.threads = 2, .seed = 7, .now_ns = now});
    ASSERT_TRUE(made) << made.error();
    router = std::move(*made);
    decider = std::make_unique<Decider>(router.get(), 0);
  }
  Decision ask(std::string_view model = "fast", Endpoint endpoint = Endpoint::kChat) {
    body = R"({"model":")" + std::string(model) + R"(","messages":[],"max_tokens":10})";
    const size_t size = body.size();
    body.resize(size + Decider::kPadding);
    EXPECT_TRUE(decider->scan({body.data(), size}, &view));
    return decider->decide({.request = &view, .endpoint = endpoint, .key = &key, .now_ns = now});
  }
  void done(Decision* decision) { decider->report(decision, {.now_ns = now}); }
};

TEST_F(DeciderTest, SharesAreEqual) {
  start();
  std::map<std::string, int> counts;
  for (int i = 0; i < 25; ++i) {
    Decision decision = ask();
    ASSERT_EQ(decision.verdict, Verdict::kGo);
    ++counts[std::string(decision.place.provider)];
    done(&decision);
  }
  EXPECT_EQ(counts["a"] + counts["b"] + counts["c"], 25);
  for (const char* name : {"a", "b", "c"}) EXPECT_GE(counts[name], 8);
}

TEST_F(DeciderTest, ThePlaceSaysWhereAndAsWhat) {
  start();
  Decision decision = ask("b/two");
  EXPECT_EQ(decision.verdict, Verdict::kRefused);  // the key may use `fast` only
  EXPECT_EQ(decision.error.code, Errc::kAccessDenied);
  Decision owner = decider->decide({.request = &view, .now_ns = now});
  ASSERT_EQ(owner.verdict, Verdict::kGo);
  EXPECT_EQ(owner.place.provider, "b");
  EXPECT_EQ(owner.place.provider_type, "openai-compatible");
  EXPECT_EQ(owner.place.authority, "127.0.0.1:8000");
  EXPECT_EQ(owner.place.base_path, "/v1");
  EXPECT_EQ(owner.place.model, "two");
  EXPECT_EQ(owner.place.model_json, "\"two\"");
  done(&owner);
}

TEST_F(DeciderTest, RefusesWhatAWorkerRefuses) {
  start();
  EXPECT_EQ(ask("nothing").error.code, Errc::kModelNotFound);
  const KeyDigest wrong = key_sha256("other");
  EXPECT_EQ(decider->decide({.request = &view, .key = &wrong}).error.code, Errc::kUnauthorized);
  const KeyDigest zero{};
  EXPECT_EQ(decider->decide({.request = &view, .key = &zero}).error.code, Errc::kUnauthorized);
  Decision embed = ask("fast", Endpoint::kEmbeddings);  // two of the three serve them
  EXPECT_NE(embed.place.provider, "c");
}

TEST_F(DeciderTest, PoliciesLeaveTargetsOut) {
  start("policies:\n"
        "  - {action: read, resource: 'provider:a', subject: '*', effect: deny}\n"
        "  - {action: read, resource: 'model:c/three', subject: 'group:other'}\n");
  for (int i = 0; i < 9; ++i) {
    Decision decision = ask();
    ASSERT_EQ(decision.verdict, Verdict::kGo);
    EXPECT_EQ(decision.place.provider, "b");
    done(&decision);
  }
  ASSERT_TRUE(router->update(
      config("policies:\n  - {action: read, resource: 'model:fast', subject: 'user:ann'}\n"), now));
  Decision refused = ask();
  EXPECT_EQ(refused.verdict, Verdict::kRefused);
  EXPECT_EQ(refused.error.code, Errc::kAccessDenied);
}

TEST_F(DeciderTest, AFaultGoesOnToTheNextAndSuspends) {
  start();
  Decision decision = ask();
  const std::string first(decision.place.provider);
  EXPECT_TRUE(decider->report(&decision, {.fault = Fault::kTarget, .now_ns = now}));
  EXPECT_EQ(decision.attempts, 2u);
  EXPECT_NE(decision.place.provider, first);
  EXPECT_FALSE(decider->report(&decision, {.now_ns = now}));
  for (int i = 0; i < 9; ++i) {
    Decision next = ask();
    EXPECT_NE(next.place.provider, first);
    done(&next);
  }
  now += 11 * kSecond;  // the default suspension is over: somebody probes it
  bool probed = false;
  for (int i = 0; i < 3; ++i) {
    Decision next = ask();
    probed = probed || (next.place.probe && next.place.provider == first);
    done(&next);
  }
  EXPECT_TRUE(probed);
}

TEST_F(DeciderTest, WhatWasDeliveredIsNotTriedAgain) {
  start();
  Decision decision = ask();
  EXPECT_FALSE(decider->report(&decision,
                               {.fault = Fault::kTarget, .delivered = true, .now_ns = now}));
}

TEST_F(DeciderTest, LimitsHoldOverThreadsAndReloads) {
  const char* limit = R"(
rate_limits:
  - {type: key, key: app, request: {amount: 1, capacity: 3, duration: 1h}}
)";
  start(limit);
  Decider other(router.get(), 1);
  std::vector<Decision> open;
  for (int i = 0; i < 2; ++i) open.push_back(ask());
  open.push_back(other.decide({.request = &view, .key = &key, .now_ns = now}));
  for (const Decision& decision : open) EXPECT_EQ(decision.verdict, Verdict::kGo);
  ASSERT_TRUE(router->update(config(limit), now));
  const Decision refused = ask();
  EXPECT_EQ(refused.error.code, Errc::kRateLimited);
  EXPECT_GT(refused.retry_after_ms, 3'500'000);
  // One that failed everywhere gives back what it took.
  while (decider->report(&open[0], {.fault = Fault::kTarget, .now_ns = now})) {
  }
  EXPECT_EQ(ask().verdict, Verdict::kGo);
  open.clear();
}

TEST_F(DeciderTest, TokensAreReservedAndSettled) {
  start(R"(
rate_limits:
  - {type: model, model: fast, token: {amount: 1, capacity: 100, duration: 1h}}
)");
  Decision first = ask();
  Usage usage;
  usage.prompt_tokens = 60;
  usage.completion_tokens = 30;
  usage.source = UsageSource::kProvider;
  decider->report(&first, {.delivered = true, .usage = usage, .now_ns = now});
  EXPECT_EQ(ask().error.code, Errc::kRateLimited);  // 10 are left; it wants 10 and its prompt
}

// One seed, the same questions at the same times: the same decisions, faults and all.
TEST_F(DeciderTest, ARecordedDayDecidesTheSameAgain) {
  std::vector<std::string> days[2];
  for (auto& day : days) {
    now = kSecond;
    start();
    for (int i = 0; i < 200; ++i) {
      now += kSecond / 7;
      Decision decision = ask();
      const Fault fault = i % 5 == 0 ? Fault::kTarget : Fault::kNone;
      day.push_back(std::string(decision.place.provider));
      while (decider->report(&decision, {.fault = fault, .now_ns = now})) {
        day.push_back(std::string(decision.place.provider));
      }
    }
    decider.reset();
  }
  EXPECT_EQ(days[0], days[1]);
  // The first fault goes on to both other places. Later ones find at most one place that is not
  // suspended: faults come oftener than suspensions end.
  EXPECT_EQ(days[0].size(), 202u);
}

TEST_F(DeciderTest, ThreadsTakeExactlyWhatThereIs) {
  start(R"(
rate_limits:
  - {type: key, key: app, request: {amount: 1, capacity: 1000, duration: 1h}}
)");
  decider.reset();
  std::array<int, 2> passed{};
  std::array<std::thread, 2> threads;
  for (uint32_t t = 0; t < 2; ++t) {
    threads[t] = std::thread([this, t, &passed] {
      Decider own(router.get(), t);
      std::string text = R"({"model":"fast","messages":[]})";
      const size_t size = text.size();
      text.resize(size + Decider::kPadding);
      RequestView request;
      EXPECT_TRUE(own.scan({text.data(), size}, &request));
      for (int i = 0; i < 900; ++i) {
        Decision decision = own.decide({.request = &request, .key = &key, .now_ns = now});
        if (decision.verdict != Verdict::kGo) continue;
        ++passed[t];
        own.report(&decision, {.now_ns = now});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(passed[0] + passed[1], 1000);
}

TEST_F(DeciderTest, ADecisionOutlivesAnUpdate) {
  start();
  Decision decision = ask();
  const std::string model(decision.place.model);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(router->update(R"({"providers": [{"name": "x", "type": "loopback"}],
                                   "models": [{"provider": "x", "id": "m"}]})",
                               now));
    EXPECT_EQ(ask().verdict, Verdict::kRefused);
  }
  EXPECT_EQ(decision.place.model, model);
  EXPECT_TRUE(decider->report(&decision, {.fault = Fault::kTarget, .now_ns = now}));
  done(&decision);
}

TEST(Router, SaysWhatIsWrongInOneLine) {
  const auto bad = Router::create("providers: [{name: a, type: none}]", {});
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().find("config:1:"), std::string::npos) << bad.error();
  EXPECT_EQ(bad.error().find('\n'), std::string::npos);
  EXPECT_FALSE(Router::create("{}", {.threads = 0}));
}

}  // namespace
}  // namespace weir
